"""Drawn heads that turn: many cartoons look straight ahead, and people on a call do not."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import OVAL
from toonstream_train.drawing.common.shapes import Points, face_width
from toonstream_train.drawing.common.smoothing import grid

Bytes = NDArray[np.uint8]
REACH = 0.55
"""How far from the middle of the face places move, in its widths."""


def turned(picture: Bytes, mesh: Points, by: float) -> tuple[Bytes, Points]:
    """A picture (S, S, 3) of a face that turns to one side, and its mesh: the nose moves most, the outline hardly.

    by: how far the nose moves, in widths of the face, to the right if positive; 0.18 at most, beyond which places fold.
    """
    width, centre, across = face_width(mesh), mesh[OVAL].mean(0), mesh[454] - mesh[234]
    across = across / max(float(np.hypot(*across)), 1.0)

    def offset(points: Points) -> Points:
        away = np.square((points - centre) / np.float32(REACH * width)).sum(-1, keepdims=True)
        return np.asarray(by * width * np.square((1 - away).clip(0)) * across, np.float32)

    side = picture.shape[0]
    at = np.stack(grid(side, side), 2) + np.float32(0.5)
    source = at
    for _ in range(6):  # the place that moves to `at`
        source = at - offset(source)
    source -= np.float32(0.5)
    out = cv2.remap(picture, source, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8), mesh + offset(mesh)
