"""Drawing teachers: slow, careful draughtsmen that turn a photo of a face into a picture of one look.

One is run once over the photos; a small generator then learns its drawings. Everything drawn is therefore tied to
what the photo shows at that place, and every threshold is soft: no cluster, no chance, nothing that flips.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from train.drawing import anime, cel, film
from train.drawing.glasses import worn
from train.drawing.seen import eyes_seen
from train.drawing.shapes import CANVAS
from train.drawing.smoothing import Floats, grid
from train.drawing.warp import Move, moved, moves, total, warped

LOOKS: dict[str, Callable[[Floats, NDArray[np.float32]], Floats]] = {
    "cel": cel.painted,
    "film": film.painted,
    "anime": anime.painted,
}
"""Each look's painter: a photo in LAB (CANVAS, CANVAS, 3) and its mesh (478, 2) to the drawing in LAB.

For a look that moves features both are in its proportions already; painting moves nothing.
"""

PROPORTIONS = {"film": film.PROPORTIONS, "anime": anime.PROPORTIONS}
"""Of the looks that move features."""


def draw(
    crop: NDArray[np.uint8], landmarks: NDArray[np.float32], look: str = "cel", size: int | None = None
) -> NDArray[np.uint8]:
    """The drawing of a framed face.

    crop: (S, S, 3) RGB; twice the size wanted is best. landmarks: (478, 2), the face mesh in pixels of the crop, pixel
    centres at +0.5. look: one of `LOOKS`. Returns (size, size, 3) RGB, by default of the crop's size.
    """
    lab, points = _canvas(crop, landmarks)
    size = crop.shape[0] if size is None else size
    if look in PROPORTIONS:
        bend = bends(points, look)
        lab, points = warped(lab, bend), moved(points, bend)
    paper = LOOKS[look](lab, points)
    picture = cv2.cvtColor(paper, cv2.COLOR_LAB2RGB).clip(0, 1)
    if size != CANVAS:
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    out: NDArray[np.uint8] = np.round(picture * 255).astype(np.uint8)
    return out


def bends(points: NDArray[np.float32], look: str) -> list[Move]:
    """What a look moves, by the landmarks alone."""
    return moves(points, (1.0, 1.0), PROPORTIONS[look])


def shifts(
    crop: NDArray[np.uint8], landmarks: NDArray[np.float32], look: str, cells: int
) -> NDArray[np.float32] | None:
    """What the look moves: from the middles of the drawing's cells to where the photo has what is drawn there.

    crop, landmarks, look: as for `draw`. Returns (cells, cells, 2), across and down in pixels of the crop; None for a
    look that moves nothing.
    """
    if look not in PROPORTIONS:
        return None
    lab, points = _canvas(crop, landmarks)
    found = bends(points, look)
    x, y = ((place + 0.5) * np.float32(CANVAS / cells) for place in grid(cells, cells))
    return np.stack(total(found, x, y), 2).astype(np.float32) * np.float32(crop.shape[0] / CANVAS)


def drawn_mesh(crop: NDArray[np.uint8], landmarks: NDArray[np.float32], look: str = "cel") -> NDArray[np.float32]:
    """Where the landmarks lie on the drawing: (478, 2) in [-1, 1] across it and down. The rest as for `draw`."""
    lab, points = _canvas(crop, landmarks)
    if look in PROPORTIONS:
        points = moved(points, bends(points, look))
    return points * np.float32(2 / CANVAS) - 1


def wears_glasses(crop: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> bool:
    """Whether glasses are seen on a face; crop, landmarks: as for `draw`."""
    lab, points = _canvas(crop, landmarks)
    return worn(lab, points) > 0.3 or min(eyes_seen(lab, points)) < 0.9


def _canvas(crop: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> tuple[Floats, NDArray[np.float32]]:
    """The photo in LAB and its mesh as a draughtsman takes them."""
    if crop.ndim != 3 or crop.shape[0] != crop.shape[1] or crop.shape[2] != 3 or crop.dtype != np.uint8:
        raise ValueError(f"a square RGB crop of uint8 is needed, not {crop.shape} {crop.dtype}")
    if landmarks.shape != (478, 2):
        raise ValueError(f"478 landmarks are needed, not {landmarks.shape}")
    points = (landmarks * (CANVAS / crop.shape[0])).astype(np.float32)
    photo = crop.astype(np.float32) / 255
    if crop.shape[0] != CANVAS:
        shrinks = crop.shape[0] > CANVAS
        photo = cv2.resize(photo, (CANVAS, CANVAS), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    lab: Floats = cv2.cvtColor(photo.clip(0, 1), cv2.COLOR_RGB2LAB)
    return lab, points


__all__ = ["LOOKS", "draw", "drawn_mesh", "shifts", "wears_glasses"]
