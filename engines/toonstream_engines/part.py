"""Files on their way: always new ones, beside the file that they are to become."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

_LONGEST_NAME = 255  # bytes, on the file systems that are in use


def with_mark(path: Path, mark: str) -> Path:
    """NAME and `mark` and the suffix, beside `path`. The end of a NAME that is too long for that goes."""
    stem = path.stem
    while stem and len(os.fsencode(f"{stem}{mark}{path.suffix}")) > _LONGEST_NAME:
        stem = stem[:-1]
    return path.with_name(f"{stem}{mark}{path.suffix}")


def make_part(path: Path) -> Path:
    """Makes the empty file in which `path` is written until it is whole: NAME.part.EXT, or NAME.part-2.EXT and so on.

    It is always a new file, never one that is there. Raises OSError where the folder takes none.
    """
    for number in count(1):
        part = with_mark(path, ".part" if number == 1 else f".part-{number}")
        try:
            part.touch(exist_ok=False)
        except FileExistsError:
            continue
        return part
    raise AssertionError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A part to write `path` in, whose place it takes at the end; after an exception nothing is changed or left."""
    part = make_part(path)
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
