"""The film look's skin and hair: softly lit forms instead of pores, locks instead of strands."""

from dataclasses import dataclass

import cv2
import numpy as np

from train.drawing.shapes import JAW, MOUTH, NOSE_BASE, OVAL, Points, curve, fill, stroke
from train.drawing.smoothing import Floats, Flow, blur, smoothstep
from train.drawing.tones import features_mask, likely_skin, skin_sample, without_islands

GROWN = 1.35
"""Eyes and brows with what surrounds them are about that much larger than on the photo."""


@dataclass(frozen=True)
class Skin:
    """What is known of a face's skin; pictures (H, W)."""

    where: Floats
    """Where skin is, 0 to 1."""
    form: Floats
    """Its lightness as light and form alone make it, also under brows and eyes."""
    median: float
    """Its own lightness."""


def spot(landmarks: Points, index: int, radius: float, shape: tuple[int, int]) -> Floats:
    """A soft round spot (H, W) at a landmark."""
    y, x = np.ogrid[0 : shape[0], 0 : shape[1]]
    cx, cy = landmarks[index] - 0.5
    out: Floats = np.exp(-0.5 * ((x - cx) ** 2 + (y - cy) ** 2) / radius**2).astype(np.float32)
    return out


def cored(detail: Floats, small: Floats | float, large: Floats | float, kept: Floats | float) -> Floats:
    """Detail in lightness: of what is fainter than `small` the share `kept` stays, of what is beyond `large` all."""
    out: Floats = detail * (kept + (1 - kept) * smoothstep(np.abs(detail), small, large))
    return out


def filled(values: Floats, weight: Floats, sigma: float) -> Floats:
    """Gaussian blur of `values` (H, W, C) that looks only where `weight` (H, W) is; holes close from their rims."""
    height, width = weight.shape
    carried = np.dstack([values * weight[..., None], weight])
    small = cv2.resize(carried, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    out = small.mean((0, 1)) / max(float(small[..., -1].mean()), 1e-4)
    for wider in (18.0, 6.0):
        near = blur(small, max(wider * sigma / 4, 1.0))
        out = (near + 0.02 * out) / (near[..., -1:] + 0.02)
    near, far = blur(carried, sigma), cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR)
    result: Floats = ((near + 0.02 * far) / (near[..., -1:] + 0.02))[..., :-1]
    return result


