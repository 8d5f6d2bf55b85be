"""Puts a cartoon back where its face is, through a soft matte that follows head and hair."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces import framing
from toonstream.faces.crop import SHRINK
from toonstream.faces.face import Face
from toonstream.faces.mesh import OVAL
from toonstream.frame import Frame, Patch, Rect

MATTE_SIZE = 96
"""Pixels of a matte's side before it is laid over the crop."""


class Outline(NamedTuple):
    """How far an outline reaches beyond the face's, from its middle, in its own lengths; sigma in sides of the crop."""

    above: float
    beside: float
    below: float
    beside_chin: float
    sigma: float


HEAD = Outline(2.0, 1.65, 1.25, 1.65, 0.065)  # takes in hair, ears and chin, and forgives what it gets wrong
BOUND = Outline(2.6, 1.9, 2.0, 0.9, 0.065)  # hair and neck reach no further: what does is clothes, or somebody else
FACE = Outline(1.0, 1.0, 1.0, 1.0, 0.01)
CHEEKS = Outline(1.0, 1.25, 1.15, 1.25, 0.02)  # around a slimmer face, what may be left of the photo's

UNSURE = 0.3, 0.7
"""Between these the segmenter does not know, and the outline of the head decides."""
RAMP = 0.3
"""Range of the segmenter's likelihood over which the matte rises from 0 to 1."""
MISSED = 0.5, 0.8
"""How much of a face the segmenter has to find: up to the first it is not believed at all, from the second fully."""

BORDER, NECK_BORDER = 0.14, 0.08
"""Share of the crop's side over which a matte ends before the crop does; the latter at the bottom, across a neck."""


@dataclass(frozen=True)
class Toon:
    """One face's cartoon, (S, S, 3) uint8; `matrix`, (2, 3), from frame to crop."""

    face: Face
    matrix: NDArray[np.float64]
    picture: NDArray[np.uint8]
    matte: NDArray[np.uint8] | None = None
    """(S, S, 1): the network's own, where the style makes one; 0 nothing, 255 all."""
    person: NDArray[np.uint8] | None = None
    """(MATTE_SIZE, MATTE_SIZE): how likely each of these places is a person, 255 for sure; None: nobody knows."""


def composite(frame: Frame, toons: Sequence[Toon]) -> Frame:
    """The frame with each cartoon in place, the nearest (largest) face on top. Other pixels stay as they are."""
    far_to_near = sorted(toons, key=lambda toon: framing.half_side(toon.face.points))
    patches = [patch for patch in (place(toon, frame.width, frame.height) for toon in far_to_near) if patch]
    return frame.blend(patches) if patches else frame


def matte(landmarks: NDArray[np.floating], person: NDArray[np.uint8] | None = None) -> NDArray[np.float32]:
    """How much of each crop pixel is cartoon, 0 to 1, (MATTE_SIZE, MATTE_SIZE) float32: the head, never the wall.

    landmarks: (478, 2) in sides of the crop (0 to 1). person: as in Toon. The face itself is cartoon whatever the
    segmenter says, hair and neck where it sees them, and nothing beyond a wide soft outline. Where it is unsure, or
    there is none, or it misses the face, the outline of a head decides. The matte ends within the crop.
    """
    head = outline(landmarks, HEAD)
    if person is None:
        return head * WINDOW
    likely = person * np.float32(1 / 255)
    face = outline(landmarks, FACE)
    found = float((face * likely).sum() / max(face.sum(), 1))
    trust = np.float32(np.clip((found - MISSED[0]) / (MISSED[1] - MISSED[0]), 0, 1))
    edge = UNSURE[1] + head * (UNSURE[0] - UNSURE[1])
    seen = np.clip((likely - edge) / RAMP + np.float32(0.5), 0, 1) * outline(landmarks, BOUND)
    cover: NDArray[np.float32] = trust * np.maximum(face, seen) * NECK_WINDOW + (1 - trust) * head * WINDOW
    return cover


