"""A face: who it is and where its landmarks lie."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import EYES, MOUTH_CORNERS, NOSE_TIP

_EYES = np.array(EYES)
_NOSE_AND_MOUTH = [NOSE_TIP, *MOUTH_CORNERS]


def five_points(landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
    """The framing's (5, 2) points of (478, 2) landmarks. An eye's centre is its lids', which gaze does not move."""
    eyes = landmarks[_EYES].mean(1)
    return np.concatenate([eyes, landmarks[_NOSE_AND_MOUTH]]).astype(np.float64)


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

    @cached_property
    def points(self) -> NDArray[np.float64]:
        """The five points of the framing, (5, 2), in pixels."""
        return five_points(self.landmarks)
