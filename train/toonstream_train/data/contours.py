"""The contour of a face, from ear to ear: 17 points out of any set that has them."""

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import CONTOUR
from toonstream_train.data.pack import Pack

COUNT = 17


def contour(pack: Pack) -> NDArray[np.float32] | None:
    """(N, 17, 2), in crop pixels, from the picture's left to its right; None where the pack has none.

    Sets of 56 and of 68 points begin with it; from the mesh of 478 those are taken that lie nearest to iBUG's.
    """
    for count, index in ((17, slice(None)), (68, slice(COUNT)), (56, slice(COUNT)), (478, CONTOUR)):
        if count in pack.points:
            return pack.points[count][:, index]
    return None
