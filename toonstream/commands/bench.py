"""`toonstream bench`: frame rates for the machine in front of you, as a table, JSON and a picture."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from toonstream_engines import BACKENDS
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.model import PRECISIONS
from toonstream_engines.style import DEFAULT

from toonstream.commands.options import add_quiet, heed_interrupts
from toonstream.commands.parser import Parser, nonempty

FILES = "bench.json", "bench.txt", "bench.png"

LINE_SECONDS = 10.0
"""Between two lines of progress, where no terminal shows a bar."""


def run(arguments: list[str]) -> int:
    options = _parse(arguments)
    if options.compare:
        from toonstream.bench.compare import compare, load

        print(compare(*map(load, options.compare)), end="")
        return 0
    heed_interrupts()  # so that the clips that are made do not stay
    paths = _outputs(Path(options.out), options.overwrite)
    from toonstream.bench.measure import Wanted, measure
    from toonstream.bench.picture import draw
    from toonstream.bench.table import table

    wanted = Wanted(
        styles=options.style,
        externals=options.peer,
        backends=options.backend,
        precisions=options.precision,
        sizes=options.size,
        faces=options.faces,
        input=Path(options.input) if options.input else None,
        seconds=options.seconds,
        rounds=options.rounds,
    )
    quiet = options.quiet
    result = measure(
        wanted, _say, (lambda line: None) if quiet else _say, (lambda turns: turns) if quiet else _progress
    )
    text = table(result)
    print(text, end="")
    try:
        paths[0].write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        paths[1].write_text(text, encoding="utf-8")
        draw(result, paths[2])
    except OSError as error:
        raise _unwritable(paths[0].parent, error) from error
    if not quiet:
        print(f"\nwritten: {', '.join(map(str, paths))}")
    return 0


def _outputs(folder: Path, overwrite: bool) -> list[Path]:
    """Where the results go: their folder is made, and tried, before anything is measured. Raises UserError."""
    paths = [folder / name for name in FILES]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            there = [path for path in paths if path.exists()]
    except OSError as error:
        raise _unwritable(folder, error) from error
    if there and not overwrite:
        raise InputError(f"{there[0]}: the file is there already; --overwrite replaces it, --out names another folder")
    return paths


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(f"{folder}: cannot be written ({error.strerror}); give another --out")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="toonstream bench",
        usage="toonstream bench [options]",
        description="Measure frame rates on this machine, beside plain decoding and encoding of the same clip. "
        "Everything takes turns, in processes of its own, on a clip that is made for it.",
        examples=(
            "toonstream bench                             # the default style with every backend that is installed",
            "toonstream bench --size 1920x1080 --faces 1 4",
            "toonstream bench --input call.mp4 --backend onnxruntime",
            "toonstream bench --compare old/bench.json bench/bench.json",
        ),
    )
    parser.add_argument("--style", nargs="+", default=[DEFAULT], help=f"styles by name or folder [{DEFAULT}]")
    parser.add_argument(
        "--peer", nargs="+", default=[], metavar="ONNX[:WORDS]", help="other generators; see toonstream-train evaluate"
    )
    parser.add_argument(
        "--backend",
        nargs="+",
        default=[],
        choices=list(BACKENDS),
        metavar="NAME",
        help=f"of {', '.join(BACKENDS)} [all that are installed]",
    )
    parser.add_argument(
        "--precision",
        nargs="+",
        default=[],
        choices=PRECISIONS,
        metavar="NAME",
        help=f"of {', '.join(PRECISIONS)} [all that there are]",
    )
    parser.add_argument("--size", nargs="+", type=_size, default=[(1280, 720)], metavar="WxH", help="[1280x720]")
    parser.add_argument("--faces", nargs="+", type=_faces, default=[], metavar="N", help="how many in the clip [1]")
    parser.add_argument(
        "--input", type=nonempty, metavar="VIDEO", help="a clip of your own; --faces draws the N largest"
    )
    parser.add_argument("--seconds", type=_seconds, default=6.0, help="of the clip [6]")
    parser.add_argument(
        "--rounds", type=_faces, default=5, help="how often to measure each [5, the least for --compare]"
    )
    parser.add_argument("-o", "--out", type=nonempty, default="bench", metavar="FOLDER", help="for the results [bench]")
    parser.add_argument("--overwrite", action="store_true", help="replace results that exist")
    parser.add_argument(
        "--compare", nargs=2, type=Path, metavar="JSON", help="compare two earlier results instead of measuring"
    )
    add_quiet(parser)
    return parser.parse_args(arguments)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()) or int(width) % 2 or int(height) % 2:
        raise argparse.ArgumentTypeError(f"{text}: not a width and a height, both even, such as 1280x720")
    if not (64 <= int(width) <= 7680 and 64 <= int(height) <= 7680):
        raise argparse.ArgumentTypeError(f"{text}: sides are 64 to 7680 pixels")
    return int(width), int(height)


def _faces(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text}: not a number from 1 to 100")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text}: not a number from 1 to 600")
    return seconds


def _say(line: str) -> None:
    print(f"toonstream: {line}", file=sys.stderr)


def _progress(turns: list[Any]) -> Iterator[Any]:
    """The turns, and how far they are: a bar on a terminal, now and then a line where there is none."""
    from tqdm import tqdm

    if sys.stderr.isatty():
        yield from tqdm(turns, unit=" measurements", desc="bench", leave=False)
        return
    last = time.monotonic()
    for number, turn in enumerate(turns):
        if not number or time.monotonic() > last + LINE_SECONDS:
            last = time.monotonic()
            _say(f"measurement {number + 1} of {len(turns)}")
        yield turn
