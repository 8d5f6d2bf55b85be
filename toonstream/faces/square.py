"""Where a face lies in a picture: a square around it, turned with it."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEFT_EYE_CORNER, RIGHT_EYE_CORNER = 33, 263  # the outer corners, among the landmarks
MARGIN = 1.5  # the square's side in sides of the face's box, as the landmark network was trained


class Square(NamedTuple):
    """Centre and side in pixels; the angle in radians from the picture's x axis to the square's, clockwise as seen."""

    x: float
    y: float
    side: float
    angle: float

    @classmethod
    def of_landmarks(cls, landmarks: NDArray[np.floating]) -> "Square":
        """The square in which the landmark network finds a face again, from its (478, 2) landmarks in pixels."""
        across = landmarks[RIGHT_EYE_CORNER] - landmarks[LEFT_EYE_CORNER]
        angle = math.atan2(across[1], across[0])
        upright = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        turned = landmarks @ upright
        low, high = turned.min(0), turned.max(0)
        x, y = upright @ (low + high) / 2
        return cls(float(x), float(y), MARGIN * float((high - low).max()), angle)

    def matrix(self, size: int) -> NDArray[np.float64]:
        """(2, 3), from the picture to the upright crop of `size` pixels."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        rotation = size / self.side * np.array([[cos, sin], [-sin, cos]])
        return np.hstack([rotation, (size / 2 - rotation @ (self.x, self.y))[:, None]])

    def placed(self, scale: float, left: float, top: float) -> "Square":
        """The same square where its picture, `scale` times as large, lies at left, top of another."""
        return Square(left + self.x * scale, top + self.y * scale, self.side * scale, self.angle)
