"""How a stored picture is turned and mirrored to stand upright, as phones and cameras note it beside the picture."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Rect(NamedTuple):
    """A rectangle of pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @classmethod
    def around(cls, points: NDArray[np.floating], margin: int, width: int, height: int) -> "Rect":
        """The least rectangle around points (N, 2), widened by a margin, in a picture of width x height pixels.

        It has at least a pixel, the nearest, and even edges where it can: those need not cut through chroma.
        """
        (left, top), (right, bottom) = points.min(0) - margin, points.max(0) + margin
        x0, x1 = _even(left, right, width)
        y0, y1 = _even(top, bottom, height)
        return cls(x0, y0, x1, y1)


def _even(start: float, end: float, length: int) -> tuple[int, int]:
    first = min(max(math.floor(start), 0), length - 1) // 2 * 2
    return first, max(first + 1, min(-(-math.ceil(end) // 2) * 2, length))


class Orientation(NamedTuple):
    """Upright is the stored picture with its axes swapped, then flipped; each of the eight is one triple."""

    swap: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of_display_matrix(cls, matrix: Sequence[int]) -> "Orientation":
        """From the nine 16.16 numbers of a video's display matrix; any angle counts as the nearest quarter turn."""
        a, b, _, c, d = (int(value) for value in matrix[:5])
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def upright(self, stored: NDArray[np.generic]) -> NDArray[np.generic]:
        """A view of an array (h, w, ...) of the stored picture as a person sees it."""
        turned = stored.swapaxes(0, 1) if self.swap else stored
        return turned[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]

    def stored(self, upright: NDArray[np.generic]) -> NDArray[np.generic]:
        """The way back: a view of an upright array as it is stored."""
        flipped = upright[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return flipped.swapaxes(0, 1) if self.swap else flipped

    def stored_rect(self, rect: Rect, width: int, height: int) -> Rect:
        """Where a rectangle of the upright picture, `width` by `height`, lies in the stored one."""
        left, right = (width - rect.right, width - rect.left) if self.flip_x else (rect.left, rect.right)
        top, bottom = (height - rect.bottom, height - rect.top) if self.flip_y else (rect.top, rect.bottom)
        return Rect(top, left, bottom, right) if self.swap else Rect(left, top, right, bottom)


UPRIGHT = Orientation()
