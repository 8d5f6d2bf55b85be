"""Live video without a clock or threads: look, draw and guard of each frame in turn, and how much of a face is bare."""

from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from support.live_rig import FlatEngine
from toonstream.frame import Frame
from toonstream.live.guard import Guard
from toonstream.live.strangers import Strangers
from toonstream.live.tracking import LiveTracker, Observation
from toonstream.toonifier import Toonifier

Pixels = NDArray[np.uint8]

INNER = 0.2
"""Radius of what counts of a face, in sides of its head's picture (see live_rig.sample_head): eyes, nose, mouth."""


class Show:
    """What goes out of pictures at 30 a second, with every face drawn flat."""

    def __init__(self, on_lost: str = "hold") -> None:
        self.toonifier = Toonifier(FlatEngine())
        self.tracker = LiveTracker(self.toonifier, Strangers())
        self.guard = Guard(on_lost)
        self.shown: list[str] = []
        self._index = 0

    def __call__(self, picture: Pixels) -> Pixels:
        self._index += 1
        frame = Frame.from_rgb(picture, self._index, Fraction(1, 30), self._index)
        observation = self.observation(frame)
        out = self.guard(frame, observation, self.toonifier.draw(frame, observation.faces)).rgb()
        self.shown.append(self.guard.picture)
        return out

    def observation(self, frame: Frame) -> Observation:
        return self.tracker.others(frame, self.tracker(frame))

    def bare(self, picture: Pixels, source: Pixels, x: float, y: float, side: float) -> bool:
        """Shows the picture; whether the face at x, y of `source` is bare in what goes out."""
        return is_bare(self(picture), source, x, y, side)


def laid(background: Pixels, head: Pixels, x: float, y: float, side: float) -> Pixels:
    """The background with a head's picture, an ellipse of it with a soft edge, `side` pixels wide around x, y."""
    size = max(1, round(side))
    small = cv2.resize(head, (size, size), interpolation=cv2.INTER_AREA)
    alpha = np.zeros((size, size), np.float32)
    cv2.ellipse(alpha, (size // 2, size // 2), (round(0.34 * size), round(0.44 * size)), 0, 0, 360, 1.0, -1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), max(0.5, 0.02 * size))[..., None]
    left, top = round(x - size / 2), round(y - size / 2)
    height, width = background.shape[:2]
    rows, columns = slice(max(0, top), min(height, top + size)), slice(max(0, left), min(width, left + size))
    inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    out = background.copy()
    if rows.start < rows.stop and columns.start < columns.stop:
        share = alpha[inside]
        out[rows, columns] = np.rint(share * small[inside] + (1 - share) * out[rows, columns])
    return out


def is_bare(out: Pixels, source: Pixels, x: float, y: float, side: float) -> bool:
    """Whether more than half of the inner face at x, y of `source` goes out pixel for pixel."""
    reach = INNER * side
    height, width = source.shape[:2]
    rows = slice(max(0, int(y - reach)), min(height, int(y + reach) + 1))
    columns = slice(max(0, int(x - reach)), min(width, int(x + reach) + 1))
    down, across = np.mgrid[rows, columns] + 0.5
    disc = np.hypot(across - x, down - y) < reach
    same = (out[rows, columns] == source[rows, columns]).all(-1)
    return bool(disc.any()) and float(same[disc].mean()) > 0.5
