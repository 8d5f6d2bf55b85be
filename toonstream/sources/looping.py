"""A video file as a camera: at its own pace, over and over."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from toonstream_engines.closeable import Closeable

from toonstream.frame import Frame
from toonstream.picture import square_size, with_square_pixels
from toonstream.sources.clock import LATE, MICROSECOND, now, stamp
from toonstream.sources.video import VideoSource

SHORTEST = Fraction(1, 60)
"""Seconds that the last frame is shown at least."""

REST_SECONDS = 0.05


class LoopingSource(Closeable):
    """A video file, played in a loop. Raises InputError where there is none. The rest is LiveSource's."""

    problem: str | None = None

    def __init__(self, path: Path) -> None:
        source = VideoSource(path)
        self.path = path
        self._aspect = source.aspect
        self.size, self.rate = square_size(*source.size, source.aspect), source.rate
        self._source: VideoSource | None = source
        self._frames: Iterator[Frame] = iter(source)
        self._start: Fraction | None = None
        self._end = Fraction(0)
        self._index = 0
        self._busy = threading.Lock()

    @property
    def description(self) -> str:
        width, height = self.size
        rate = f" at {float(self.rate):.4g} frames a second" if self.rate else ""
        return f"{self.path}, in a loop, {width}x{height}{rate}"

    def read(self) -> Frame | None:
        with self._busy:
            frame = next(self._frames, None) if self._source else None
        if frame is None:
            if self._start is not None:  # the last one has its time, too
                self._wait(self._end)
            with self._busy:
                self._release()
                self._source = VideoSource(self.path)
                self._aspect = self._source.aspect
                self._frames = iter(self._source)
                frame = next(self._frames)
        due = (frame.pts or 0) * frame.time_base
        self._end = due + max(SHORTEST, frame.duration * frame.time_base)
        if any(frame.orientation):
            frame = Frame.from_rgb(frame.rgb(), frame.pts, frame.time_base, frame.index)
        self._wait(due)
        self._index += 1
        frame = replace(frame, picture=with_square_pixels(frame.picture, self._aspect))
        return stamp(frame, now(), self._index)

    def listen(self) -> None:
        """A file that is played in a loop is a camera's stand-in, and silent."""

    def skip(self) -> None:
        time.sleep(REST_SECONDS)

    def close(self) -> None:
        with self._busy:
            self._release()

    def _release(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source, self._start, self._frames = None, None, iter(())

    def _wait(self, due: Fraction) -> None:
        clock = now() * MICROSECOND
        if self._start is None or self._start + due < clock - LATE:
            self._start = clock - due
        time.sleep(max(0.0, float(self._start + due - clock)))
