"""Where to look for new faces: squares of several sizes, all at once on a new scene, then a few a frame."""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.detector import SIZE, Detector
from toonstream.faces.square import Square
from toonstream.frame import Frame, Rect

SMALLEST = 26
"""Width in pixels of the smallest face to find: about 30 px from brow to chin."""

SMALLEST_SHARE = 1 / 40
"""The same in shares of the picture's shorter side: in a large picture that is the larger one."""

FOUND_FROM = 0.11
"""Share of a square's side from which the detector finds a face in it."""


def squares(width: int, height: int, beyond: float = 0.0) -> list[list[Rect]]:
    """Levels of overlapping squares that cover the picture, large ones first, each level's of half the side.

    beyond: by how much of their side the outermost reach beyond the picture.
    """
    side = min(width, height)
    smallest = round(max(SMALLEST, SMALLEST_SHARE * side) / FOUND_FROM)
    levels = []
    while True:
        # A third of overlap: a face that one square cuts stands whole in its neighbour.
        rows, columns = (_starts(length, side, round(beyond * side)) for length in (height, width))
        levels.append([Rect(x, y, x + side, y + side) for y in rows for x in columns])
        if side <= smallest:
            return levels
        side = max(side // 2, smallest)


def _starts(length: int, side: int, margin: int) -> list[int]:
    count = 1 + -(-(length + 2 * margin - side) // max(1, side * 2 // 3))
    return sorted({round(x) for x in np.linspace(-margin, length + margin - side, count)})


class Search:
    """Finds faces in frames of one size: everywhere, or a little further at every call.

    It returns the squares in which to look for their landmarks; one face may be found several times.
    """

    def __init__(self, detector: Detector, width: int, height: int) -> None:
        self.size = width, height
        self._detector = detector
        self._levels = squares(width, height)
        # Large faces matter most: each level takes its turn, so the few large squares come round more often.
        self._round = _interleave(self._levels)

    def everywhere(self, frame: Frame) -> list[Square]:
        """All faces of the frame, those in the largest squares first."""
        return [face for level in self._levels for rect in level for face in self._look(frame, rect)]

    def onward(self, frame: Frame) -> list[Square]:
        """The faces in the next square."""
        return self._look(frame, next(self._round))

    def around(self, frame: Frame, centre: NDArray[np.float64], reach: float) -> list[Square]:
        """The faces in the square that reaches so many pixels from its centre, or what of it lies in the frame."""
        side = min(round(2 * reach), *self.size)
        left, top = (int(np.clip(c - side / 2, 0, length - side)) for c, length in zip(centre, self.size, strict=True))
        return self._look(frame, Rect(left, top, left + side, top + side))

    def _look(self, frame: Frame, rect: Rect) -> list[Square]:
        found = self._detector(frame.rgb(rect, (SIZE, SIZE)))
        return [face.square.placed(rect.width / SIZE, rect.left, rect.top) for face in found]


def _interleave(levels: list[list[Rect]]) -> Iterator[Rect]:
    rounds = [itertools.cycle(level) for level in levels]
    for level in itertools.cycle(rounds):
        yield next(level)
