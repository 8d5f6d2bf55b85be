"""A folder for one try at one file, beside the output: what dies leaves it, and whoever comes next can tell.

Its holder has a lock in it, which the system lets go of when the holder dies, however it dies. Where a file system has
no locks, such a folder is never taken for a dead one, and stays.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_PREFIX = ".toonstream-"
_LOCK = "lock"


@contextmanager
def scratch(output: Path) -> Iterator[Path]:
    """A new folder beside `output` to write it in; nothing of it is left. Raises OSError."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_prefix(output), dir=output.parent))
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire()
            if (folder / _LOCK).exists():
                break
            lock.release()
        except FileNotFoundError:
            pass  # it was swept away, between its making and its lock
        except BaseException:
            folder.rmdir()
            raise
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def someone_died(output: Path) -> bool:
    """Whether a try at this output has died since the last sweep; what it left goes."""
    return any(map(_remove, list(output.parent.glob(f"{_prefix(output)}*"))))


def sweep(folders: Iterable[Path]) -> None:
    """Removes what dead tries left in these folders; the living are let be."""
    for folder in set(folders):
        for left in folder.glob(f"{_PREFIX}*-*"):
            _remove(left)


def _prefix(output: Path) -> str:
    return f"{_PREFIX}{hashlib.sha256(output.name.encode(errors='surrogateescape')).hexdigest()[:16]}-"


def _remove(folder: Path) -> bool:
    """Whether the folder was one that nobody holds; it is gone then."""
    if not (folder / _LOCK).exists():
        with suppress(OSError):
            folder.rmdir()  # if it is empty: its holder died before it took the lock, or makes another
        return False
    try:
        with FileLock(folder / _LOCK).acquire(timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
            return True
    except (Timeout, OSError, NotImplementedError):
        return False