def painted(lab: Floats, combed: Floats, landmarks: Points, wire: Floats, trust: float) -> tuple[Floats, Skin]:
    """The picture (H, W, 3) with its skin smooth; `combed` is the photo smoothed along its contours.

    wire: (H, W), where glasses are; trust: 0 where dark ones hide the eyes, 1 where they are seen.
    """
    shape = (lab.shape[0], lab.shape[1])
    light = np.ascontiguousarray(combed[..., 0])
    sample = skin_sample(landmarks, shape)
    # Forehead, nose and cheeks know the skin's colour; a beard does not.
    bare_part = sample.copy()
    bare_part[int(np.clip(landmarks[2, 1], 0, shape[0])) :] = False
    if bare_part.sum() > 0.25 * sample.sum():
        sample = bare_part
    skin = likely_skin(combed, landmarks, sample)
    sure = sample & (skin > 0.5)
    if sure.sum() > 0.25 * sample.sum():
        sample = sure
    median = float(np.median(light[sample]))
    # Beyond the face's outline what is brighter than all its skin is a wall, however alike in colour.
    beyond = 1 - blur(fill(landmarks[OVAL], shape), 4)
    high = float(np.percentile(light[sample], 96))
    skin = skin * (1 - beyond * smoothstep(light, high + 1, high + 10))
    # Below the nose what lacks the skin's red is a beard, however light.
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    below = smoothstep(np.repeat(rows, shape[1], 1), float(landmarks[1, 1]), float(landmarks[0, 1]) + 1)
    red = float(np.median(combed[sample][:, 1]))
    pallor = np.float32(red) * (light / np.float32(max(median, 1.0))).clip(0.4, 1) - combed[..., 1]
    skin = skin * (1 - below * smoothstep(pallor, 0.35 * max(red, 8.0), 0.65 * max(red, 8.0)))
    apart = trust * features_mask(landmarks, shape, GROWN)
    mouth = fill(landmarks[MOUTH], shape)
    lips = blur(cv2.dilate(mouth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))), 2)
    smooth = cv2.ximgproc.guidedFilter(light, light, 12, 12.0)
    inner = skin * (1 - np.maximum(apart, lips))
    own = filled(np.dstack([smooth, combed[..., 1:]]), inner, 4.0)
    bare = without_islands(np.ascontiguousarray(own[..., 0]), 17)
    own = own[..., 1:]
    # Not skin after all: a fringe, glasses, a hand's shadow line.
    away = blur(bare - light, 1.0)
    scale = min(max(median / 50, 0.5), 1.0)
    # The folds of a smile are as dark as a beard, but as red as skin.
    width = float(np.hypot(*(landmarks[454] - landmarks[234])))
    fold = np.maximum.reduce([spot(landmarks, index, 0.05 * width, shape) for index in (57, 287, 216, 436)])
    own_chroma = cv2.magnitude(own[..., 0].copy(), own[..., 1].copy())
    ruddy = smoothstep(combed[..., 1] - 0.75 * own[..., 0], -1.0, 1.5) * smoothstep(own_chroma, 4.0, 10.0)
    limit: Floats = np.float32(scale) * (1 + np.float32(0.9) * fold * ruddy)
    foreign = np.maximum(smoothstep(away, 13.0 * limit, 22.0 * limit), smoothstep(-away, 16.0, 26.0))
    skin = skin * (1 - foreign * (1 - 0.8 * apart))
    skin = smoothstep(cv2.ximgproc.guidedFilter(light, skin, 6, 4.0), 0.32, 0.68)

    form = cv2.ximgproc.guidedFilter(bare, bare, 16, 10.0)
    form = blur(form, 2.0)
    # Folds and cheeks are form too, only softer; pores and wrinkles go; what is strong is no skin and stays.
    coarse: Floats = blur(light * skin, 3.5) / (blur(skin, 3.5) + np.float32(1e-3))
    coarse = np.where(skin > 0.02, coarse, light)
    nose = blur(fill(landmarks[NOSE_BASE], shape), 7)
    jaw = blur(stroke(curve(landmarks[JAW], 60), np.full(60, 26), shape), 5)
    # Hair on lip and chin is dark but not red; thin as it may be, it stays.
    beard = smoothstep(own[..., 0] - combed[..., 1], 0.5, 3.5) * smoothstep(bare - light, 1.0, 5.0)
    kept = np.maximum.reduce([nose, lips, jaw, 0.9 * blur(beard, 1.5) * below])
    fine, middling = light - coarse, coarse - form
    # Around the nose and the lips dark lines stay crisp; shine does not.
    crisp = np.float32(0.08) + np.float32(0.72) * kept * smoothstep(-fine, -1.0, 1.0)
    fine = cored(fine, 5.0 * scale, 16.0 * scale, crisp)
    tone = form + (0.48 + 0.35 * kept * smoothstep(-middling, -2.0, 2.0)) * middling + (1 + 0.35 * nose) * fine

    chroma = combed[..., 1:]
    apart_from = chroma - own
    skin = skin * (1 - wire)
    # Lips, makeup and what else has a colour of its own keep it.
    hold = np.maximum(lips, 0.5 * apart)[..., None]
    soft = own + hold * apart_from
    # Warm shadows: where the form turns from the light, blood shines through.
    depth = smoothstep(median - form, 2.0, 22.0) * smoothstep(form, 8.0, 30.0)
    # By the skin's own chroma, and less in the dark, where colour is strong beside what lightness there is.
    amount = (np.float32(np.hypot(*np.median(combed[sample][:, 1:], axis=0)) / 22) * (form / 55).clip(0.15, 1)).astype(
        np.float32
    )
    soft = soft + (amount * depth)[..., None] * np.array([3.0, 1.5], np.float32)
    blush = np.maximum(spot(landmarks, 50, 0.085 * width, shape), spot(landmarks, 280, 0.085 * width, shape))
    blush = np.maximum(blush, 0.7 * spot(landmarks, 4, 0.055 * width, shape))
    soft = soft + (amount * blush)[..., None] * np.array([2.6, 0.4], np.float32)
    tone = tone - 0.5 * amount * blush
    # Light on the tip of the nose, the cheekbones and the forehead, as far as the photo lights them at all.
    shine = 1.0 * spot(landmarks, 4, 0.022 * width, shape)
    for index in (117, 346):
        shine = np.maximum(shine, 0.45 * spot(landmarks, index, 0.05 * width, shape))
    lit = smoothstep(form, median - 6, median + 8)
    tone = tone + 7.0 * shine * lit * smoothstep(np.float32(100) - tone, 0.0, 25.0)

    # Folds and shine go with pores: give back what the face as a whole has lost or won by it.
    tone = tone + np.float32(np.clip((light - tone)[sample].mean(), -4, 4)) * smoothstep(tone, 0.0, 30.0)

    out = combed.copy()
    out[..., 0] += skin * (tone - out[..., 0])
    out[..., 1:] += skin[..., None] * (soft - out[..., 1:])
    return out, Skin(skin, form, median)


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
