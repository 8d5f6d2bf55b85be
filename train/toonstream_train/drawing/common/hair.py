"""Where hair is, by its colours: those of the person around the face, beside those of the cheeks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES, MOUTH, OVAL
from toonstream_train.drawing.common.painting import ramp
from toonstream_train.drawing.common.shapes import Points, face_width, fill, grown
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep
from toonstream_train.drawing.common.tones import tall

CHEEKS = [
    *(127, 227, 116, 123, 147, 192, 216, 206, 203, 98, 97, 2, 326, 327),
    *(423, 426, 436, 416, 376, 352, 345, 447, 356, 300, 334, 9, 105, 70),
]
"""Landmarks around cheeks, nose and the lower forehead, in turns."""
FEW = 100, 0.02
"""With fewer pixels of cheeks, or a smaller share of the face of hair around it, nothing is known."""
ALIKE, BALD = 8.0, 12.0
"""How far the chroma of skin may be from the face's: around a face, and right above a forehead."""
DARK = 0.72
"""What is darker than so much of the skin's lightness is hair, though it be of the skin's hue."""
WHITES = np.array([[100, 0, 0], [100, -2, -12]], np.float32)
SHINE = (0.15, 0.3, 0.5, 0.7)
"""How far shining skin goes to the colours of lamps and of the sky."""
SIDE, MIDDLE, BINS = 40, np.array([0, 20, 20], np.float32), np.array([6.0, 3.5, 3.5], np.float32)
"""Of the table of colours: its side, where black is in it, and how much of L, a and b a step is."""
UNKNOWN = 3e-6
"""What is rarer than that in both has a colour of neither."""


def hair(picture: Floats, person: Floats, landmarks: Points) -> Floats:
    """Where a photo in LAB (H, W, 3), smoothed along its contours, has rather the colours of hair: (H, W), 0 to 1.

    person: (H, W), 0 to 1. Only above the mouth, and never amid the cheeks. Hats and scarfs count as hair;
    a white fringe may be taken for shine.
    """
    shape = (picture.shape[0], picture.shape[1])
    width = face_width(landmarks)
    face = fill(landmarks[OVAL], shape)
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    above = smoothstep(rows, float(landmarks[13, 1]), float(landmarks[1, 1]))
    cheeks = bare_cheeks(landmarks, shape)
    skin = picture[cheeks > 0.5]
    around = (person > 0.7) & (grown(face, 2 * round(0.05 * width) + 1) < 0.5) & (above > 0.5)
    if len(skin) < FEW[0]:
        return np.zeros(shape, np.float32)
    around &= ~like_skin(picture, skin, around)
    if around.sum() < FEW[1] * max(face.sum(), 1.0):
        return np.zeros(shape, np.float32)
    shining = [skin + np.float32(far) * (white - skin) for white in WHITES for far in SHINE]
    of_hair, of_skin = share(picture[around]), share(np.concatenate([np.repeat(skin, len(shining), 0), *shining]))
    at = cell(picture)
    likely = of_hair[at] / (of_hair[at] + of_skin[at] + UNKNOWN)
    inner = 1 - grown(1 - cheeks, 2 * round(0.05 * width) + 1)
    place = above * (1 - blur(inner, 0.02 * width)) * (1 - bald(picture, person, landmarks, face, skin))
    out: Floats = blur(smoothstep(blur(likely, 4.0), 0.6, 0.8), 1.0) * place
    return out


def bare_cheeks(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """What is surely skin, (H, W) 0 to 1: not the upper forehead, where a fringe may hang, nor where a beard grows."""
    cheeks = fill(landmarks[CHEEKS], shape)
    margin = 2 * round(0.04 * face_width(landmarks)) + 1
    for outline in (*EYES, *BROWS, MOUTH):
        cheeks *= 1 - grown(fill(landmarks[outline], shape), margin)
    return cheeks


def like_skin(picture: Floats, skin: Floats, around: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the picture (H, W, 3) may show more skin, as of a bald head: (H, W).

    skin: (N, 3); around: (H, W), the person around the face. A lamp's shine is a small part of that, white hair is not.
    """
    own, light = np.median(skin, axis=0), picture[..., 0]
    alike = off_hue(picture, own) < ALIKE
    bright = around & alike & (light > own[0] + 6)
    if bright.sum() > 0.25 * around.sum():
        alike &= ~bright
    dark = light <= min(DARK * float(own[0]), 0.85 * float(np.percentile(skin[:, 0], 5)))
    out: NDArray[np.bool_] = alike & ~dark
    return out


def bald(picture: Floats, person: Floats, landmarks: Points, face: Floats, skin: Floats) -> Floats:
    """The forehead and what is above it, (H, W) 0 to 1, where there is skin right above the mesh of the face."""
    width, own = face_width(landmarks), np.median(skin, axis=0)
    strip = (person > 0.7) & (grown(face, 2 * round(0.13 * width) + 1) > 0.5)
    strip &= grown(face, 2 * round(0.04 * width) + 1) < 0.5
    strip[max(int(landmarks[BROWS[0], 1].min()), 0) :] = False
    if not strip.any():
        return np.zeros_like(face)
    alike = (off_hue(picture, own) < BALD) & (picture[..., 0] > 0.62 * own[0])
    crown = grown(fill(tall(landmarks, 0.7), face.shape), 2 * round(0.05 * width) + 1)
    out: Floats = np.float32(ramp(float(alike[strip].mean()), 0.62, 0.78)) * blur(crown, 0.02 * width)
    return out


def off_hue(picture: Floats, own: NDArray[np.float32]) -> Floats:
    """How far the chroma of (H, W, 3) is from that of a skin `own` (3,) as dark or as shining: (H, W)."""
    light = picture[..., :1]
    dim = (light / max(float(own[0]), 1.0)).clip(0.4, 1)
    bright = (1 - (light - own[0]) / max(100 - float(own[0]), 1.0)).clip(0, 1)
    off = picture[..., 1:] - np.where(light < own[0], dim, bright) * own[1:]
    off *= 0.6 + 0.4 * bright  # a lamp may be blue
    out: Floats = cv2.magnitude(off[..., 0].copy(), off[..., 1].copy())
    return out


def cell(colours: Floats) -> tuple[NDArray[np.intp], ...]:
    """Of the table of colours, for (..., 3) in LAB."""
    bins = np.clip(colours / BINS + MIDDLE, 0, SIDE - 1).astype(np.intp)
    return tuple(np.moveaxis(bins, -1, 0))


def share(colours: Floats) -> Floats:
    """How often each colour occurs among (N, 3), neighbours alike: (SIDE, SIDE, SIDE)."""
    counts = np.zeros((SIDE, SIDE, SIDE), np.float32)
    np.add.at(counts, cell(colours), np.float32(1))
    for axis in range(3):
        rows = np.moveaxis(counts, axis, 0)
        counts = np.moveaxis(cv2.GaussianBlur(rows.reshape(SIDE, -1), (1, 7), 1.3).reshape(rows.shape), 0, axis)
    out: Floats = counts / counts.sum()
    return out
