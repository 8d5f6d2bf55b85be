"""`toonstream live` with a camera that is none: somebody talks, and each picture is stamped with its moment."""

import itertools
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # it runs as a script

from support import CLIP, stamps
from toonstream.commands import live
from toonstream.frame import Frame
from toonstream.orientation import Rect
from toonstream.picture import cut_out, planes
from toonstream.sources.clock import MICROSECOND, now, stamp


class StampedCamera:
    """Two seconds of the clip, there and back, as a webcam gives them: 1280x720, 30 a second, stamped as they come."""

    size, rate, problem = (1280, 720), Fraction(30), None
    description = "stamped camera"

    def __init__(self) -> None:
        with av.open(CLIP) as clip:
            frames = itertools.islice(clip.decode(video=0), 60)
            pictures = [frame.reformat(*self.size, "yuv420p") for frame in frames]
        self._pictures = itertools.cycle(pictures + pictures[::-1])
        self._due = time.monotonic()
        self._index = 0

    def read(self) -> Frame:
        self._due = max(self._due + 1 / 30, time.monotonic() - 1 / 30)
        time.sleep(max(0.0, self._due - time.monotonic()))
        picture = cut_out(next(self._pictures), Rect(0, 0, *self.size))
        grey = np.zeros((*planes(picture)[0].shape, 1), np.uint8)
        stamps.draw(grey)
        rows = self.size[1] // stamps.ROW
        planes(picture)[0][:rows] = grey[:rows, :, 0]
        for plane in planes(picture)[1:]:
            plane[: rows // 2] = 128
        self._index += 1
        return stamp(Frame(picture, 0, None, MICROSECOND), now(), self._index)

    def listen(self) -> None: ...

    def skip(self) -> None:
        self.read()

    def close(self) -> None: ...

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None: ...


if __name__ == "__main__":
    live.open_live_source = lambda name, wish: StampedCamera()
    sys.exit(live.run(sys.argv[1:]))
