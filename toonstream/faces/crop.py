"""Upright square crops, in a style's proportions: resampled once and without aliasing."""

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces import framing
from toonstream.frame import Frame, Rect

SHRINK = 0.7
"""Below this scale a bilinear warp would skip pixels: the picture is first averaged down to the crop's own scale."""


def crop(
    frame: Frame, matrix: NDArray[np.floating], size: int, displacements: NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """What `matrix`, (2, 3) from the frame to the crop, shows of the frame: (size, size, 3) uint8 RGB.

    displacements: of a style's shape, in crop pixels (see `shape.displacements`). What lies outside the frame repeats
    its border.
    """
    corners = framing.apply(framing.invert(matrix), np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64))
    margin = 2.0
    if displacements is not None:
        margin += float(np.abs(displacements).max()) / math.hypot(matrix[0, 0], matrix[0, 1])
    rect = Rect.around(corners, math.ceil(margin), frame.width, frame.height)
    scale = math.hypot(matrix[0, 0], matrix[0, 1])
    if scale < SHRINK:
        small = max(1, round(rect.width * scale)), max(1, round(rect.height * scale))
        picture = frame.rgb(rect, small)
    else:
        small = rect.width, rect.height
        picture = frame.rgb(rect)
    # crop <- frame <- rect <- picture
    to_frame = np.array([[rect.width / small[0], 0, rect.left], [0, rect.height / small[1], rect.top]])
    return resample(picture, framing.compose(matrix, to_frame), size, displacements)


def resample(
    picture: NDArray[np.uint8],
    matrix: NDArray[np.floating],
    size: int,
    displacements: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """`picture` (H, W, 3) or (H, W) through `matrix`, (2, 3) from it to the crop, and the warp of a shape, at once.

    Linear interpolation, no antialiasing: the scale should be 0.7 or more. Returns uint8, of as many channels.
    """
    if displacements is None or not displacements.any():
        upright: NDArray[np.uint8] = cv2.warpAffine(
            picture, framing.opencv(matrix), (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return upright
    back = framing.invert(matrix)
    field = cv2.resize(cv2.transform(displacements, back[:, :2]), (size, size), interpolation=cv2.INTER_CUBIC)
    back[:, 2] -= 0.5  # to OpenCV's coordinates, whose pixel centres are whole numbers
    field += cv2.transform(_middles(size), back)
    if picture.ndim == 3:  # of four channels OpenCV makes the same values as of three, in half the time
        picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), np.uint8)
    warped = cv2.remap(picture, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB) if picture.ndim == 3 else warped, np.uint8)


@cache
def _middles(size: int) -> NDArray[np.float32]:
    """x and y of the middles of a crop's pixels, (size, size, 2)."""
    axis = np.arange(size, dtype=np.float32) + np.float32(0.5)
    return np.dstack(np.meshgrid(axis, axis))
