"""The clock of live frames."""

import time
from dataclasses import replace
from fractions import Fraction

from toonstream.frame import Frame

MICROSECOND = Fraction(1, 1_000_000)

LATE = Fraction(1, 4)
"""Seconds by which what is played at its own pace may be late before its clock is reset: the reader was away."""


def now() -> int:
    """The moment, as frames are stamped with it: microseconds of time.monotonic."""
    return time.monotonic_ns() // 1000


def stamp(frame: Frame, moment: int, index: int) -> Frame:
    """A frame that nobody else has yet, as captured at that moment."""
    frame.picture.pts, frame.picture.time_base = moment, MICROSECOND
    return replace(frame, index=index, pts=moment, time_base=MICROSECOND, duration=0)
