"""Where people are in crops, by the segmenter that the camera uses."""

from fractions import Fraction
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.composite import MATTE_SIZE, matte
from toonstream.faces.segmenter import Segmenter
from toonstream.frame import Frame, Rect

Floats = NDArray[np.float32]


def person(crop: NDArray[np.uint8]) -> Floats:
    """How likely a person is at each place of a framed face (H, W, 3): (H, W), 0 to 1.

    The segmenter wants to see half as much again, which a crop has not: its border is repeated.
    """
    height, width = crop.shape[:2]
    top, left = height // 4, width // 4
    wide = cv2.copyMakeBorder(crop, top, top, left, left, cv2.BORDER_REPLICATE)
    frame = Frame.from_rgb(np.asarray(wide, np.uint8), pts=None, time_base=Fraction(1), index=0)
    mask = segmenter()(frame, Rect(0, 0, frame.width, frame.height))
    whole = cv2.resize(mask, (frame.width, frame.height), interpolation=cv2.INTER_LINEAR)
    out: Floats = whole[top : top + height, left : left + width]
    return out


def head_matte(likely: Floats, mesh: NDArray[np.float32]) -> Floats:
    """How much of a framed face with its mesh (478, 2) is cartoon at run time: (S, S), 0 to 1.

    likely: (S, S), as of `person`.
    """
    side = likely.shape[0]
    seen = cv2.resize(likely, (MATTE_SIZE, MATTE_SIZE), interpolation=cv2.INTER_AREA)
    cover = matte(mesh / np.float32(side), np.rint(255 * seen).astype(np.uint8))
    out: Floats = cv2.resize(cover, (side, side), interpolation=cv2.INTER_LINEAR)
    return out


@cache
def segmenter() -> Segmenter:
    """One for the process."""
    return Segmenter()
