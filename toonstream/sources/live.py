"""Live sources: cameras, the screen, streams, and files played in a loop."""

import re
import time
from collections import deque
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from av import AudioFrame
from toonstream_engines.errors import InputError

from toonstream.frame import Frame
from toonstream.orientation import Rect

MICROSECOND = Fraction(1, 1_000_000)


class CaptureRequest(NamedTuple):
    """What a camera or the screen is asked for; it may give something else. size: (width, height); rate: a second."""

    size: tuple[int, int] | None = None
    rate: int | None = None


class LiveSource(Protocol):
    """Something that goes on whether anybody reads it or not. One thread at a time.

    size: (width, height) of all its frames. rate: nominal frames a second, None if unknown. description: what it is and
    what it gives, for people. problem: why it gives nothing at the moment, or None. Each frame's pts is the moment of
    its capture on the clock of time.monotonic, in microseconds, and its picture is stored upright.
    """

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def rate(self) -> Fraction | None: ...

    @property
    def description(self) -> str: ...

    @property
    def problem(self) -> str | None: ...

    def read(self) -> Frame | None:
        """The next frame; None where there is none yet. What is closed or lost is opened again, once a second."""

    def listen(self) -> deque[AudioFrame] | None:
        """From now on keeps the sound that comes along, stamped like frames; whoever sends it on takes it out.

        The oldest goes where nobody does. None where there is no sound, or somebody has it already.
        """

    def skip(self) -> None:
        """Lets a frame pass, at as little cost as the source allows."""

    def close(self) -> None:
        """Lets go of the device until the next `read`; may be called twice, and by another thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_live_source(name: str, request: CaptureRequest) -> LiveSource:
    """A source by what a person calls it, as in `toonstream live --from`:

    0, 1, ... or a part of its name or its path: a camera. screen, or screen:LEFT,TOP,WIDTHxHEIGHT: what is on the
    screen. An address with ://: a stream. A file: a video, played in a loop. Raises UserError where it cannot be had.
    """
    if name == "screen" or name.startswith("screen:"):
        from toonstream.sources.screen import open_screen

        return open_screen(_region(name), request)
    if "://" in name:
        from toonstream.sources.stream import open_stream

        return open_stream(name)
    if Path(name).is_file():
        from toonstream.sources.looping import LoopingSource

        return LoopingSource(Path(name))
    from toonstream.sources.camera import open_camera

    return open_camera(name, request)


def _region(name: str) -> Rect | None:
    if name == "screen":
        return None
    numbers = re.fullmatch(r"screen:(\d+),(\d+),(\d+)x(\d+)", name)
    if not numbers:
        raise InputError(f"{name}: a part of the screen is screen:LEFT,TOP,WIDTHxHEIGHT, in pixels")
    left, top, width, height = map(int, numbers.groups())
    if not width or not height:
        raise InputError(f"{name}: a part of the screen has at least a pixel")
    return Rect(left, top, left + width, top + height)


def now() -> int:
    """The moment, as frames are stamped with it: microseconds of time.monotonic."""
    return time.monotonic_ns() // 1000


def stamp(frame: Frame, moment: int, index: int) -> Frame:
    """A frame that nobody else has yet, as captured at that moment."""
    frame.picture.pts, frame.picture.time_base = moment, MICROSECOND
    return replace(frame, index=index, pts=moment, time_base=MICROSECOND, duration=0)
