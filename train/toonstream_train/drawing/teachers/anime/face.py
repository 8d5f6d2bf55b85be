"""What is drawn on the skin: a blush, a hint of a nose, and where lines go."""

import cv2
import numpy as np

from toonstream.faces.mesh import JAW, MOUTH, NOSTRILS, OVAL
from toonstream_train.drawing.common.painting import paint, taper
from toonstream_train.drawing.common.shapes import Points, curve, face_width, fill, stroke
from toonstream_train.drawing.common.skin import Skin, spot
from toonstream_train.drawing.common.smoothing import Floats, blur


def blush(paper: Floats, skin: Skin, landmarks: Points) -> None:
    """A breath of red on both cheeks, on `paper` (H, W, 3)."""
    shape = (paper.shape[0], paper.shape[1])
    for index in (50, 280):
        cover = skin.where * spot(landmarks, index, 0.08 * face_width(landmarks), shape)
        paint(paper, np.float32(0.4) * cover, paper + np.array([-1.5, 8.0, 2.0], np.float32) * skin.contrast)


def inked(skin: Floats, landmarks: Points, eyes: Floats) -> Floats:
    """Where lines are drawn, (H, W) 0 to 1: around the skin and along the jaw, not on it, and not around the eyes."""
    shape = (skin.shape[0], skin.shape[1])
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    inner = cv2.erode(np.maximum(skin, fill(landmarks[MOUTH], shape)), kernel)
    face = cv2.erode(fill(landmarks[OVAL], shape), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25)))
    jaw = stroke(curve(landmarks[JAW], 60), np.full(60, 16), shape) * (1 - face)
    return blur((1 - inner * (1 - jaw)) * (1 - eyes), 1.5)


def nose(paper: Floats, skin: Floats, landmarks: Points) -> None:
    """A short line under its tip, and the shadow above it, both deep enough to be seen on dark skin.

    The line lies amid the chart's, so that the chart tells exactly where.
    """
    shape = (paper.shape[0], paper.shape[1])
    tip, base = landmarks[4], landmarks[2]
    under = curve(landmarks[NOSTRILS], 40)[9:31]
    across = landmarks[327] - landmarks[98]
    seen = float(skin[int(np.clip(base[1], 0, shape[0] - 1)), int(np.clip(base[0], 0, shape[1] - 1))])
    shadow = blur(fill(np.concatenate([under, [tip + 0.6 * (base - tip)]]).astype(np.float32), shape), 2.0)
    paint(paper, 0.5 * seen * shadow, paper * np.array([0.78, 1.2, 1.05], np.float32))
    thick = 0.055 * float(np.hypot(*across)) + 0.8
    line = stroke(under, taper(len(under), 0.3 * thick, thick, 0.3 * thick), shape)
    paint(paper, 0.85 * seen * line, paper * np.array([0.45, 1.05, 0.95], np.float32))
