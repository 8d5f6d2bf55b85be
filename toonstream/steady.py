"""Calms cartoons from frame to frame: faint changes are noise, and come slowly; what moves comes at once."""

import cv2
import numpy as np
from numpy.typing import NDArray

SHARE = 0.5
"""Of a faint change, what is taken over in each frame."""
NOISE, MOTION = 4, 14
"""Changes, of 255, up to which they are faint, and from which on they are motion."""


def _shares() -> NDArray[np.float32]:
    rise = ((np.arange(256, dtype=np.float32) - NOISE) / (MOTION - NOISE)).clip(0, 1)
    return np.asarray(SHARE + (1 - SHARE) * rise * rise * (3 - 2 * rise), np.float32)


SHARES = _shares()
"""What is taken over of each change."""


def steadied(picture: NDArray[np.uint8], before: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """A face's cartoon (S, S, 3) beside the steadied one of the frame before, if there is one of that size.

    Crops follow the landmarks, so a face stays where it is in them.
    """
    if before is None or before.shape != picture.shape:
        return picture
    change = cv2.blur(cv2.cvtColor(cv2.absdiff(picture, before), cv2.COLOR_RGB2GRAY), (3, 3))
    share = cv2.LUT(change, SHARES)
    return np.asarray(cv2.blendLinear(picture, before, share, 1 - share), np.uint8)
