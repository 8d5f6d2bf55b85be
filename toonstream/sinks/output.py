"""The rules that every file written here keeps: nothing is lost, and only a whole file gets the final name."""

import errno
from pathlib import Path

from av.error import FFmpegError
from toonstream_engines.errors import InputError, UserError


def part_of(path: Path) -> Path:
    """The name under which the file is written until it is whole."""
    return path.with_name(f"{path.stem}.part{path.suffix}")


def check_output(path: Path, original: Path | None, overwrite: bool) -> None:
    """Raises InputError where writing `path` would lose a file or there is no folder for it."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise InputError(f"{path}: this is a folder")
    if original and path.exists() and path.samefile(original):
        raise InputError(f"{path}: this is the input itself; name another output")
    if path.exists() and not overwrite:
        raise InputError(f"{path}: the file is there already; --overwrite replaces it")


def failure(path: Path, error: OSError | FFmpegError) -> UserError:
    """What to tell about an error of the system while `path` is written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UserError(f"{path}: the disk is full")
    return UserError(f"{path}: cannot be written ({error.strerror})")
