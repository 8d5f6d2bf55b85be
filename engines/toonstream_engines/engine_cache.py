"""Built engines on disk: found by what they were built from, written whole or not at all, by one process at a time.

A file is a line of JSON about what follows, then the engine. Nothing here knows what builds them.
"""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toonstream_engines.cache import cache_folder

log = logging.getLogger(__name__)

SUFFIX = ".engine"
MOST_BYTES = 2 << 30
"""Of all engines together: the ones used longest ago go first. One of a small style takes some MB."""
HEAD_BYTES = 1 << 16

Key = Mapping[str, str]
"""All that an engine depends on. What is not in it must not matter."""


@dataclass(frozen=True)
class Built:
    """An engine's file, as `toonstream engines list` shows it."""

    path: Path
    key: Key
    size: int
    seconds: float
    """That building it took."""
    whole: bool
    """Whether its bytes are those that were written."""


def folder() -> Path:
    return cache_folder() / "engines"


def fetch(key: Key, build: Callable[[], bytes]) -> bytes:
    """The engine of that key, from disk, or built now and kept. Where nothing can be kept, it says so and all works."""
    if engine := read(key):
        return engine
    with _alone(key):
        if engine := read(key):  # another process was building it
            return engine
        start = time.monotonic()
        engine = build()
        keep(key, engine, time.monotonic() - start)
    return engine


def read(key: Key) -> bytes | None:
    """None where there is none, or a damaged one, which is logged and deleted."""
    path = _path(key)
    try:
        data = path.read_bytes()
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    found = _parse(path, data)
    if found.whole and found.key == key:
        with contextlib.suppress(OSError):
            os.utime(path)  # so that what is used stays
        return data[data.index(b"\n") + 1 :]
    log.warning("%s is damaged; it is made again", path)
    forget(key)
    return None


def keep(key: Key, engine: bytes, seconds: float = 0.0) -> None:
    head = {"key": dict(key), "seconds": seconds, "size": len(engine), "sha256": hashlib.sha256(engine).hexdigest()}
    try:
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        file, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        try:
            with os.fdopen(file, "wb") as out:
                out.write(json.dumps(head).encode() + b"\n" + engine)
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
        _bound(path)
    except (OSError, RuntimeError) as error:
        log.warning("the engine cannot be kept, so every start builds it again: %s", error)


def forget(key: Key) -> None:
    """For an engine that is whole and yet does not load."""
    with contextlib.suppress(OSError, RuntimeError):
        _path(key).unlink()


def every() -> list[Built]:
    """All engines on disk, the last used first."""
    found = []
    with contextlib.suppress(OSError, RuntimeError):
        for path in folder().glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):  # one that cannot be read, or that another process has just deleted
                found.append((path.stat().st_mtime, _parse(path, path.read_bytes())))
    return [engine for _, engine in sorted(found, key=lambda one: -one[0])]


def clear() -> tuple[int, int]:
    """Deletes all; returns how many files and bytes that were."""
    count = size = 0
    with contextlib.suppress(OSError, RuntimeError):
        for path in sorted(folder().iterdir()):
            with contextlib.suppress(OSError):
                size += path.stat().st_size
                path.unlink()
                count += path.suffix == SUFFIX
    return count, size


def _path(key: Key) -> Path:
    return folder() / (hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()[:32] + SUFFIX)


def _parse(path: Path, data: bytes) -> Built:
    try:
        line, engine = data[:HEAD_BYTES].split(b"\n", 1)[0], data[data.index(b"\n") + 1 :]
        head = json.loads(line)
        key = {str(name): str(value) for name, value in head["key"].items()}
        whole = len(engine) == head["size"] and hashlib.sha256(engine).hexdigest() == head["sha256"]
        return Built(path, key, len(engine), float(head["seconds"]), whole)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Built(path, {}, len(data), 0.0, False)


def _bound(newest: Path) -> None:
    """Deletes the oldest engines until the rest is small enough, but never the newest.

    Other files there are locks and parts, which another process may hold.
    """
    engines = (path for path in folder().glob(f"*{SUFFIX}") if path != newest)
    files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in engines)
    over = sum(size for _, size, _ in files) + newest.stat().st_size - MOST_BYTES
    for _, size, path in files:
        if over <= 0:
            return
        path.unlink(missing_ok=True)
        over -= size


@contextlib.contextmanager
def _alone(key: Key) -> Iterator[None]:
    """For one process at a time; others wait. Where there are no locks, two build the same, which is only slower."""
    from filelock import FileLock, Timeout

    lock = None
    try:
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            log.warning("another process is building this engine; waiting for it")
            lock.acquire()
    except (OSError, RuntimeError, NotImplementedError):
        lock = None
    try:
        yield
    finally:
        if lock:
            lock.release()
