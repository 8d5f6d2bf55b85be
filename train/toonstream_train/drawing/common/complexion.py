"""Skin as a painter sees it: softly lit forms instead of pores, in the person's own colour."""

import numpy as np

from toonstream.faces.mesh import JAW, NOSE_BASE
from toonstream_train.drawing.common.lit_skin import base_tone, face_chroma, tinting
from toonstream_train.drawing.common.painting import paint, ramp
from toonstream_train.drawing.common.shapes import Points, curve, face_width, fill, stroke
from toonstream_train.drawing.common.skin import Skin, spot
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep

LIGHTS = ((4, 0.022, 7.0), (197, 0.03, 2.0), (117, 0.06, 3.0), (346, 0.06, 3.0), (151, 0.12, 2.5), (199, 0.05, 1.5))
"""Landmark, radius in widths of the face and lightness: tip and bridge of the nose, cheekbones, forehead, chin."""
SHADES = ((2, 0.03, 4.0), (18, 0.03, 3.0), (98, 0.025, 2.0), (327, 0.025, 2.0))
"""Likewise: under the nose, under the lower lip, beside the nostrils."""


def cored(detail: Floats, small: Floats | float, large: Floats | float, kept: Floats | float) -> Floats:
    """Detail in lightness: of what is fainter than `small` the share `kept` stays, of what is beyond `large` all."""
    out: Floats = detail * (kept + (1 - kept) * smoothstep(np.abs(detail), small, large))
    return out


def complexion(combed: Floats, skin: Skin, landmarks: Points, kept: Floats) -> Floats:
    """The photo smoothed along its contours, `combed` (H, W, 3), relit, with its skin smooth.

    kept: (H, W), where glasses and beards are, which stay as they are.
    """
    shape = (combed.shape[0], combed.shape[1])
    light = np.ascontiguousarray(combed[..., 0])
    base = base_tone(light, skin)
    # Folds and cheeks are form too, only softer; pores and wrinkles go; what is strong is no skin and stays.
    coarse: Floats = blur(light * skin.where, 3.5) / (blur(skin.where, 3.5) + np.float32(1e-3))
    coarse = np.where(skin.where > 0.02, coarse, light)
    nose = blur(fill(landmarks[NOSE_BASE], shape), 7)
    jaw = blur(stroke(curve(landmarks[JAW], 60), np.full(60, 26), shape), 5)
    # Hair on lip and chin is dark but not red; thin as it may be, it stays.
    beard = smoothstep(skin.chroma[..., 0] - combed[..., 1], 0.5, 3.5) * smoothstep(skin.form - light, 1.0, 5.0)
    firm = np.maximum.reduce([nose, skin.lips, jaw, 0.9 * blur(beard, 1.5) * skin.below])
    fine, middling = light - coarse, coarse - skin.form
    # Around the nose and the lips dark lines stay crisp; shine does not.
    crisp = np.float32(0.08) + np.float32(0.72) * firm * smoothstep(-fine, -1.0, 1.0)
    fine = cored(fine, 5.0 * skin.contrast, 16.0 * skin.contrast, crisp)
    # Dark skin lives by its highlights.
    shine = np.float32(0.45 * ramp(base, 62.0, 40.0)) * smoothstep(middling, 0.0, 4.0)
    folds = np.float32(0.36) + shine + np.float32(0.47) * firm * smoothstep(-middling, -2.0, 2.0)
    middling = cored(middling, 5.0 * skin.contrast, 18.0 * skin.contrast, folds)
    tone = skin.form + middling + (1 + 0.35 * nose) * fine

    width = face_width(landmarks)
    soft = skin.chroma + tinting(skin.chroma, skin)
    # Lips, makeup and what else has a colour of its own keep it.
    hold = np.maximum(skin.lips, 0.35 * skin.eyes)[..., None]
    soft = soft + hold * (combed[..., 1:] - soft)
    # Warm shadows: where the form turns from the light, blood shines through.
    depth = smoothstep(np.float32(base) - tone, 3.0, 22.0) * smoothstep(tone, 8.0, 30.0)
    # By the skin's own chroma, and less in the dark, where colour is strong beside what lightness there is.
    amount = (np.float32(np.hypot(*face_chroma(skin.chroma, skin)) / 22) * (tone / 55).clip(0.15, 1)).astype(np.float32)
    soft = soft + (amount * depth)[..., None] * np.array([3.0, 1.5], np.float32)
    blush = np.maximum(spot(landmarks, 50, 0.085 * width, shape), spot(landmarks, 280, 0.085 * width, shape))
    blush = np.maximum(blush, 0.5 * spot(landmarks, 4, 0.055 * width, shape))
    soft = soft + (amount * blush)[..., None] * np.array([3.0, 0.6], np.float32)
    tone = tone + sculpted(landmarks, skin, base, width)

    out = combed.copy()
    paint(out, skin.where * (1 - kept), np.dstack([tone, soft]))
    return out


def sculpted(landmarks: Points, skin: Skin, base: float, width: float) -> Floats:
    """Light and shade (H, W), in lightness, that a lamp gives every face: what a flat photo lacks of form."""
    shape = (skin.form.shape[0], skin.form.shape[1])
    gain = np.float32(min(base / 60, 1.0))
    light = np.zeros(shape, np.float32)
    for index, radius, share in LIGHTS:
        light = np.maximum(light, np.float32(share) * spot(landmarks, index, radius * width, shape))
    shade = np.zeros(shape, np.float32)
    for index, radius, share in SHADES:
        shade = np.maximum(shade, np.float32(share) * spot(landmarks, index, radius * width, shape))
    # Only as far as the photo lights them at all.
    lit = smoothstep(skin.form, base - 14, base + 4)
    out: Floats = gain * (light * lit - shade)
    return out
