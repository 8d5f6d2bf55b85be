"""How a camera that is carried about moves: what it shows shifts as a whole, and is not new for that."""

import cv2
import numpy as np
from numpy.typing import NDArray

CHANGED, MOVING = 2, 0.08
"""By how many levels of brightness so large a share of the picture changes where the camera may have moved."""

CORNERS, FEWEST = 80, 12
"""How many places are followed at most, and how many have to move alike."""

ALIKE = 0.3
"""How far from the common motion a place may be, in pixels of the small picture."""


def camera_motion(
    before: NDArray[np.uint8], now: NDArray[np.uint8], known: NDArray[np.uint8]
) -> NDArray[np.float64] | None:
    """What takes places of the last small picture to where this one shows them, (2, 3); None where the camera rests.

    before, now: (S, S) of the whole frames, whose places lie at whole numbers. known: (S, S), 1 where known people are,
    who move by themselves. The most common motion is taken, an affine one (RANSAC over Lucas-Kanade's tracks).
    """
    background = known == 0
    if not background.any() or (cv2.absdiff(before, now)[background] > CHANGED).mean() < MOVING:
        return None
    corners = cv2.goodFeaturesToTrack(before, CORNERS, 0.01, 3, mask=background.astype(np.uint8))
    if corners is None or len(corners) < FEWEST:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(before, now, corners, np.empty(0), winSize=(11, 11), maxLevel=2)
    followed = found[:, 0] > 0
    if followed.sum() < FEWEST:
        return None
    matrix, alike = cv2.estimateAffine2D(corners[followed], moved[followed], ransacReprojThreshold=ALIKE)
    if matrix is None or alike.sum() < max(FEWEST, len(corners) / 2):
        return None
    return np.asarray(matrix, np.float64)


def moved_along(
    picture: NDArray[np.float32], motion: NDArray[np.float64], border: int = cv2.BORDER_REPLICATE
) -> NDArray[np.float32]:
    """A picture (S, S) as the camera's motion shows it; `border` is OpenCV's, for what it has not seen."""
    out: NDArray[np.float32] = cv2.warpAffine(picture, motion, picture.shape, flags=cv2.INTER_CUBIC, borderMode=border)
    return out
