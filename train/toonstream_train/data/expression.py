"""What a face expresses, in numbers from its landmarks: how far eyes and mouth are open, and where the eyes look."""

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import IRISES, MOUTH_CORNERS

MID_LIDS = ((159, 145), (386, 374))
"""Upper and lower, of each eye; the picture's left first."""
EYE_CORNERS = ((33, 133), (362, 263))
INNER_LIPS = (13, 14)

Dense = NDArray[np.float32]


def eye_opening(points: Dense) -> NDArray[np.float64]:
    """(N, 478, 2) -> (N,): the gap between the lids over the eye's width, mean of both eyes."""
    each = [
        _length(points, *lids) / _length(points, *corners) for lids, corners in zip(MID_LIDS, EYE_CORNERS, strict=True)
    ]
    return np.asarray(np.mean(each, axis=0), np.float64)


def mouth_opening(points: Dense) -> NDArray[np.float64]:
    """(N, 478, 2) -> (N,): the gap between the lips over the mouth's width."""
    return _length(points, *INNER_LIPS) / _length(points, *MOUTH_CORNERS)


def gaze(points: Dense) -> NDArray[np.float64]:
    """(N, 478, 2) -> (N, 2): how far right of and below the middle of the eye's corners the iris lies.

    In the eye's widths, along and across the line through its corners; mean of both eyes. Lids have no part in it.
    """
    each = []
    for iris, (left, right) in zip(IRISES, EYE_CORNERS, strict=True):
        along = (points[:, right] - points[:, left]).astype(np.float64)
        off = points[:, iris[0]] - (points[:, left].astype(np.float64) + points[:, right]) / 2
        across = np.stack([-along[:, 1], along[:, 0]], 1)
        square = np.square(along).sum(1)
        each.append(np.stack([(off * along).sum(1) / square, (off * across).sum(1) / square], 1))
    return np.asarray(np.mean(each, axis=0), np.float64)


def _length(points: Dense, i: int, j: int) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(points[:, i].astype(np.float64) - points[:, j], axis=1), np.float64)
