"""What is painted over around drawn eyes: shadows, not a fringe."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from support.drawn_face import EYE_CENTRES, SKINS, face
from toonstream_train.drawing.common.shapes import CANVAS
from toonstream_train.drawing.features.sockets import sockets

MESH = 2 * face(SKINS["pale"])[1]
X, Y = (int(2 * value) for value in EYE_CENTRES[0])
BROW, LID = 196, Y - 2 * 8
"""Rows of the middle of the brow and of the upper lid."""


def covered(hair: np.ndarray) -> np.ndarray:
    """Where sockets are painted over, (CANVAS, CANVAS), in a face on which `hair` was found there."""
    none = np.zeros((CANVAS, CANVAS), np.float32)
    skin = SimpleNamespace(hair=hair, where=1 - hair)
    seen: Any = SimpleNamespace(skin=skin, drawn=(1.0, 1.0), glasses=0.0, wire=none, whiskers=none)
    return sockets(np.full((CANVAS, CANVAS, 3), 50, np.float32), seen, MESH)


def test_a_shadow_that_leaves_the_socket_by_a_pixel_is_painted_over() -> None:
    hair = np.zeros((CANVAS, CANVAS), np.float32)
    hair[BROW + 18 : LID - 4, X - 20 : X + 20] = 1
    assert covered(hair)[BROW + 20, X] > 0.5
    hair[BROW + 18, X:256] = 1  # a crease to the middle of the face
    assert covered(hair)[BROW + 20, X] > 0.5


def test_a_fringe_over_an_eye_stays() -> None:
    hair = np.zeros((CANVAS, CANVAS), np.float32)
    hair[60 : LID - 4, X - 80 : X + 20] = 1
    assert covered(hair)[BROW + 20, X] < 0.2
