"""Upright square crops, resampled once and without aliasing."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces import framing
from toonstream.frame import Frame, Rect

SHRINK = 0.7
"""Below this scale a bilinear warp would skip pixels: the picture is first averaged down to the crop's own scale."""


def crop(frame: Frame, matrix: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """What `matrix`, (2, 3) from the frame to the crop, shows of the frame: (size, size, 3) uint8 RGB.

    What lies outside the frame repeats its border.
    """
    corners = framing.apply(framing.invert(matrix), np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64))
    rect = Rect.around(corners, 2, frame.width, frame.height)
    scale = math.hypot(matrix[0, 0], matrix[0, 1])
    if scale < SHRINK:
        small = max(1, round(rect.width * scale)), max(1, round(rect.height * scale))
        picture = frame.rgb(rect, small)
    else:
        small = rect.width, rect.height
        picture = frame.rgb(rect)
    # crop <- frame <- rect <- picture
    to_frame = np.array([[rect.width / small[0], 0, rect.left], [0, rect.height / small[1], rect.top]])
    from_picture = np.hstack(
        [matrix[:, :2] @ to_frame[:, :2], (matrix[:, :2] @ to_frame[:, 2] + matrix[:, 2])[:, None]]
    )
    upright: NDArray[np.uint8] = cv2.warpAffine(
        picture, framing.opencv(from_picture), (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return upright
