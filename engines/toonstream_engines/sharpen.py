"""Makes cartoons crisp, as far as their style's card says: soft lines become ink, what is nearly flat becomes flat."""

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 5
"""Pixels of the side of the square around a pixel that it is compared with."""
FAINT = 4
"""Differences, of 255, up to which they do not grow."""
NEIGHBOURS = np.ones((3, 3), np.uint8)
WIDE, ALIKE, NEAR = 9, 8.0, 5.0
"""Of the bilateral filter: pixels across; its deviations, in colour (R, G and B added up) and in pixels."""


def sharpened(picture: NDArray[np.uint8], gain: float) -> NDArray[np.uint8]:
    """A cartoon, (S, S, 3) uint8, by a bilateral filter (Tomasi and Manduchi 1998) and unsharp masking without halos.

    The filter takes away what is left of a photo's texture. By how much more than FAINT a pixel then differs from the
    mean around it, `gain` times that is added; a gain of 0 leaves the picture as it is. None gets darker or lighter
    than its neighbours were: edges grow steep, as by a shock filter (Osher and Rudin 1990), but not higher.
    """
    if not gain:
        return picture
    flat = cv2.bilateralFilter(picture, WIDE, ALIKE, NEAR)
    around = cv2.blur(flat, (SIDE, SIDE))
    lighter, darker = cv2.subtract(flat, around), cv2.subtract(around, flat)  # 0 where it is not
    faint = (FAINT,) * 4
    steep = cv2.addWeighted(flat, 1, cv2.subtract(lighter, faint), gain, 0)
    steep = cv2.addWeighted(steep, 1, cv2.subtract(darker, faint), -gain, 0)
    return np.asarray(cv2.min(cv2.max(steep, cv2.erode(picture, NEIGHBOURS)), cv2.dilate(picture, NEIGHBOURS)))
