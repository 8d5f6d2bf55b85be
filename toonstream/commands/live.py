"""`toonstream live`: from a camera, the screen, a stream or a file to virtual cameras, streams, windows, recordings."""

import argparse
import os
import re
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from toonstream_engines.errors import InputError

from toonstream.choose import open_live_sinks, open_live_source
from toonstream.commands.options import add_style_options, heed_interrupts
from toonstream.commands.parser import Parser
from toonstream.live.guard import ON_LOST
from toonstream.live.session import Session
from toonstream.live.switch import Switch
from toonstream.sinks import LiveSink
from toonstream.sources import CaptureRequest

LOOK_SECONDS, LOG_SECONDS = 0.5, 10.0
"""Between two updates of the figures, and between two lines where no terminal shows them."""

ADVICE_SECONDS = 10.0
"""How long to measure before advising on sound."""


def run(arguments: list[str]) -> int:
    options = _parse(arguments)
    heed_interrupts()
    _check_recordings(options.sinks or [])
    request = CaptureRequest(_size(options.size) if options.size else None, options.rate)
    with ExitStack() as opened:
        source = opened.enter_context(Switch(options.source, lambda name: open_live_source(name, request)))
        session = opened.enter_context(Session(options.style, options.backend, options.faces, options.on_lost))
        sinks: list[LiveSink] = []
        for name in options.sinks or ["virtualcam"]:
            sinks += open_live_sinks(name, source, session, opened, options.overwrite)
        if not options.quiet:
            print(f"from {source.description}{_unlike(request, source.size, source.rate)}")
            for sink in sinks:
                print(f"to {sink.description}")
        status = _Status(session, options.audio_delay, options.quiet)
        heed_interrupts(session.stop)
        try:
            session.run(source, sinks, status.tell)
        except KeyboardInterrupt:  # a key in a window
            pass
        finally:
            status.close()
    return 0


def _check_recordings(names: list[str]) -> None:
    """Raises InputError where two recordings would be one file: the second would not be there at the end."""
    files = [os.path.realpath(name) for name in names if "://" not in name and Path(name).suffix]
    if twice := next((file for file in files if files.count(file) > 1), None):
        raise InputError(f"--to {twice}: given twice; leave one out")


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="toonstream live",
        usage="toonstream live [options]",
        description="Show a cartoon of every face, live. Ctrl-C ends it.",
        examples=(
            "toonstream live                              # the first camera into a virtual camera",
            'toonstream live --from "HD Webcam" --size 1920x1080 --to window --to call.mp4',
            "toonstream live --from screen:0,0,1280x720",
            "toonstream live --to http://127.0.0.1:8080   # a stream for OBS, and a page to control it",
        ),
    )
    parser.add_argument(
        "--from",
        dest="source",
        default="0",
        metavar="SOURCE",
        help="a camera (number, part of its name, or path), screen or screen:LEFT,TOP,WIDTHxHEIGHT, an address such as "
        "rtsp://..., or a video file, which is played in a loop [0]",
    )
    parser.add_argument(
        "--to",
        dest="sinks",
        action="append",
        metavar="SINK",
        help="virtualcam or virtualcam:DEVICE; window; http://127.0.0.1:8080, a stream for OBS and a page to control "
        "it; tcp://127.0.0.1:9000, a stream with the sound that a --from stream has; a file to record to. May be given "
        "several times [virtualcam]",
    )
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", help="the camera's resolution, if it has that one [1280x720]")
    parser.add_argument("--rate", type=int, metavar="N", help="the camera's frames a second, if it has that rate [30]")
    add_style_options(parser)
    parser.add_argument(
        "--on-lost",
        choices=ON_LOST,
        default="hold",
        metavar="HOW",
        help="when a face is lost: hold the last picture, later blur it, later show a still; blur at once; or pass the "
        "real face [hold]",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a recording that is there already")
    parser.add_argument("--audio-delay", action="store_true", help="print by how much to delay the sound")
    options = parser.parse_args(arguments)
    if options.rate is not None and not 1 <= options.rate <= 1000:
        raise InputError(f"--rate {options.rate}: from 1 to 1000 frames a second")
    return options


def _size(text: str) -> tuple[int, int]:
    numbers = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not numbers or not int(numbers[1]) or not int(numbers[2]):
        raise InputError(f"--size {text}: width and height in pixels, such as 1280x720")
    return int(numbers[1]), int(numbers[2])


def _unlike(request: CaptureRequest, size: tuple[int, int], rate: object) -> str:
    """What was asked for, where something else was given."""
    asked = []
    if request.size not in (None, size):
        asked.append("{}x{}".format(*request.size or ()))
    if request.rate not in (None, rate):
        asked.append(f"{request.rate} frames a second")
    return f" (asked for {' at '.join(asked)}, which it does not have)" if asked else ""


class _Status:
    """Prints figures, in a line that is renewed on a terminal or now and then in a log, and problems at once."""

    def __init__(self, session: Session, advise: bool, quiet: bool) -> None:
        """quiet: problems and the advice alone."""
        self._session = session
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._look_at = self._line_at = time.monotonic()
        self._advise_at = time.monotonic() + ADVICE_SECONDS if advise else float("inf")
        self._problem: object = None

    def tell(self) -> None:
        moment = time.monotonic()
        if moment < self._look_at:
            return
        self._look_at = moment + LOOK_SECONDS
        figures = self._session.figures()
        if figures["message"] != self._problem:
            self._problem = figures["message"]
            if self._problem:
                self._print(f"toonstream: {self._problem}")
        if moment > self._advise_at and (advice := _advice(figures)):
            self._print(advice)
            self._advise_at = float("inf")
        if self._quiet:
            return
        if self._terminal:
            _put(f"\r\x1b[K{_line(figures)}", end="")
        elif moment >= self._line_at:
            self._line_at = moment + LOG_SECONDS
            _put(_line(figures))

    def close(self) -> None:
        if not self._quiet:
            self._print(_line(self._session.figures()))

    def _print(self, line: str) -> None:
        _put("\r\x1b[K" * self._terminal + line)


def _put(text: str, end: str = "\n") -> None:
    """To stderr. A terminal that is gone, or a log on a full disk, ends no call."""
    with suppress(OSError):
        print(text, end=end, file=sys.stderr, flush=True)


def _line(figures: dict[str, Any]) -> str:
    delay, stages = figures["delay_ms"], figures["stages_ms"]
    parts = [f"{figures['fps']:.1f} frames a second" if figures["state"] == "running" else figures["state"]]
    if delay["p50"] is not None:
        parts.append(f"delay {delay['p50']:.0f} ms (95 %: {delay['p95']:.0f})")
    parts += [f"{figures['dropped']} dropped"]
    parts += [" ".join(f"{name} {spent:.0f}" for name, spent in stages.items()) + " ms"] if stages else []
    parts += [figures["picture"], f"{figures['style']}: {figures['backend']}"]
    return ", ".join(parts)


def _advice(figures: dict[str, Any]) -> str | None:
    """What to enter for the sound, which comes without the picture's delay."""
    delay = figures["delay_ms"]["p50"]
    if delay is None:
        return None
    return f"sound: delay it by {5 * round(delay / 5)} ms; in OBS: Advanced Audio Properties, Sync Offset"
