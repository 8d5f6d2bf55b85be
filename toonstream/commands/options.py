"""What several commands have in common: options of style and faces, and what an interrupt does."""

import argparse
import os
import signal
from collections.abc import Callable
from types import FrameType

from toonstream_engines import BACKENDS
from toonstream_engines.style import DEFAULT


def add_style_options(parser: argparse.ArgumentParser) -> None:
    """style (str), faces (int, or None for all), backend (str) and quiet (bool)."""
    parser.add_argument("--style", default=DEFAULT, help="a shipped style's name, or a style's folder [%(default)s]")
    parser.add_argument(
        "--faces",
        type=_faces,
        default=None,
        metavar="all|N",
        help="how many: the largest at first, then the same people [all]",
    )
    parser.add_argument(
        "--backend", default="auto", help=f"auto, the fastest that works; or {', '.join(BACKENDS)} [auto]"
    )
    add_quiet(parser)


def add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help="print problems only")


def heed_interrupts(stop: Callable[[], None] | None = None) -> None:
    """The first signal to end calls `stop`, or else raises KeyboardInterrupt; no other one breaks into the end."""
    to_end = [signal.SIGINT, signal.SIGTERM]
    if os.name == "posix":
        to_end.append(signal.SIGHUP)  # the terminal was closed

    def interrupt(signal_number: int, frame: FrameType | None) -> None:
        for number in to_end:
            signal.signal(number, signal.SIG_IGN)
        if stop is None:
            raise KeyboardInterrupt
        stop()

    for number in to_end:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def _faces(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: neither 'all' nor a number from 1")
    return int(text)
