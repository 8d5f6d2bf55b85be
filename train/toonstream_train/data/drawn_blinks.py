"""Drawn eyes that close: no still shows what a blink comes to, and every call does."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES, IRISES
from toonstream_train.data.drawn_eyes import Axes
from toonstream_train.drawing.common.shapes import Points
from toonstream_train.drawing.common.smoothing import grid, smoothstep

Bytes = NDArray[np.uint8]
FINE = 2
"""Eyes are squeezed at so many times the size: ink is thin."""
EDGE = 0.12
"""How far the ink of an eye may reach beyond its outline, above and beside it, in its heights."""
INK = 0.33
"""The upper lid's share of the height."""


def squeezed(picture: Bytes, mesh: Points, opened: float) -> tuple[Bytes, Points]:
    """A picture (S, S, 3) of a face whose eyes close down to the lower lids, and its mesh.

    opened: how far they stay open, more than 0, up to 1 as they are.
    """
    side, points = picture.shape[0], mesh.copy()
    at = (np.stack(grid(FINE * side, FINE * side), 2) + np.float32(0.5)) / np.float32(FINE)
    bent = np.zeros(at.shape[:2], np.float32)
    for eye in (0, 1):
        axes = Axes.of(mesh, eye)
        x, y = np.moveaxis(axes.within(at), -1, 0)
        outline, brow = axes.within(mesh[EYES[eye]]), axes.within(mesh[BROWS[eye]])
        (left, top), (right, bottom) = outline.min(0), outline.max(0)
        margin = EDGE * (bottom - top)
        left, top, right = left - margin, top - margin, right + margin
        height = bottom - top
        above = top - np.clip(top - brow[:, 1].max(), 0.15 * height, 0.4 * height)
        # The lid's ink, a third of the height, keeps more of its width than the rest of the eye.
        lid, ink = bottom - opened * height, min(INK, 0.65 * opened)
        closing = [above, lid, lid + ink * height, bottom], [above, top, top + INK * height, bottom]
        half = (right - left) / 2
        cover = smoothstep(np.abs(x - (left + right) / 2), 1.35 * half, 1.05 * half)
        # Along a column places keep their order, so nothing folds.
        source = np.where((y > above) & (y < bottom), np.interp(y, *closing), y)
        by = axes.width * cover * (source - y)
        at, bent = at + by[..., None] * axes.down, np.maximum(bent, np.abs(by))
        index = [*EYES[eye], *IRISES[eye]]
        places = axes.within(mesh[index])
        places[:, 1] = np.interp(places[:, 1], *closing[::-1])
        points[index] = axes.pixels(places)
    at = (at - 0.5).astype(np.float32)
    where = bent.reshape(side, FINE, side, FINE).max((1, 3))[..., None] > 1e-3
    fine = cv2.remap(picture, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.where(where, cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA), picture), points
