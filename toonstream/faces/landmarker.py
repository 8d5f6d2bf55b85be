"""Places the 478 landmarks of a face: MediaPipe's face mesh (Kartynnik et al., 2019; Grishchenko et al., 2020)."""

import numpy as np
from numpy.typing import NDArray

from toonstream.faces import framing
from toonstream.faces.crop import crop
from toonstream.faces.network import open_face_network
from toonstream.faces.square import Square
from toonstream.frame import Frame

SIZE = 256
"""Pixels of the side of what the network sees."""

PRESENT = 0.5
"""The score from which there is a face."""


class Landmarker:
    """Looks for one face in a square of a frame. It remembers nothing: any number of faces can share it."""

    def __init__(self) -> None:
        self._network = open_face_network("face_mesh")

    def __call__(self, frame: Frame, square: Square, present: float = PRESENT) -> NDArray[np.float64] | None:
        """The face's landmarks, (478, 2) in pixels of the frame, or None where its score is below `present`, 0 to 1."""
        matrix = square.matrix(SIZE)
        found = self._network.run({"image": crop(frame, matrix, SIZE)[None]})
        if found["presence"][0] < present:
            return None
        return framing.apply(framing.invert(matrix), found["landmarks"][0, :, :2])

    def close(self) -> None:
        self._network.close()
