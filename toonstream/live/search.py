"""Where in the picture to search for somebody new: first where it shows something new, then everywhere in turns."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.search import squares
from toonstream.faces.square import Square
from toonstream.frame import Frame, Rect
from toonstream.live.camera_motion import camera_motion, moved_along

TRIES = 3
"""How often a square is searched for what is new in it."""

NEARER = 2.5
"""Side of the square that is searched to see something from near, in the thing's own sides."""

SPOTS, LARGEST_SPOT = 4, 1.5
"""How many places where something small is new are searched from near, which shows a small face best; and the side of
the largest of these squares, in sides of the smallest square that helps to cover the picture."""

SCENE = 0.5
"""Where at least this share of the squares shows something new, it is another scene: one look at each has to do."""

USUAL, LEAST_NEW, FIRST_USUAL = 3.0, 3.0, 3.0
"""A cell shows something new where it differs from its average by more than USUAL times its usual difference, or a
neighbour's, plus LEAST_NEW levels of brightness: noise, leaves in the wind and a drifting camera are no news. At the
start, the usual difference is taken to be FIRST_USUAL."""

BEYOND = 0.25
"""How much of a square may lie beyond the frame: there it shows the frame as in a mirror, which makes a face whole that
the border cuts through the middle."""

GRID = 64
"""Cells across and down in which it is noted how much the picture has changed."""

Head = tuple[NDArray[np.float64], float]
"""Of a known face: its middle, (2,), and the half side of its framing, in pixels."""


@dataclass
class Spot:
    """A square around something small that is new, and how often it is to be searched."""

    rect: Rect
    tries: int = TRIES


