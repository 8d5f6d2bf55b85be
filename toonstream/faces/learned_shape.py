"""A style's proportions by a network, which says where the points of a face's contour come to lie."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from toonstream_engines import Model, Port, open_network

from toonstream.faces import spline
from toonstream.faces.mesh import CONTOUR
from toonstream.faces.shape import CELLS, Floats, Proportions, Shape

FARTHEST = 0.2
"""Shares of the crop's side by which a point moves at most, whatever a network makes of a face that it never saw."""

CONTOURS = Port("contour", "float32", ("n", len(CONTOUR), 2), "the contour's points, in shares of the crop's side")
MOVED = Port("moved", "float32", ("n", len(CONTOUR), 2), "where they come to lie")


class LearnedShape:
    """The face follows its contour by a spline.

    move: contours (n, 17, 2) float32, in shares of the crop's side, to where their points come to lie.
    """

    def __init__(self, move: Callable[[Floats], Floats]) -> None:
        self._move = move

    def displacements(self, landmarks: NDArray[np.floating], size: int) -> Floats:
        """As Shape's."""
        contour = np.asarray(landmarks, np.float32)[CONTOUR] / np.float32(size)
        moves = np.nan_to_num(self._move(contour[None])[0] - contour)
        moved = contour + moves.clip(-FARTHEST, FARTHEST)
        return spline.displacements(contour * size, moved * size, size, CELLS)


def proportions(model: Model) -> Proportions:
    """Those of the card of a style's model. Raises ValueError where the card is wrong, InputError where a file is."""
    table = model.shape
    if "network" not in table:
        return Shape.from_card(table)
    if set(table) != {"network", "sha256"}:
        raise ValueError("[shape] has either proportions or a network with its sha256")
    file = model.path.with_name(table["network"])
    network = open_network(Model(file, table["sha256"].lower(), (CONTOURS,), (MOVED,)), "onnxruntime")
    return LearnedShape(lambda contours: np.asarray(network.run({"contour": contours})["moved"], np.float32))
