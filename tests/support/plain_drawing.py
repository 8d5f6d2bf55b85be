"""What the teachers draw of the face of ellipses as it is: once for all tests, as each drawing takes half a second."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from toonstream_train.drawing import draw

from support.drawn_face import SKINS, face


@cache
def plain_drawing(skin: str, look: str) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3), read-only."""
    drawn = draw(*face(SKINS[skin]), look)
    drawn.flags.writeable = False
    return drawn
