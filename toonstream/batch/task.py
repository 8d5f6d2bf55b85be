"""What a worker does with one file."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from typing import Any

from filelock import FileLock
from toonstream_engines import load_style, open_engine
from toonstream_engines.cache import cache_folder
from toonstream_engines.errors import InputError, UserError

from toonstream import __version__, pipeline
from toonstream.batch.inputs import Job
from toonstream.batch.manifest import Manifest, Record, fingerprint
from toonstream.batch.scratch import scratch, someone_died
from toonstream.batch.style import unpacked
from toonstream.choose import open_sink, open_source
from toonstream.composite import Toon
from toonstream.sinks.output import NameTakenError, check_output, failure, publish
from toonstream.toonifier import Toonifier

TELL_SECONDS = 1.0
"""Between two words of progress from one file."""

Tell = Callable[[int, int | None], None]
"""Given the frames that are done, and an estimate of their number, now and then."""


@dataclass(frozen=True)
class Settings:
    """What all files of a batch have in common."""

    folder: Path
    """Of the output, absolute."""
    style: str
    """The sha256 of a PackedStyle, which is unpacked on every worker."""
    faces: int | None = None
    encoder: str | None = None
    backend: str = "auto"
    overwrite: bool = False

    def noted(self) -> dict[str, Any]:
        """What a result depends on; not the backend, since all draw the same."""
        return {"style": self.style, "faces": self.faces, "encoder": self.encoder}


@dataclass(frozen=True)
class Outcome:
    """Of one try. One of three: a record; an error; or neither, where an earlier try at the file killed its worker."""

    record: Record | None = None
    error: str = ""
    status: int = 0
    """Of the error, as a command's exit status; that of an InputError means that trying again would change nothing."""
    refused: bool = False
    """Whether the job itself has not failed: a file is there which may not be replaced, or the worker has no engine."""

    def note(self, job: Job, settings: Settings) -> list[str]:
        """Writes the error to the manifest, so that the next run knows of it; what is amiss with that, in a line."""
        if self.refused:
            return []
        manifest = Manifest(settings.folder)
        try:
            noted = {"path": str(job.source), **fingerprint(job.source)}
        except OSError:  # it is gone, or not to be read: the next run sees for itself
            return []
        record = {"output": job.output, "input": noted, "settings": settings.noted(), "version": __version__}
        try:
            manifest.append({**record, "error": self.error, "status": self.status})
        except OSError as error:
            return [str(failure(manifest.path, error))]
        return []


class NoEngineError(UserError):
    """This worker cannot run the style; another may."""


def convert(job: Job, settings: Settings, tell: Tell) -> Outcome:
    """Makes the job's result, unless it is there. It may run twice, at the same time even: one result comes of it.

    Never raises an Exception: what went wrong is in the outcome.
    """
    output = settings.folder / job.output
    manifest = Manifest(settings.folder)

    def made() -> Record | None:
        """The result, where another try was first."""
        return manifest.read().result(job, settings.noted()) if output.exists() else None

    try:
        if record := made():
            return Outcome(record)
        output.parent.mkdir(parents=True, exist_ok=True)
        if someone_died(output):
            return Outcome()
        try:
            check_output(output, job.source, settings.overwrite)
        except UserError as error:
            return Outcome(error=str(error), status=error.status, refused=True)
        with scratch(output) as folder:
            part = folder / output.name
            try:
                record = _draw(job, settings, part, tell)
                manifest.append(record)
                publish(part, output, settings.overwrite)
            except NameTakenError as error:
                if record := made():
                    return Outcome(record)
                return Outcome(error=f"{output}: a file of that name has come up meanwhile", status=error.status)
            except NoEngineError as error:
                return Outcome(error=str(error), status=error.status, refused=True)
            except UserError as error:
                return Outcome(error=str(error).replace(str(part), str(output)), status=error.status)
        return Outcome(record)
    except OSError as error:
        return Outcome(error=str(failure(output, error)), status=UserError.status)
    except UserError as error:
        return Outcome(error=str(error), status=error.status)
    except Exception as error:  # a fault of ours: it must not cost the other files
        report = f"{job.source}: {type(error).__name__}: {error}; please report this"
        return Outcome(error=report, status=UserError.status)


def _draw(job: Job, settings: Settings, part: Path, tell: Tell) -> Record:
    """Writes the result to `part`; returns its line of the manifest."""
    start = told = time.monotonic()
    try:
        noted = fingerprint(job.source)
    except OSError as error:
        raise InputError(f"{job.source}: {error.strerror}") from error
    people: set[int] = set()
    frames = 0
    with open_source(job.source) as source, _toonifier(settings) as toonifier:
        sink = open_sink(part, source, encoder=settings.encoder)

        def count(toons: list[Toon]) -> None:
            nonlocal frames, told
            frames += 1
            people.update(toon.face.identity for toon in toons)
            if (now := time.monotonic()) - told >= TELL_SECONDS:
                told = now
                tell(frames, source.length)

        with sink:
            pipeline.run(source, toonifier, sink, count)
        engine = toonifier.engine.description
    return {
        "output": job.output,
        "input": {"path": str(job.source), **noted},
        "settings": settings.noted(),
        "result": fingerprint(part),
        "frames": frames,
        "faces": len(people),
        "seconds": round(time.monotonic() - start, 3),
        "notices": [*source.notices, *sink.notices],
        "engine": engine,
        "machine": gethostname(),
        "version": __version__,
    }


_kept = threading.local()
"""The thread's last toonifier, since opening one takes as long as drawing a photo: `key` and `toonifier`."""


@contextmanager
def _toonifier(settings: Settings) -> Iterator[Toonifier]:
    """One that has seen no face yet. Raises NoEngineError where it cannot be opened."""
    key = settings.style, settings.backend, settings.faces
    if getattr(_kept, "key", None) != key:
        _drop()
        with ExitStack() as alone:  # a machine's first one measures the backends, and builds engines, for all others
            with suppress(OSError, RuntimeError, NotImplementedError):
                cache_folder().mkdir(parents=True, exist_ok=True)
                alone.enter_context(FileLock(cache_folder() / "batch.lock"))
            try:
                engine = open_engine(load_style(unpacked(settings.style)), settings.backend)
            except UserError as error:
                raise NoEngineError(f"{gethostname()}: {error}") from error
        _kept.toonifier, _kept.key = Toonifier(engine, faces=settings.faces), key
    try:
        yield _kept.toonifier
    except BaseException:
        _drop()
        raise
    _kept.toonifier.reset()


def _drop() -> None:
    if getattr(_kept, "key", None):
        _kept.key = None
        _kept.toonifier.close()
