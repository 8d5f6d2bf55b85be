"""Sharpens cartoons as far as their style's card says: soft lines become ink, and soft borders of two tones crisp."""

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 5
"""Pixels of the side of the square around a pixel that it is compared with."""
FAINT = 4
"""Differences, of 255, up to which they are noise, and stay as they are."""
NEIGHBOURS = np.ones((3, 3), np.uint8)


def sharpened(picture: NDArray[np.uint8], gain: float) -> NDArray[np.uint8]:
    """A cartoon, (S, S, 3) uint8, by unsharp masking without halos and noise; a gain of 0 leaves it as it is.

    By how much more than FAINT a pixel differs from the mean around it, `gain` times that is added. None gets darker or
    lighter than its neighbours are: edges grow steep, as by a shock filter (Osher and Rudin 1990), but not higher.
    """
    if not gain:
        return picture
    around = cv2.blur(picture, (SIDE, SIDE))
    lighter, darker = cv2.subtract(picture, around), cv2.subtract(around, picture)  # 0 where it is not
    faint = (FAINT,) * 4
    steep = cv2.addWeighted(picture, 1, cv2.subtract(lighter, faint), gain, 0)
    steep = cv2.addWeighted(steep, 1, cv2.subtract(darker, faint), -gain, 0)
    return np.asarray(cv2.min(cv2.max(steep, cv2.erode(picture, NEIGHBOURS)), cv2.dilate(picture, NEIGHBOURS)))
