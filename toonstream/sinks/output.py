"""The rules that every file written here keeps: nothing is lost, and only a whole file gets the final name."""

import errno
import os
from pathlib import Path

from av.error import FFmpegError
from toonstream_engines.errors import InputError, UserError


class NameTakenError(UserError):
    """A file of the name has come up since `check_output`; the new one is whole, and keeps its part's name."""


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
        try:
            part.replace(path)
        except OSError:
            path.unlink()
            raise
    else:
        part.unlink()


def check_output(path: Path, original: Path | None, overwrite: bool) -> None:
    """Raises InputError where writing `path` would lose a file, or no file can be there."""
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except OSError as error:  # of a name that is too long, say
        raise InputError(f"{path}: {error.strerror}") from error
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it, or name another")
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
