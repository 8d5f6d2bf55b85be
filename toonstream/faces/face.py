"""A face: who it is and where its landmarks lie."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Rings of the 478 mediapipe landmarks: the lids of each eye (the picture's left first), and single points.
LEFT_LIDS = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_LIDS = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
NOSE_TIP, LEFT_MOUTH_CORNER, RIGHT_MOUTH_CORNER = 1, 61, 291


def five_points(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """The framing's (5, 2) points of (478, 2) landmarks. An eye's centre is its lids', which gaze does not move."""
    return np.stack(
        [
            landmarks[list(LEFT_LIDS)].mean(0),
            landmarks[list(RIGHT_LIDS)].mean(0),
            landmarks[NOSE_TIP],
            landmarks[LEFT_MOUTH_CORNER],
            landmarks[RIGHT_MOUTH_CORNER],
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
