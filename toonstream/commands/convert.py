"""`toonstream INPUT...`: videos, photos and folders of them, each into a cartoon beside it."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
from toonstream_engines.errors import InputError, UserError

from toonstream import pipeline
from toonstream.choose import default_output, made_here, open_sink, open_source
from toonstream.commands.isolated import run_isolated
from toonstream.commands.options import add_style_options, heed_interrupts
from toonstream.commands.parser import Parser, nonempty
from toonstream.composite import Toon
from toonstream.sinks.encoders import find_encoder
from toonstream.sources import SEARCHED, SUFFIXES
from toonstream.toonifier import Toonifier


def run(arguments: list[str]) -> int:
    options = _parse(arguments)
    heed_interrupts()
    jobs, status = _jobs([Path(name) for name in options.input], options.output)
    if options.encoder:
        find_encoder(options.encoder)
    if len(jobs) > 1:
        return max(status, run_isolated(partial(_work, options=options), jobs))
    statuses = [status]
    _work(jobs, statuses.append, options)
    return max(statuses)


def _work(jobs: Sequence[tuple[Path, Path]], tell: Callable[[int], None], options: argparse.Namespace) -> None:
    """Convert files one after the other, and tell the exit status of each."""
    if not jobs:
        return
    cv2.setNumThreads(1)  # the stages share the cores already
    with Toonifier(options.style, options.backend, options.faces) as toonifier:
        for source, output in jobs:
            status = 0
            try:
                _convert(source, output, toonifier, options)
            except UserError as error:
                status = _fail(error)
            except KeyboardInterrupt:
                print(f"toonstream: {source}: interrupted", file=sys.stderr)
                raise
            except Exception as error:  # a fault of ours: it must not cost the other files
                status = _fail(f"{source}: {type(error).__name__}: {error}; please report this")
            toonifier.reset()
            tell(status)


def _fail(error: UserError | str) -> int:
    """Prints what went wrong; returns the exit status for it."""
    print(f"toonstream: {error}", file=sys.stderr)
    return error.status if isinstance(error, UserError) else UserError.status


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="toonstream convert",
        usage="toonstream [convert] INPUT... [options]",
        description="Turn every face in videos and photos into a cartoon; sound stays as it is.",
        examples=(
            "toonstream holiday.mov                       # writes holiday.toon.mov beside it",
            "toonstream talk.mp4 photo.jpg Clips/ -o out/ # several files and folders",
            "toonstream talk.mp4 --faces 1                # one person: the largest face at first",
            "toonstream talk.mp4 --style film --encoder libx265",
        ),
    )
    parser.add_argument(
        "input", nargs="+", type=nonempty, metavar="INPUT", help="a video, a photo, or a folder of them"
    )
    parser.add_argument("-o", "--output", type=nonempty, help="a file or, for several inputs, a folder [NAME.toon.EXT]")
    add_style_options(parser)
    parser.add_argument("--encoder", help="the video encoder, by FFmpeg's name [libx264]")
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    return parser.parse_args(arguments)


def _jobs(inputs: list[Path], output: str | None) -> tuple[list[tuple[Path, Path]], int]:
    """Each file to read with the one to write, and the exit status so far: what is amiss with one stops no other."""
    found: list[Path] = []
    status = 0
    for path in inputs:
        if os.path.isdir(path):  # of a name that no file can have, Path.is_dir raises
            try:
                inside = _inside(path)
            except UserError as error:
                status = max(status, _fail(error))
            else:
                found += inside
        elif os.path.exists(path):
            found.append(path)
        else:
            status = max(status, _fail(InputError(f"{path}: no such file")))
    files: dict[str, Path] = {}
    for path in found:
        files.setdefault(os.path.realpath(path), path)  # whatever is given twice is converted once
    several = len(files) > 1 or any(os.path.isdir(path) for path in inputs)
    folder = Path(output) if output and _is_folder(output, several) else None
    jobs: dict[Path, Path] = {}
    for path in files.values():
        target = folder / default_output(path).name if folder else Path(output) if output else default_output(path)
        if target in jobs:
            clash = f"{path}: would be written to {target}, as {jobs[target]} is; convert it by itself"
            status = max(status, _fail(InputError(clash)))
        else:
            jobs[target] = path
    return [(path, target) for target, path in jobs.items()], status


def _inside(folder: Path) -> list[Path]:
    """The videos and photos in a folder, but for what an earlier run made there."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SEARCHED)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from error
    files = [path for path in files if not made_here(path)]
    if not files:
        raise InputError(f"{folder}: no video or photo in this folder")
    return files


def _is_folder(output: str, several: bool) -> bool:
    """Whether the output is a folder for what is made, rather than its name; the folder is there then."""
    path, there = Path(output), os.path.isdir(output)  # of a name that no file can have, Path.is_dir raises
    if not (there or several or output.endswith(("/", os.sep))):
        return False
    if not there and path.suffix.lower() in SUFFIXES:
        raise InputError(f"{path}: the name of one file, for several; name a folder")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; several inputs need a folder to go to") from error
    return True


def _convert(path: Path, output: Path, toonifier: Toonifier, options: argparse.Namespace) -> None:
    from tqdm import tqdm

    people: set[int] = set()
    frames, start = 0, time.perf_counter()
    with open_source(path) as source:
        sink = open_sink(output, source, encoder=options.encoder, overwrite=options.overwrite)
        bar = tqdm(total=source.length, unit=" frames", desc=path.name, disable=options.quiet or None, leave=False)

        def tell(toons: list[Toon]) -> None:
            nonlocal frames
            frames += 1
            people.update(toon.face.identity for toon in toons)
            bar.update()

        try:
            with sink, bar:
                pipeline.run(source, toonifier, sink, tell)
        finally:
            for notice in source.notices + sink.notices:
                print(f"toonstream: {path}: {notice}", file=sys.stderr)
    seconds = time.perf_counter() - start
    if options.quiet:
        return
    faces = _count(len(people), "face") if people else "no face found, so nothing drawn"
    speed = f"{frames / seconds:.1f} frames a second"
    print(f"{output}: {_count(frames, 'frame')}, {faces}, {speed}; {toonifier.engine.description}")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + "s" * (number != 1)
