"""Glasses: thin, often faint, and yet what a person is known by. Found by their bridge, kept by their lines."""

import cv2
import numpy as np

from toonstream.faces.mesh import EYES
from toonstream_train.drawing.common.painting import ramp
from toonstream_train.drawing.common.shapes import Points, curve, fill, grown
from toonstream_train.drawing.common.smoothing import Floats, Flow, blur, smoothstep

EYE_SHARE = 0.31
"""The width of an eye in life, in distances of the outer corners of both."""


def worn(lab: Floats, landmarks: Points) -> float:
    """How surely glasses are worn, 0 to 1, on a photo in LAB (H, W, 3) with its mesh (478, 2) in pixels.

    Their bridge crosses the root of the nose, where there may be a fold, and their arms the temples, where else is no
    line.
    """
    across = landmarks[263] - landmarks[33]
    ridge = curve(landmarks[[9, 8, 168, 6, 197, 195]], 64)
    at = ridge[:, None] + np.linspace(-0.05, 0.05, 7, dtype=np.float32)[None, :, None] * across
    bridge = line_across(lab, at, 1.6, 6.0)[21:-6].max()
    down = landmarks[152] - landmarks[168]
    down = down / max(float(np.hypot(*down)), 1.0) * float(np.hypot(*across))
    arms = []
    for outer, inner in ((33, 133), (263, 362)):
        eye = landmarks[outer] - landmarks[inner]
        # In a look with large eyes the temples are still as far away.
        eye = eye * min(1.0, EYE_SHARE * float(np.hypot(*across)) / max(float(np.hypot(*eye)), 1e-3))
        for far in np.linspace(0.45, 0.95, 9, dtype=np.float32):
            start = landmarks[outer] + far * eye
            at = start + np.linspace(-0.3, 0.2, 96, dtype=np.float32)[:, None] * down
            arms.append(line_across(lab, at[:, None], 1.2, 5.0)[8:-8].max())
    sides = [float(np.percentile(side, 25)) for side in np.split(np.array(arms), 2)]
    return ramp(float(bridge), 3.5, 7.5) * ramp(float(np.mean(sides)), 4.8, 6.6)


def line_across(lab: Floats, at: Points, thin: float, wide: float) -> Floats:
    """How strong a thin line lies across a path of N places, in steps of LAB (N,).

    at: (N, M, 2), the path, M places side by side taken together. thin, wide: in pixels, what is a line and what no
    longer.
    """
    step = max(float(np.hypot(*np.diff(at[:, 0], axis=0).T).mean()), 1e-3)
    at = at.astype(np.float32) - np.float32(0.5)
    profile = cv2.remap(lab, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    profile = profile.mean(1, keepdims=True)
    narrow, broad = (
        cv2.GaussianBlur(profile, (1, 0), 0, sigmaY=sigma / step, borderType=cv2.BORDER_REPLICATE)[:, 0]
        for sigma in (thin, wide)
    )
    line = np.abs(narrow - broad)
    out: Floats = line[:, 0] + 2 * np.hypot(line[:, 1], line[:, 2])
    return out


def zone(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """Where glasses would be: around the eyes, but not on their lids, (H, W)."""
    span = float(np.hypot(*(landmarks[263] - landmarks[33])))
    lids = np.maximum(*(fill(landmarks[outline], shape) for outline in EYES))
    wide, near = (grown(lids, round(size * span) | 1) for size in (0.34, 0.10))
    return blur(wide * (1 - near), 2)


def wires(lab: Floats, contours: Flow, landmarks: Points, tone: float, sure: float) -> Floats:
    """Thin lines around the eyes that belong to glasses, (H, W) 0 to 1.

    tone: the lightness of the skin. sure: 1 where glasses are worn for all that `worn` knows, 0 where not.
    """
    there = ramp(sure, 0.0, 0.3)
    if there == 0:
        return np.zeros(lab.shape[:2], np.float32)
    found = blur(lab, 1.0) - blur(lab, 4.5)
    size = np.sqrt(found[..., 0] ** 2 + 2 * found[..., 1] ** 2 + 2 * found[..., 2] ** 2)
    size = contours.along(size, 3.0)
    # Wrinkles and the shine on a nose are lines too: the less is known of glasses, the stronger they must be.
    faint = 1 - sure
    scale = min(max(tone / 50, 0.5), 1.0)
    low, high = (1.7 + 5.5 * faint) * scale, (4.2 + 9.8 * faint) * scale
    return there * smoothstep(size, low, high) * zone(landmarks, (lab.shape[0], lab.shape[1]))
