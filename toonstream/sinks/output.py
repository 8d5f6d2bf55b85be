"""The rules that every file written here keeps: nothing is lost, and only a whole file gets the final name."""

import errno
import os
from itertools import count
from pathlib import Path

from av.error import FFmpegError
from toonstream_engines.errors import InputError, UserError

_LONGEST_NAME = 255  # bytes, on the file systems that are in use


class NameTakenError(UserError):
    """A file of the name has come up since `check_output`; the new one is whole, and keeps its part's name."""


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


def publish(part: Path, path: Path, overwrite: bool) -> None:
    """Give the whole file its final name. Raises UserError (NameTakenError) where that fails; the part stays then."""
    try:
        if overwrite:
            part.replace(path)
        else:
            _rename_to_free_name(part, path)
    except FileExistsError as error:
        raise NameTakenError(f"{path}: another program made this file meanwhile; yours is {part}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be created ({error.strerror}); what was written is {part}") from error


def _rename_to_free_name(part: Path, path: Path) -> None:
    """Rename, but raise FileExistsError where the name is taken, even if only since a moment ago."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links, as on memory cards: take the name first
        path.touch(exist_ok=False)
        part.replace(path)
    else:
        part.unlink()


def check_output(path: Path, original: Path | None, overwrite: bool) -> None:
    """Raises InputError where writing `path` would lose a file or there is no folder for it."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"{path}: this is a folder")
    if original and path.exists() and path.samefile(original):
        raise InputError(f"{path}: this is the input itself; name another output")
    if os.path.lexists(path) and not overwrite:
        raise InputError(f"{path}: the file is there already; --overwrite replaces it")


def failure(path: Path, error: OSError | FFmpegError) -> UserError:
    """The UserError for an operating system's error while writing `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UserError(f"{path}: the disk is full")
    return UserError(f"{path}: cannot be written ({error.strerror})")
