"""The film look's skin and hair: softly lit forms instead of pores, locks instead of strands."""

import numpy as np

from train.drawing.features import paint
from train.drawing.shapes import JAW, NOSE_BASE, OVAL, Points, curve, fill, stroke
from train.drawing.skin import Skin, spot
from train.drawing.smoothing import Floats, Flow, blur, smoothstep


def cored(detail: Floats, small: Floats | float, large: Floats | float, kept: Floats | float) -> Floats:
    """Detail in lightness: of what is fainter than `small` the share `kept` stays, of what is beyond `large` all."""
    out: Floats = detail * (kept + (1 - kept) * smoothstep(np.abs(detail), small, large))
    return out


def complexion(combed: Floats, skin: Skin, landmarks: Points, wire: Floats) -> Floats:
    """The photo smoothed along its contours, `combed` (H, W, 3), with its skin smooth; `wire`: where glasses are."""
    shape = (combed.shape[0], combed.shape[1])
    light = combed[..., 0]
    # Folds and cheeks are form too, only softer; pores and wrinkles go; what is strong is no skin and stays.
    coarse: Floats = blur(light * skin.where, 3.5) / (blur(skin.where, 3.5) + np.float32(1e-3))
    coarse = np.where(skin.where > 0.02, coarse, light)
    nose = blur(fill(landmarks[NOSE_BASE], shape), 7)
    jaw = blur(stroke(curve(landmarks[JAW], 60), np.full(60, 26), shape), 5)
    # Hair on lip and chin is dark but not red; thin as it may be, it stays.
    beard = smoothstep(skin.chroma[..., 0] - combed[..., 1], 0.5, 3.5) * smoothstep(skin.form - light, 1.0, 5.0)
    kept = np.maximum.reduce([nose, skin.lips, jaw, 0.9 * blur(beard, 1.5) * skin.below])
    form = skin.form
    fine, middling = light - coarse, coarse - form
    # Around the nose and the lips dark lines stay crisp; shine does not.
    crisp = np.float32(0.08) + np.float32(0.72) * kept * smoothstep(-fine, -1.0, 1.0)
    fine = cored(fine, 5.0 * skin.contrast, 16.0 * skin.contrast, crisp)
    tone = form + (0.48 + 0.35 * kept * smoothstep(-middling, -2.0, 2.0)) * middling + (1 + 0.35 * nose) * fine

    # Lips, makeup and what else has a colour of its own keep it.
    hold = np.maximum(skin.lips, 0.5 * skin.eyes)[..., None]
    soft = skin.chroma + hold * (combed[..., 1:] - skin.chroma)
    # Warm shadows: where the form turns from the light, blood shines through.
    depth = smoothstep(skin.median - form, 2.0, 22.0) * smoothstep(form, 8.0, 30.0)
    # By the skin's own chroma, and less in the dark, where colour is strong beside what lightness there is.
    amount = (
        np.float32(np.hypot(*np.median(combed[skin.sample][:, 1:], axis=0)) / 22) * (form / 55).clip(0.15, 1)
    ).astype(np.float32)
    soft = soft + (amount * depth)[..., None] * np.array([3.0, 1.5], np.float32)
    width = float(np.hypot(*(landmarks[454] - landmarks[234])))
    blush = np.maximum(spot(landmarks, 50, 0.085 * width, shape), spot(landmarks, 280, 0.085 * width, shape))
    blush = np.maximum(blush, 0.7 * spot(landmarks, 4, 0.055 * width, shape))
    soft = soft + (amount * blush)[..., None] * np.array([2.6, 0.4], np.float32)
    tone = tone - 0.5 * amount * blush
    # Light on the tip of the nose, the cheekbones and the forehead, as far as the photo lights them at all.
    shine = 1.0 * spot(landmarks, 4, 0.022 * width, shape)
    for index in (117, 346):
        shine = np.maximum(shine, 0.45 * spot(landmarks, index, 0.05 * width, shape))
    lit = smoothstep(form, skin.median - 6, skin.median + 8)
    tone = tone + 7.0 * shine * lit * smoothstep(np.float32(100) - tone, 0.0, 25.0)

    # Folds and shine go with pores: give back what the face as a whole has lost or won by it.
    tone = tone + np.float32(np.clip((light - tone)[skin.sample].mean(), -4, 4)) * smoothstep(tone, 0.0, 30.0)

    out = combed.copy()
    paint(out, skin.where * (1 - wire), np.dstack([tone, soft]))
    return out


def locks(lab: Floats, contours: Flow) -> Floats:
    """Hair and all that is no skin (H, W, 3), combed along its contours into smooth masses."""
    combed = lab
    for _ in range(2):
        combed = contours.along(combed, 5.0)
    body = blur(combed, 7)
    lift = combed[..., 0] - body[..., 0]
    out = combed.copy()
    out[..., 0] = body[..., 0] + 1.25 * lift
    return out


def head(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """Where head and hair are likely, (H, W) 0 to 1, with a wide soft edge: beyond it the photo stays a photo."""
    oval = landmarks[OVAL]
    middle = oval.mean(0)
    reach = oval - middle
    reach = reach * np.where(reach[:, 1:] < 0, (1.65, 2.1), (1.5, 1.15)).astype(np.float32)
    return blur(fill(middle + reach, shape), 22)
