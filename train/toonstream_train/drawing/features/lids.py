"""Eyes that blink: photos whose lids are drawn down, for hardly any photo shows closed eyes, and every call does."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES, LOWER_LIDS, UPPER_LIDS
from toonstream_train.drawing.common.shapes import Points
from toonstream_train.drawing.common.smoothing import Floats, grid

FINE = 2
"""The picture is bent at this many times its size: a lid's edge is sharp."""


class Lid:
    """One upper lid, in coordinates along its eye (0 to 1) and below the line through its corners, in pixels."""

    def __init__(self, landmarks: Points, side: int, down: float) -> None:
        """`down`: how far it comes, 0 as on the photo, 1 closed."""
        corner, other = landmarks[EYES[side][0]], landmarks[EYES[side][8]]
        self.corner, self.along = corner, (other - corner).astype(np.float32)
        self.width = max(float(np.hypot(*self.along)), 1.0)
        # Whichever corner comes first, down is towards the mouth.
        self.sign = 1.0 if self.along[0] >= 0 else -1.0
        outlines = (UPPER_LIDS[side], LOWER_LIDS[side], BROWS[side][5:])
        curves = (np.stack(self.within(landmarks[index])) for index in outlines)
        upper, lower, brow = (curve[:, np.argsort(curve[0])] for curve in curves)
        self.at, edge = upper
        gap = np.maximum(np.interp(self.at, *lower) - edge, 0)
        # The skin from just under the brow on is what stretches.
        above = edge - np.maximum(0.85 * (edge - np.interp(self.at, *brow)), 0.5 * gap + 1)
        self.heights = above, edge, edge + np.float32(down) * gap

    def within(self, points: Points) -> tuple[Floats, Floats]:
        """Places (..., 2) of the picture in the lid's coordinates."""
        d = points - self.corner
        along = (d[..., 0] * self.along[0] + d[..., 1] * self.along[1]) / np.float32(self.width**2)
        below = (d[..., 1] * self.along[0] - d[..., 0] * self.along[1]) * np.float32(self.sign / self.width)
        return along, below

    def edges(self, along: Floats) -> list[Floats]:
        """Where the stretched skin begins, the lid ends, and the lid comes to, at places along the eye."""
        return [np.interp(along, self.at, height).astype(np.float32) for height in self.heights]

    def moved(self, points: Points) -> Points:
        """Where points (N, 2) of the skin above the eye lie once the lid is down; others stay."""
        along, below = self.within(points)
        top, upper, shut = self.edges(along)
        skin = (along > 0) & (along < 1) & (below > top) & (below <= upper + 0.01 * self.width)
        by = np.where(skin, (below - top) / np.maximum(upper - top, 1e-3) * (shut - upper), 0)
        return self.shifted(points, by)

    def source(self, places: Points) -> Points:
        """Where the photo has what is seen at places (..., 2) once the lid is down."""
        along, below = self.within(places)
        top, upper, shut = self.edges(along)
        lid = (along > 0) & (along < 1) & (below > top) & (below < shut)
        by = np.where(lid, (below - top) * ((upper - top) / np.maximum(shut - top, 1e-3) - 1), 0)
        return self.shifted(places, by)

    def shifted(self, points: Points, by: Floats) -> Points:
        """Points (..., 2) moved by so many pixels down the eye."""
        across = np.array([-self.along[1], self.along[0]], np.float32) * np.float32(self.sign / self.width)
        out: Points = (points + by[..., None] * across).astype(np.float32)
        return out


def blinked(
    crop: NDArray[np.uint8], landmarks: NDArray[np.float32], down: float
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A face that blinks, and its mesh.

    crop: (S, S, 3) RGB with open eyes. landmarks: (478, 2), its face mesh in pixels. down: how far the upper lids come,
    0 as they are, 1 closed.
    """
    size = crop.shape[0]
    x, y = grid(FINE * size, FINE * size)
    still = ((np.stack([x, y], 2) + np.float32(0.5)) / np.float32(FINE)).astype(np.float32)
    places, mesh = still, landmarks
    for side in (0, 1):
        lid = Lid(landmarks, side, down)
        places, mesh = lid.source(places), lid.moved(mesh)
    at = places - np.float32(0.5)
    fine = cv2.remap(crop, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    bent = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    where = (np.abs(places - still).max(2) > 1e-3).reshape(size, FINE, size, FINE).any((1, 3))
    out: NDArray[np.uint8] = np.where(where[..., None], bent, crop)
    return out, mesh
