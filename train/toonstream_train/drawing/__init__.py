"""Drawing teachers: slow, careful draughtsmen that turn a photo of a face into a picture of one look.

One is run once over the photos; a small generator then learns its drawings. Everything drawn is therefore tied to
what the photo shows at that place, and every threshold is soft: no cluster, no chance, nothing that flips.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.crop import resample
from toonstream.faces.shape import Shape, displacements, moved
from toonstream_train.drawing.common.glasses import worn
from toonstream_train.drawing.common.person import head_matte, person
from toonstream_train.drawing.common.seen import eyes_seen
from toonstream_train.drawing.common.shapes import CANVAS
from toonstream_train.drawing.common.smoothing import Floats, smoothstep, to_lab
from toonstream_train.drawing.teachers import anime, cel, film


@dataclass(frozen=True)
class Look:
    """A teacher: proportions, and what paints in them."""

    shape: Shape
    paint: Callable[[Floats, NDArray[np.float32], Floats], Floats]
    """From a warped photo in LAB (S, S, 3), its moved mesh (478, 2) and where the person is (S, S) to the drawing in
    LAB; S is CANVAS. It moves nothing."""


EDGE = (0.25, 0.9)
"""From the first value of the matte something is drawn, from the second all."""
LOOKS = {
    "cel": Look(cel.SHAPE, cel.painted),
    "film": Look(film.SHAPE, film.painted),
    "anime": Look(anime.SHAPE, anime.painted),
}


def draw(
    crop: NDArray[np.uint8], landmarks: NDArray[np.float32], look: str = "cel", size: int | None = None
) -> NDArray[np.uint8]:
    """The drawing of a framed face, in the look's proportions.

    crop: (S, S, 3) RGB. landmarks: (478, 2), the face mesh in pixels of the crop, pixel centres at +0.5. look: one of
    `LOOKS`. Returns (size, size, 3) RGB, by default of the crop's size; CANVAS is the size that it is drawn at.
    """
    photo, points = _canvas(crop, landmarks)
    field = displacements(points, LOOKS[look].shape, CANVAS)
    warped, mesh = resample(photo, np.eye(2, 3), CANVAS, field), moved(points, field, CANVAS)
    lab = to_lab(warped)
    seen = person(warped)
    # Not on the wall: the matte would cut off what is drawn beside a head.
    cover = smoothstep(head_matte(seen, mesh), *EDGE)
    painted = lab + cover[..., None] * (LOOKS[look].paint(lab, mesh, seen) - lab)
    picture = cv2.cvtColor(painted, cv2.COLOR_LAB2RGB).clip(0, 1)
    size = crop.shape[0] if size is None else size
    if size != CANVAS:
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(np.round(picture * 255), np.uint8)


def wears_glasses(crop: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> bool:
    """Whether glasses are seen on a face; crop, landmarks: as for `draw`."""
    photo, points = _canvas(crop, landmarks)
    lab = to_lab(photo)
    return worn(lab, points) > 0.3 or min(eyes_seen(lab, points)) < 0.9


def _canvas(crop: NDArray[np.uint8], landmarks: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The photo at CANVAS pixels, and its mesh there."""
    if crop.ndim != 3 or crop.shape[0] != crop.shape[1] or crop.shape[2] != 3 or crop.dtype != np.uint8:
        raise ValueError(f"a square RGB crop of uint8 is needed, not {crop.shape} {crop.dtype}")
    if landmarks.shape != (478, 2):
        raise ValueError(f"478 landmarks are needed, not {landmarks.shape}")
    shrinks = crop.shape[0] > CANVAS
    photo = cv2.resize(crop, (CANVAS, CANVAS), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(photo, np.uint8), landmarks.astype(np.float32) * np.float32(CANVAS / crop.shape[0])


__all__ = ["LOOKS", "Look", "draw", "wears_glasses"]
