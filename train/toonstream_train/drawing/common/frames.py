"""The frames of glasses on drawn skin: their lines as the photo has them, only clearer."""

import cv2
import numpy as np

from toonstream_train.drawing.common.glasses import wires, worn
from toonstream_train.drawing.common.painting import paint
from toonstream_train.drawing.common.shapes import Points
from toonstream_train.drawing.common.smoothing import Floats, Flow, blur

LEAST = 0.4
"""So far glasses are believed in anyway: lines as strong as theirs are kept."""


def frames(paper: Floats, photo: Floats, landmarks: Points, contours: Flow, contrast: float) -> None:
    """Lays the thin lines around the eyes on `paper` (H, W, 3), in place.

    contrast: of the skin, 0 to 1; the less, the fainter the lines that count.
    """
    cover = wires(photo, contours, landmarks, 50 * contrast, max(worn(photo, landmarks), LEAST))
    rim = blur(photo, 0.8) - blur(photo, 4.5)
    # A draughtsman draws a rim dark, also one that differs from the skin by its colour alone.
    rim[..., 0] *= np.where(rim[..., 0] < 0, np.float32(1.9), np.float32(0.5))
    rim[..., 0] -= 2 * cv2.magnitude(rim[..., 1].copy(), rim[..., 2].copy())
    paint(paper, cover, paper + rim)
