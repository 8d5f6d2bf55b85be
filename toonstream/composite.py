"""Puts a cartoon back where its face is, through a soft matte that follows head and hair."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces import framing
from toonstream.faces.crop import SHRINK
from toonstream.faces.face import Face
from toonstream.faces.mesh import OVAL
from toonstream.frame import Frame, Patch, Rect

MATTE_SIZE = 64  # pixels of the matte before it is laid over the crop: it is soft, so few will do
# How far the matte reaches beyond the face's outline, from its middle.
HAIR_ABOVE, HAIR_BESIDE, NECK_BELOW = 2.0, 1.65, 1.25
SOFTNESS = 0.065  # sigma of the matte's margin, in sides of the crop
BORDER = 0.14  # share of the crop's side over which the matte ends before the crop does


@dataclass(frozen=True)
class Toon:
    """One face's cartoon, (S, S, 3) uint8; `matrix`, (2, 3), from frame to crop."""

    face: Face
    matrix: NDArray[np.float64]
    picture: NDArray[np.uint8]
    matte: NDArray[np.uint8] | None = None
    """(S, S, 1): the network's own, where the style makes one; 0 nothing, 255 all."""


def composite(frame: Frame, toons: Sequence[Toon]) -> Frame:
    """The frame with each cartoon in place, the nearest (largest) face on top. Other pixels stay as they are."""
    far_to_near = sorted(toons, key=lambda toon: framing.half_side(toon.face.points))
    patches = [patch for patch in (place(toon, frame.width, frame.height) for toon in far_to_near) if patch]
    return frame.blend(patches) if patches else frame


def matte(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """How much of each crop pixel is cartoon, 0 to 1, (MATTE_SIZE, MATTE_SIZE) float32.

    landmarks: (478, 2) in sides of the crop (0 to 1). The face's outline is widened to take in hair, ears and chin, its
    edge is soft enough to forgive what it gets wrong, and it ends within the crop.
    """
    oval = landmarks[OVAL]
    middle = oval.mean(0)
    reach = oval - middle
    reach[:, 0] *= HAIR_BESIDE
    reach[:, 1] *= np.where(reach[:, 1] < 0, HAIR_ABOVE, NECK_BELOW)
    fixed = np.round((middle + reach) * MATTE_SIZE * 16 - 8).astype(np.int32)  # sixteenths of a pixel
    shape = np.zeros((MATTE_SIZE, MATTE_SIZE), np.float32)
    cv2.fillPoly(shape, [fixed], 1.0, cv2.LINE_8, shift=4)
    shape = cv2.GaussianBlur(shape, (0, 0), SOFTNESS * MATTE_SIZE)
    cover: NDArray[np.float32] = shape * WINDOW
    return cover


def _window() -> NDArray[np.float32]:
    """1 inside the crop, falling smoothly to 0 at its borders: whatever the outline, no box can show."""
    position = (np.arange(MATTE_SIZE) + 0.5) / MATTE_SIZE
    inward = np.clip((np.minimum(position, 1 - position) - 0.5 / MATTE_SIZE) / BORDER, 0, 1)
    ramp = inward * inward * (3 - 2 * inward)
    return np.minimum.outer(ramp, ramp).astype(np.float32)


WINDOW = _window()


def place(toon: Toon, width: int, height: int) -> Patch | None:
    """The cartoon warped to where its face is in a frame of width x height pixels; None where nothing of it shows."""
    size = toon.picture.shape[0]
    cover = matte(framing.apply(toon.matrix, toon.face.landmarks) / size)
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