def outline(landmarks: NDArray[np.floating], reach: Outline) -> NDArray[np.float32]:
    """A face's outline, filled with 1 and blurred; landmarks and result as of `matte`."""
    oval = landmarks[OVAL]
    middle = oval.mean(0)
    points = oval - middle
    down = points[:, 1] / points[:, 1].max()
    points[:, 0] *= reach.beside + np.maximum(down, 0) * (reach.beside_chin - reach.beside)
    points[:, 1] *= np.where(down < 0, reach.above, reach.below)
    fixed = np.round((middle + points) * MATTE_SIZE * 16 - 8).astype(np.int32)  # sixteenths of a pixel
    shape = np.zeros((MATTE_SIZE, MATTE_SIZE), np.float32)
    cv2.fillPoly(shape, [fixed], 1.0, cv2.LINE_8, shift=4)
    soft: NDArray[np.float32] = cv2.GaussianBlur(shape, (0, 0), reach.sigma * MATTE_SIZE)
    return soft


def _window(bottom: float) -> NDArray[np.float32]:
    """1 inside the crop, falling smoothly to 0 at its borders: whatever the outline, no box can show."""
    position = (np.arange(MATTE_SIZE) + 0.5) / MATTE_SIZE

    def ramp(distance: NDArray[np.float64], border: float) -> NDArray[np.float64]:
        inward = np.clip((distance - 0.5 / MATTE_SIZE) / border, 0, 1)
        return inward * inward * (3 - 2 * inward)

    beside = ramp(np.minimum(position, 1 - position), BORDER)
    down = np.minimum(ramp(position, BORDER), ramp(1 - position, bottom))
    return np.minimum.outer(down, beside).astype(np.float32)


WINDOW, NECK_WINDOW = _window(BORDER), _window(NECK_BORDER)


def place(toon: Toon, width: int, height: int) -> Patch | None:
    """The cartoon warped to where its face is in a frame of width x height pixels; None where nothing of it shows."""
    size = toon.picture.shape[0]
    cover = matte(framing.apply(toon.matrix, toon.face.landmarks) / size, toon.person)
    # A face that is no longer seen keeps its cartoon for half the time of holding, then fades.
    cover = cover * min(1.0, 2 * toon.face.confidence)
    back = framing.invert(toon.matrix)
    rows, columns = np.flatnonzero(cover.max(1) > 1 / 255), np.flatnonzero(cover.max(0) > 1 / 255)
    if not rows.size:
        return None
    edges = np.array([columns[0] - 1, columns[-1] + 2]), np.array([rows[0] - 1, rows[-1] + 2])
    corners = framing.apply(back, np.array([[x, y] for x in edges[0] for y in edges[1]]) * size / MATTE_SIZE)
    rect = Rect.around(corners, 0, width, height)
    back[:, 2] -= rect.left, rect.top
    into = rect.width, rect.height
    picture = _warp(toon.picture, back, size, into)
    alpha = _warp(np.rint(cover * 255).astype(np.uint8), back, size, into)
    if toon.matte is not None:
        alpha = cv2.multiply(alpha, _warp(toon.matte, back, size, into), scale=1 / 255)
    return Patch(rect, picture, alpha)


def _warp(picture: NDArray[np.uint8], back: NDArray[np.float64], size: int, into: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture of a crop, of whatever resolution, taken by `back` from the crop's `size` pixels into the frame's.

    One that becomes much smaller is averaged first: a line that falls between the pixels would come and go.
    """
    shrunk = round(size * math.hypot(*back[0, :2]))
    if shrunk < SHRINK * picture.shape[0]:
        picture = cv2.resize(picture, (max(1, shrunk), max(1, shrunk)), interpolation=cv2.INTER_AREA)
    matrix = back.copy()
    matrix[:, :2] *= size / picture.shape[0]
    # Beyond the crop the matte is 0, so what stands there does not matter.
    warped: NDArray[np.uint8] = cv2.warpAffine(picture, framing.opencv(matrix), into, flags=cv2.INTER_LINEAR)
    return warped
