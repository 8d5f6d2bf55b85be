"""Glasses: thin, often faint, and yet what a person is known by. Found by their bridge, kept by their lines."""

import cv2
import numpy as np

from train.drawing.features import ramp
from train.drawing.shapes import EYES, Points, curve, fill, grown
from train.drawing.smoothing import Floats, Flow, blur, smoothstep


def worn(lab: Floats, landmarks: Points) -> float:
    """How surely glasses are worn, 0 to 1: their bridge is a thin line across the ridge of the nose, where else no
    line is."""
    across = landmarks[263] - landmarks[33]
    ridge = curve(landmarks[[9, 8, 168, 6, 197, 195]], 64)
    at = (ridge[:, None] + np.linspace(-0.05, 0.05, 7, dtype=np.float32)[None, :, None] * across).astype(np.float32)
    step = max(float(np.hypot(*np.diff(ridge, axis=0).T).mean()), 1e-3)
    profile = cv2.remap(lab, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    profile = profile.mean(1, keepdims=True)
    narrow, wide = (
        cv2.GaussianBlur(profile, (1, 0), 0, sigmaY=sigma / step, borderType=cv2.BORDER_REPLICATE)[:, 0]
        for sigma in (1.6, 6.0)
    )
    line = np.abs(narrow - wide)[10:-6]
    return ramp(float(line[:, 0].max() + 2 * np.hypot(line[:, 1], line[:, 2]).max()), 3.5, 7.5)


def zone(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """Where glasses would be: around the eyes, but not on their lids, (H, W)."""
    span = float(np.hypot(*(landmarks[263] - landmarks[33])))
    lids = np.maximum(*(fill(landmarks[outline], shape) for outline in EYES))
    wide, near = (grown(lids, round(size * span) | 1) for size in (0.34, 0.10))
    return blur(wide * (1 - near), 2)


def wires(lab: Floats, contours: Flow, landmarks: Points, tone: float) -> Floats:
    """Thin lines around the eyes that belong to glasses, (H, W) 0 to 1; `tone`: the lightness of the skin."""
    found = blur(lab, 1.0) - blur(lab, 4.5)
    size = np.sqrt(found[..., 0] ** 2 + 2 * found[..., 1] ** 2 + 2 * found[..., 2] ** 2)
    size = contours.along(size, 3.0)
    # Wrinkles are fainter than wire, except where there is a bridge to prove that there is wire.
    faint = 1 - worn(lab, landmarks)
    scale = min(max(tone / 50, 0.5), 1.0)
    low, high = (1.7 + 5.5 * faint) * scale, (4.2 + 9.8 * faint) * scale
    return smoothstep(size, low, high) * zone(landmarks, (lab.shape[0], lab.shape[1]))
