"""The drawing teacher of the style `cel`: a slow, careful draughtsman that turns a photo of a face into a flat drawing.

It is run once over the photos; a small generator then learns its drawings. Everything drawn is therefore tied to
what the photo shows at that place, and every threshold is soft: no cluster, no chance, nothing that flips.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from train.drawing.features import brow, eye, eye_trust, mouth, mouth_trust, paint
from train.drawing.lines import ink, sensitivity
from train.drawing.shapes import BROWS, EYES, MOUTH
from train.drawing.smoothing import Floats, blur, calm_neighbour, flow
from train.drawing.tones import flat

CANVAS = 512
"""Side of the paper; drawings are made at this size and then reduced, which smooths every edge."""


def draw(crop: NDArray[np.uint8], landmarks: NDArray[np.float32], size: int | None = None) -> NDArray[np.uint8]:
    """The drawing of a framed face.

    crop: (S, S, 3) RGB; twice the size wanted is best. landmarks: (478, 2), the face mesh in pixels of the crop, pixel
    centres at +0.5. Returns (size, size, 3) RGB, by default of the crop's size.
    """
    if crop.ndim != 3 or crop.shape[0] != crop.shape[1] or crop.shape[2] != 3 or crop.dtype != np.uint8:
        raise ValueError(f"a square RGB crop of uint8 is needed, not {crop.shape} {crop.dtype}")
    if landmarks.shape != (478, 2):
        raise ValueError(f"478 landmarks are needed, not {landmarks.shape}")
    size = crop.shape[0] if size is None else size
    points = (landmarks * (CANVAS / crop.shape[0])).astype(np.float32)
    photo = crop.astype(np.float32) / 255
    if crop.shape[0] != CANVAS:
        shrinks = crop.shape[0] > CANVAS
        photo = cv2.resize(photo, (CANVAS, CANVAS), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    lab: Floats = cv2.cvtColor(photo.clip(0, 1), cv2.COLOR_RGB2LAB)
    paper = drawn(lab, points)
    picture = cv2.cvtColor(paper, cv2.COLOR_LAB2RGB).clip(0, 1)
    if size != CANVAS:
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    out: NDArray[np.uint8] = np.round(picture * 255).astype(np.uint8)
    return out


def drawn(lab: Floats, landmarks: NDArray[np.float32]) -> Floats:
    """`draw` on LAB (H, W, 3): tones, then ink, then the features of the face."""
    contours = flow(lab)
    combed = contours.along(lab, 3.0)
    calm = calm_neighbour(calm_neighbour(combed, 5), 4)
    tones = flat(calm, landmarks)
    paper, skin = tones.paper, tones.skin

    need, wanted = sensitivity(landmarks, skin, tones.median)
    # Colour counts a little as darkness: white hair before a blue wall has a contour too.
    weight = combed[..., 0] - np.float32(0.3) * cv2.magnitude(combed[..., 1].copy(), combed[..., 2].copy())
    lines, found, rims = ink(blur(weight, 0.8), contours, need, wanted, skin)
    dark = np.minimum(0.16 * paper[..., 0] + 3, 0.8 * paper[..., 0])
    colour = np.dstack([dark, 0.45 * paper[..., 1] + 2, 0.45 * paper[..., 2] + 1])
    paint(paper, 0.92 * lines, colour)
    zone = np.zeros_like(skin)
    zone[around(landmarks[EYES[0] + EYES[1]], 45)[0]] = 1
    paint(paper, blur(zone, 6) * rims * (1 - lines), combed + np.array([4.0, 0, 0], np.float32))
    # Ink and steps darken the skin a little as a whole: give that back, or dark faces would turn darker still.
    lost = float((tones.certain * (lab[..., 0] - paper[..., 0])).sum() / max(float(tones.certain.sum()), 1.0))
    paper[..., 0] += np.float32(np.clip(lost, -4, 4)) * skin * (1 - lines) * np.minimum(paper[..., 0] / 30, 1)

    crisp, photo = calm_neighbour(lab, 2), blur(lab, 1.0)
    for side in (0, 1):
        window, origin = around(landmarks[BROWS[side]])
        brow(paper[window], crisp[window], tones.bare[window], skin[window], landmarks - origin, side)
        window, origin = around(landmarks[EYES[side]])
        eye(paper[window], photo[window], landmarks - origin, side, eye_trust(photo[window], landmarks - origin, side))
    window, origin = around(landmarks[MOUTH])
    trust = mouth_trust(crisp[window], landmarks - origin, skin[window], found[window])
    mouth(paper[window], crisp[window], landmarks - origin, trust)
    return paper


def around(points: NDArray[np.float32], margin: int = 40) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
    """The window of the paper that holds `points` (N, 2) and `margin` pixels more, and its origin (x, y)."""
    low = np.clip(np.floor(points.min(0)).astype(int) - margin, 0, CANVAS - 1)
    high = np.clip(np.ceil(points.max(0)).astype(int) + margin, low + 1, CANVAS)
    return (slice(low[1], high[1]), slice(low[0], high[0])), low.astype(np.float32)


__all__ = ["CANVAS", "draw"]
