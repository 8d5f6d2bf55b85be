"""Where a face's skin shows, from its landmarks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES, MOUTH, OVAL

GROWN = 5
"""Pixels that eyes, brows and mouth are grown by: lashes, shadows and lip lines are no skin."""


def skin(points: NDArray[np.floating], size: int) -> NDArray[np.bool_]:
    """Where skin shows: (size, size), inside the face oval of (478, 2) landmarks, without eyes, brows and mouth."""
    mask = np.zeros((size, size), np.uint8)
    features = np.zeros_like(mask)

    def outline(indices: list[int]) -> NDArray[np.int32]:
        return np.round(points[indices] - 0.5).astype(np.int32)  # OpenCV's pixel centres are whole numbers

    cv2.fillPoly(mask, [outline(OVAL)], 1)
    for indices in (*EYES, *BROWS, MOUTH):
        cv2.fillConvexPoly(features, cv2.convexHull(outline(indices)), 1)
    grown = cv2.dilate(features, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GROWN + 1, 2 * GROWN + 1)))
    return np.asarray((mask > 0) & (grown == 0), np.bool_)
