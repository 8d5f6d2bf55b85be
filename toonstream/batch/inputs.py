"""Which files to read, and where each one's cartoon goes in the output folder."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from toonstream_engines.errors import InputError

from toonstream.choose import default_output, made_here
from toonstream.sources import SEARCHED


@dataclass(frozen=True)
class Job:
    """A file and its cartoon."""

    source: Path
    """Absolute, since workers have working directories of their own."""
    output: str
    """Relative to the output folder, with forward slashes: so the folder may be moved, or read elsewhere."""


Found = tuple[Path, Path] | InputError
"""A file with its place, the folder in the output folder that its cartoon goes to; or what is amiss with an input."""


def find_jobs(inputs: Iterable[str], folder: Path) -> tuple[list[Job], list[InputError]]:
    """The job of every file, none twice, and what is amiss with some inputs, which stops no other.

    inputs: files, folders and patterns of glob with ** among them. folder: of the output, absolute. A file goes into
    it; a folder keeps its own name and its tree there, as with `cp -r`, and so does what a pattern finds in the folder
    that it begins with. Results of batches in the output folder are no inputs, even if they are named. Neither a folder
    nor ** leads through a symbolic link to a folder, which may close a loop.
    """
    jobs: dict[str, Job] = {}
    seen: set[str] = set()
    problems = []
    for text in inputs:
        for found in _expand(text, folder):
            if isinstance(found, InputError):
                problems.append(found)
                continue
            path, place = found
            real = os.path.realpath(path)
            if real in seen:
                continue
            seen.add(real)
            output = (place / default_output(path).name).as_posix()
            if output in jobs:
                clash = f"{path}: would be written to {folder / output}, as {jobs[output].source} is"
                problems.append(InputError(f"{clash}; name their folders, or give it another output folder"))
            else:
                jobs[output] = Job(Path(os.path.abspath(path)), output)
    return list(jobs.values()), problems


def _expand(text: str, folder: Path) -> Iterator[Found]:
    if os.path.isdir(text):
        yield from _inside(Path(text), folder)
    elif os.path.exists(text):
        if not (made_here(Path(text)) and _is_in(Path(text), folder)):  # as `find` lists them the next time
            yield Path(text), Path()
    elif glob.has_magic(text):
        yield from _matching(text, folder)
    else:
        yield InputError(f"{text}: no such file")


def _inside(top: Path, folder: Path) -> Iterator[Found]:
    found = False
    errors: list[OSError] = []
    for here, folders, names in os.walk(top, onerror=errors.append):
        folders[:] = sorted(name for name in folders if name[0] != "." and not _same(os.path.join(here, name), folder))
        for name in sorted(names):
            path = Path(here, name)
            if _wanted(path):
                found = True
                yield path, _name(top) / path.parent.relative_to(top)
    for error in errors:
        yield InputError(f"{error.filename}: {error.strerror}")
    if not (found or errors):
        yield InputError(f"{top}: no video or photo in this folder")


def _matching(pattern: str, folder: Path) -> Iterator[Found]:
    parts = Path(pattern).parts
    plain = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    fixed, rest = Path(*parts[:plain]), parts[plain:]
    if rest[-1] == "**":
        rest += ("*",)  # files, too
    try:
        # unlike glob.glob, it does not go round where a link closes a loop
        paths = sorted(path for path in fixed.glob(str(Path(*rest))) if path.is_file() and _wanted(path))
    except ValueError as error:
        yield InputError(f"{pattern}: {error}")
        return
    inside = _is_in(fixed, folder)
    found = False
    for path in paths:
        hidden = any(part[0] == "." and part not in rest for part in path.relative_to(fixed).parts)
        if not hidden and (inside or not _is_in(path, folder)):
            found = True
            yield path, _name(fixed) / path.parent.relative_to(fixed)
    if not found:
        yield InputError(f"{pattern}: matches no video or photo")


def _wanted(path: Path) -> bool:
    return path.suffix.lower() in SEARCHED and path.name[0] != "." and not made_here(path)


def _name(folder: Path) -> Path:
    """A folder's own name; nothing for . and .. and /, which have none."""
    return Path() if folder.name == ".." else Path(folder.name)


def _same(path: str, folder: Path) -> bool:
    return os.path.realpath(path) == os.path.realpath(folder)


def _is_in(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
