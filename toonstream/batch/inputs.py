"""Which files to read, and where each one's cartoon goes in the output folder."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from toonstream_engines.errors import InputError

from toonstream.choose import default_output, made_here
from toonstream.sources import SUFFIXES


@dataclass(frozen=True)
class Job:
    """A file and its cartoon."""

    source: Path
    """Absolute, since workers have working directories of their own."""
    output: str
    """Relative to the output folder, with forward slashes: so the folder may be moved, or read elsewhere."""


def find_jobs(inputs: Iterable[str], folder: Path) -> tuple[list[Job], list[InputError]]:
    """The job of every file, none twice, and what is amiss with some inputs, which stops no other.

    inputs: files, folders and patterns of glob with ** among them. folder: of the output, absolute. A file goes into
    it; a folder keeps its own name and its tree there, as with `cp -r`, and so does what a pattern finds in the folder
    that it begins with.
    """
    jobs: dict[str, Job] = {}
    seen: set[str] = set()
    problems = []
    for text in inputs:
        try:
            for path, place in _expand(text, folder):
                real = os.path.realpath(path)
                if real in seen:
                    continue
                seen.add(real)
                output = (place / default_output(path).name).as_posix()
                if output in jobs:
                    other = jobs[output].source
                    problems.append(
                        InputError(f"{path}: would be written to {folder / output}, as {other} is; name their folders")
                    )
                else:
                    jobs[output] = Job(Path(os.path.abspath(path)), output)
        except InputError as error:
            problems.append(error)
    return list(jobs.values()), problems


def _expand(text: str, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Each file that is meant, with its place: the folder in the output folder that its cartoon goes to."""
    if os.path.isdir(text):
        yield from _inside(Path(text), folder)
    elif os.path.exists(text):
        yield Path(text), Path()
    elif glob.has_magic(text):
        yield from _matching(text, folder)
    else:
        raise InputError(f"{text}: no such file")


def _inside(top: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename}: {error.strerror}") from error

    found = False
    for here, folders, names in os.walk(top, onerror=fail):
        folders[:] = sorted(name for name in folders if name[0] != "." and not _same(os.path.join(here, name), folder))
        for name in sorted(names):
            path = Path(here, name)
            if _wanted(path):
                found = True
                yield path, _name(top) / path.parent.relative_to(top)
    if not found:
        raise InputError(f"{top}: no video or photo in this folder")


def _matching(pattern: str, folder: Path) -> Iterator[tuple[Path, Path]]:
    fixed = Path()
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        fixed /= part
    paths = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]
    paths = [path for path in paths if path.is_file() and _wanted(path) and not _is_in(path, folder)]
    if not paths:
        raise InputError(f"{pattern}: matches no video or photo")
    for path in paths:
        yield path, _name(fixed) / path.parent.relative_to(fixed)


def _wanted(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.name[0] != "." and not made_here(path)


def _name(folder: Path) -> Path:
    """A folder's own name; nothing for . and .. and /, which have none."""
    return Path() if folder.name == ".." else Path(folder.name)


def _same(path: str, folder: Path) -> bool:
    return os.path.realpath(path) == os.path.realpath(folder)


def _is_in(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
