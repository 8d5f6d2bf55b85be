"""`toonstream INPUT...`: videos, photos and folders of them, each into a cartoon beside it."""

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from engines import BACKENDS
from engines.errors import InputError, UserError
from toonstream import pipeline
from toonstream.composite import Toon
from toonstream.sinks import default_output, open_sink
from toonstream.sinks.output import part_of
from toonstream.sources import SUFFIXES, open_source
from toonstream.toonifier import Toonifier


def run(arguments: list[str]) -> int:
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    jobs, status = _jobs(options.input, options.output)
    with Toonifier(options.style, options.backend, options.faces) as toonifier:
        for source, output in jobs:
            try:
                _convert(source, output, toonifier, options)
            except UserError as error:
                print(f"toonstream: {error}", file=sys.stderr)
                status = max(status, error.status)
            except KeyboardInterrupt:
                done = f"what was done is in {part_of(output)}" if part_of(output).exists() else "nothing was done"
                print(f"toonstream: {source}: interrupted; {done}", file=sys.stderr)
                raise
            toonifier.forget()
    return status


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="toonstream", description="Turn every face in videos and photos into a cartoon; sound stays as it is."
    )
    parser.add_argument("input", nargs="+", type=Path, metavar="INPUT", help="a video, a photo, or a folder of them")
    parser.add_argument("-o", "--output", type=Path, help="a file or, for several inputs, a folder [NAME.toon.EXT]")
    parser.add_argument("--style", default="cel", help="a shipped style's name, or a style's folder [cel]")
    parser.add_argument("--faces", type=_faces, default=None, metavar="all|N", help="how many, the largest first [all]")
    parser.add_argument(
        "--backend", default="auto", help=f"auto, {' or '.join(BACKENDS)} [auto: the fastest that works]"
    )
    parser.add_argument("--encoder", help="the video encoder, by FFmpeg's name [libx264]")
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")
    return parser.parse_args(arguments)


def _faces(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: neither 'all' nor a number from 1")
    return int(text)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _jobs(inputs: list[Path], output: Path | None) -> tuple[list[tuple[Path, Path]], int]:
    """Each file to read with the one to write, and the exit status so far: an unreadable folder stops no other."""
    files: list[Path] = []
    status = 0
    for path in inputs:
        if not path.is_dir():
            files.append(path)
            continue
        try:
            inside = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and ".toon." not in p.name)
        except OSError as error:
            print(f"toonstream: {path}: {error.strerror}", file=sys.stderr)
            status = InputError.status
            continue
        if not inside:
            print(f"toonstream: {path}: no video or photo in this folder", file=sys.stderr)
            status = InputError.status
        files += inside
    into_folder = output is not None and (output.is_dir() or len(files) > 1 or any(p.is_dir() for p in inputs))
    if output is not None and into_folder:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{output}: {error.strerror}; several inputs need a folder to go to") from error
        return [(path, output / default_output(path).name) for path in files], status
    return [(path, output or default_output(path)) for path in files], status


def _convert(path: Path, output: Path, toonifier: Toonifier, options: argparse.Namespace) -> None:
    from tqdm import tqdm

    people: set[int] = set()
    frames, start = 0, time.perf_counter()
    with (
        open_source(path) as source,
        open_sink(output, source, encoder=options.encoder, overwrite=options.overwrite) as sink,
        tqdm(total=source.length, unit=" frames", desc=path.name, disable=None, leave=False) as bar,
    ):

        def tell(toons: list[Toon]) -> None:
            nonlocal frames
            frames += 1
            people.update(toon.face.identity for toon in toons)
            bar.update()

        pipeline.run(source, toonifier, sink, tell)
    seconds = time.perf_counter() - start
    for notice in source.notices + sink.notices:
        print(f"toonstream: {path}: {notice}", file=sys.stderr)
    faces = _count(len(people), "face") if people else "no face found, so nothing drawn"
    speed = f"{frames / seconds:.1f} frames a second"
    print(f"{output}: {_count(frames, 'frame')}, {faces}, {speed}; {toonifier.engine.description}")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + "s" * (number != 1)