class Search:
    """Which square of a picture to search next: one that shows something new, else the one that has waited longest."""

    def __init__(self, width: int, height: int) -> None:
        self.size = width, height
        levels = squares(width, height)
        wider = squares(width, height, BEYOND)
        rings = [[rect for rect in level if inside(rect, width, height) != rect] for level in wider]
        self._squares = [rect for level in levels + rings for rect in level]
        self._ends = np.array([self._cells(rect) for rect in self._squares]).T  # left, top, right, bottom, in cells
        self._smallest = levels[-1][0].width
        self._sides = np.array([rect.width for rect in self._squares])
        self._tries = np.zeros(len(self._squares))  # how often each is to be searched
        self._waited = np.zeros(len(self._squares))  # for so many searches of others
        self._spots: list[Spot] = []
        self._before: NDArray[np.uint8] | None = None
        self._average = np.zeros((GRID, GRID), np.float32)
        self._usual = np.full((GRID, GRID), FIRST_USUAL, np.float32)

    @property
    def due(self) -> bool:
        """Whether a square with something new is still to be searched."""
        return bool(self._tries.any())

    def note(self, frame: Frame, heads: Sequence[Head]) -> None:
        """Notes what is new in the picture beside known heads, each its middle and half side in pixels."""
        seen = frame.grey(Rect(0, 0, *self.size), GRID)
        before, self._before = self._before, seen
        if before is None:
            self._average = seen.astype(np.float32)
            self._tries[:] = 1
            return
        known = np.zeros((GRID, GRID), np.uint8)
        for middle, half in heads:
            left, top, right, bottom = self._cells(Rect.around(np.stack([middle - half, middle + half]), 0, *self.size))
            known[top:bottom, left:right] = 1
        new, in_view = self._news(before, seen, known)
        if not new.any():
            return
        spots, rest = self._spots_of(new & in_view)  # what only comes into view is searched once: more of it will come
        shown, wide = self._showing(new), self._showing(rest)
        self._tries[shown] = np.maximum(self._tries[shown], 1)
        self._tries[wide] = TRIES if wide.mean() < SCENE else 1
        old = (one for one in self._spots if not any(_meet(one.rect, spot.rect) for spot in spots))
        self._spots = [*spots, *old][:SPOTS]

    def _news(
        self, before: NDArray[np.uint8], seen: NDArray[np.uint8], known: NDArray[np.uint8]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which cells show something new, but for `known` ones, and which were in view in the last picture already."""
        motion = camera_motion(before, seen, known)
        in_view = np.ones((GRID, GRID), np.float32)
        if motion is not None:  # the last picture, moved along, is as sharp as this one; an average would not be
            self._average = moved_along(before.astype(np.float32), motion)
            self._usual = moved_along(self._usual, motion)
            in_view = moved_along(in_view, motion, border=cv2.BORDER_CONSTANT)
        difference = seen - self._average
        change = np.abs(difference)
        new = change > USUAL * np.asarray(cv2.dilate(self._usual, np.ones((3, 3), np.uint8))) + LEAST_NEW
        new[known > 0] = False
        if motion is not None:
            new &= cv2.boxFilter(new.astype(np.uint8), -1, (3, 3), normalize=False) > 1  # one cell alone is an error
        self._average += difference * (0.5 if motion is None else 1)
        self._usual += (np.minimum(change, 2 * self._usual + 2) - self._usual) / 10  # what is new is not usual at once
        return new, in_view > 0.99

    def _spots_of(self, new: NDArray[np.bool_]) -> tuple[list[Spot], NDArray[np.bool_]]:
        """Where something small is new, the largest first; and what is new besides, as `new`, (GRID, GRID)."""
        closed = cv2.dilate(new.astype(np.uint8), np.ones((3, 3), np.uint8))  # a head may be new in parts
        _, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
        starts, sizes, areas = stats[:, :2], stats[:, 2:4], stats[:, cv2.CC_STAT_AREA]
        cell = np.array(self.size) / GRID
        sides = np.maximum(NEARER * ((sizes - 2) * cell).max(1), self._smallest / 2).round().astype(int)
        at_border = ((starts == 0) | (starts + sizes == GRID)).any(1)
        small = (sides < self._smallest) & ~at_border
        small[0] = False  # which is what is not new
        spots: list[Spot] = []
        for label in sorted(range(1, len(stats)), key=lambda label: -int(areas[label])):
            side = int(sides[label])
            if side <= min(LARGEST_SPOT * self._smallest, *self.size) and len(spots) < SPOTS:
                middle = (starts[label] + sizes[label] / 2) * cell
                ends = [round(BEYOND * side), 0] if at_border[label] else [0]
                spots += [Spot(self._around(middle, side, beyond)) for beyond in ends]
        return spots, new & ~small[labels]

    def _around(self, middle: NDArray[np.float64], side: int, beyond: int) -> Rect:
        """A square of that side around a place, or as near to it as goes no further beyond the frame than that."""
        ends = [(-beyond, length + beyond - side) for length in self.size]
        left, top = (int(np.clip(at - side / 2, *end)) for at, end in zip(middle, ends, strict=True))
        return Rect(left, top, left + side, top + side)

    def expect(self, face: Square) -> None:
        """Somebody may still be where a face was found a moment ago."""
        around = [r.left <= face.x < r.right and r.top <= face.y < r.bottom for r in self._squares]
        self._tries[around] = TRIES

    def spot(self) -> Rect | None:
        """The next square around something small that is new; each comes TRIES times."""
        if not self._spots:
            return None
        spot = self._spots.pop(0)
        spot.tries -= 1
        self._spots += [spot] if spot.tries else []
        return spot.rect

    def next(self) -> Rect:
        """The next of the squares that cover the picture; large ones, which are few, come round more often."""
        first = int(np.where(self._tries == self._tries.max(), self._waited * self._sides, -1).argmax())
        self._waited += 1
        self._waited[first], self._tries[first] = 0, max(0, self._tries[first] - 1)
        return self._squares[first]

    def _showing(self, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of the squares show any of these cells."""
        sums = cv2.integral(cells.astype(np.uint8))
        left, top, right, bottom = self._ends
        shown: NDArray[np.bool_] = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left] > 0
        return shown

    def _cells(self, rect: Rect) -> Rect:
        """The same in cells; at least one."""
        across, down = GRID / self.size[0], GRID / self.size[1]
        left, top = max(0, int(rect.left * across)), max(0, int(rect.top * down))
        right, bottom = (min(GRID, round(end)) for end in (rect.right * across, rect.bottom * down))
        return Rect(left, top, max(left + 1, right), max(top + 1, bottom))


def inside(rect: Rect, width: int, height: int) -> Rect:
    """What of it lies in a frame of that size."""
    return Rect(max(0, rect.left), max(0, rect.top), min(width, rect.right), min(height, rect.bottom))


def _meet(a: Rect, b: Rect) -> bool:
    """Whether they show much the same: the middle of one lies in the other."""
    x, y = (a.left + a.right) / 2, (a.top + a.bottom) / 2
    return b.left <= x < b.right and b.top <= y < b.bottom
