"""A face: who it is and where its landmarks lie."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import EYES, MOUTH_CORNERS, NOSE_TIP


def five_points(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """The framing's (5, 2) points of (478, 2) landmarks. An eye's centre is its lids', which gaze does not move."""
    return np.stack(
        [
            landmarks[EYES[0]].mean(0),
            landmarks[EYES[1]].mean(0),
            landmarks[NOSE_TIP],
            landmarks[MOUTH_CORNERS[0]],
            landmarks[MOUTH_CORNERS[1]],
        ]
    ).astype(np.float64)


@dataclass(frozen=True)
class Face:
    """One face in one frame.

    identity: the same number as long as it is the same person's. landmarks: (478, 2) float32 in pixels of the frame,
    the origin at its top-left corner, pixel centres at +0.5. confidence: 1 where the face was seen in this frame; where
    it is lost or covered its place is held, and the confidence falls to 0 until it is given up.
    """

    identity: int
    landmarks: NDArray[np.float32]
    confidence: float = 1.0

    @property
    def points(self) -> NDArray[np.float64]:
        """The five points of the framing, (5, 2), in pixels."""
        return five_points(self.landmarks)
