"""Skin as a painter lays it: one lit tone and one calm, soft-edged shadow, in the person's own colour.

The photo is not replaced but relit. Its light is split into form (very smooth) and relief (what is left); form becomes
two tones, weak relief goes, strong relief (a beard, glasses, a lock of hair) stays whatever the skin mask says.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES, JAW, MOUTH, OVAL
from toonstream_train.drawing.common.painting import ramp
from toonstream_train.drawing.common.shapes import Points, curve, fill, grown
from toonstream_train.drawing.common.smoothing import Floats, blur, grid, smoothstep

COARSE = 4
"""Form and mask are so smooth that a quarter of the pixels each way will do."""

HUE, PALE = np.radians(53.0), 21.0
"""The hue that skin has in good light, and the least chroma."""
RICHEST = 9.0, 0.26
"""Of red skin's chroma beyond the first and the second for each step of lightness a quarter stays: more looks burnt."""


@dataclass(frozen=True)
class Skin:
    """What is known of a face's skin; pictures (H, W)."""

    where: Floats
    """Where skin is, 0 to 1, up to the photo's own edges."""
    form: Floats
    """Its lightness as light and form alone make it, also under brows, eyes and hair."""
    chroma: NDArray[np.float32]
    """(2,), its own colour."""
    lit: float
    """Its lightness where the light falls."""
    base: float
    """The lightness that it is painted in: that of its lit side, but not of its shine."""
    deep: float
    """Its lightness in the shadow."""
    width: float
    """Of the face, in pixels."""

    contrast: float
    """How much of the contrasts of light skin in clear light it shows: on dark skin and in haze all is fainter."""


def find(photo: Floats, landmarks: Points) -> Skin:
    """The skin on a smoothed photo in LAB (H, W, 3)."""
    height, width = photo.shape[:2]
    small = cv2.resize(photo, (width // COARSE, height // COARSE), interpolation=cv2.INTER_AREA)
    mesh = landmarks / np.float32(COARSE)
    face = float(np.hypot(*(mesh[454] - mesh[234])))
    light = np.ascontiguousarray(small[..., 0])
    bare = bare_face(mesh, light.shape, face)
    chroma, alike = likeness(small, bare)
    place = neighbourhood(mesh, light.shape, face)
    covered = features(mesh, light.shape, face)
    oval = blur(fill(mesh[OVAL], light.shape), 0.03 * face)
    rows = np.arange(light.shape[0], dtype=np.float32)[:, None]
    lower = smoothstep(rows, float(mesh[1, 1]), float(mesh[0, 1]) + 1)
    # Beyond the face a wall may be of its colour: there the likeness must be closer. On lip and chin what lacks the
    # skin's red is a beard, however light.
    beard = lower * oval * pallor(small, chroma, float(np.percentile(light[bare], 70)))
    weight = place * (alike * oval + alike**2 * (1 - oval)) * (1 - beard)
    # Twice: what stands out from the first guess (a fringe, glasses) is left out of the second. The first knows nothing
    # of lip and chin, so a beard stands out too.
    limit = min(max(float(np.median(light[bare])) / 58, 0.5), 1.0)
    # Only what lies well within the face counts: its rim is hair and the shadow of hair.
    inset = smoothstep(blur(fill(mesh[OVAL], light.shape), 0.06 * face), 0.75, 1.0)
    inner = cv2.erode(weight, np.ones((3, 3))) * (1 - covered) * np.maximum(inset, neck(mesh, light.shape, face))
    form = spread(light, inner * (1 - 0.95 * lower), 0.12 * face)
    form = spread(light, inner * (1 - smoothstep(np.abs(light - form), 11 * limit, 22 * limit)), 0.09 * face)

    values = form[bare]
    lit = float(np.percentile(values, 65))
    deep = float(np.percentile(values, 4))
    base = min(lit + 2.5, float(np.median(values)) + 2)
    # Within the face all is skin unless it is plainly something else.
    within = smoothstep(alike, 0.01, 0.1) * smoothstep(oval, 0.5, 0.95) * (1 - beard)
    shine = (
        smoothstep(light, lit, lit + 6) * smoothstep(blur(tall(mesh, light.shape), 0.02 * face), 0.3, 0.7) * (1 - lower)
    )
    where = np.maximum.reduce([smoothstep(weight, 0.25, 0.7), within, shine, covered * oval])
    # Small holes are shadows; larger ones may be locks of hair.
    closed = cv2.morphologyEx(where, cv2.MORPH_CLOSE, disc_kernel(0.06 * face))
    where = np.maximum(where, closed * (1 - lower) * smoothstep(oval, 0.3, 0.7))
    guide = np.ascontiguousarray(photo[..., 0])
    where, form = (cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR) for field in (where, form))
    where = smoothstep(cv2.ximgproc.guidedFilter(guide, where, 7, 6.0), 0.2, 0.75)
    darkest = float(np.percentile(light[covered > 0.5], 3)) if (covered > 0.5).any() else 0.0
    contrast = min(max(lit / 58, 0.5), 1.0) * min(max((lit - darkest) / (0.62 * max(lit, 1.0)), 0.45), 1.0)
    return Skin(where, form, chroma, lit, base, deep, COARSE * face, contrast)


def disc_kernel(diameter: float) -> NDArray[np.uint8]:
    """For morphology: a disc, an odd number of pixels wide."""
    size = round(diameter) | 1
    out: NDArray[np.uint8] = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.uint8)
    return out


def bare_face(mesh: Points, shape: tuple[int, int], face: float) -> NDArray[np.bool_]:
    """Forehead, nose and cheeks: skin that no beard, brow or hair covers, (H, W)."""
    inner = cv2.erode(fill(mesh[OVAL], shape), np.ones((3, 3)), iterations=max(1, round(0.05 * face)))
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    out: NDArray[np.bool_] = (inner * (1 - features(mesh, shape, face)) > 0.5) & (rows < mesh[2, 1])
    if out.sum() < 20:  # a mesh that lies outside the picture or folds up says nothing: take the middle
        out[shape[0] // 4 : -shape[0] // 4, shape[1] // 4 : -shape[1] // 4] = True
    return out


def features(mesh: Points, shape: tuple[int, int], face: float) -> Floats:
    """Eyes, brows and lips with their shadows, (H, W) 0 to 1."""
    out = np.zeros(shape, np.float32)
    for outline, margin in ((EYES[0], 0.07), (EYES[1], 0.07), (BROWS[0], 0.03), (BROWS[1], 0.03), (MOUTH, 0.02)):
        out = np.maximum(out, grown(fill(mesh[outline], shape), 2 * round(margin * face) + 1))
    return blur(out, 0.01 * face + 0.3)


def likeness(small: Floats, bare: NDArray[np.bool_]) -> tuple[NDArray[np.float32], Floats]:
    """The skin's own chroma (2,), and how much every pixel has of it, (H, W) 0 to 1."""
    values = small[bare]
    low, middle, high = np.percentile(values[:, 0], [8, 50, 97])
    low = max(low, 0.5 * middle)  # a fringe lies in the sample too; what is as dark as that is painted as it is
    core = values[(values[:, 0] > middle) & (values[:, 0] <= high)]
    if len(core) < 8:
        core = values
    centre = np.median(core, axis=0)
    least = min(max(0.2 * float(np.hypot(*centre[1:])), 1.3), 3.0)
    spread = np.maximum(1.5 * np.median(np.abs(core - centre), axis=0), (6.0, least, 1.15 * least))
    # Chroma shrinks with the light: compare what it would be in the face's own.
    relief = np.clip(centre[0] / np.maximum(small[..., 0], 8.0), 0.7, 1.8)
    da = (small[..., 1] * relief - centre[1]) / spread[1]
    db = (small[..., 2] * relief - centre[2]) / spread[2]
    dark = np.minimum(small[..., 0] - np.float32(0.85 * low), 0) / np.float32(0.12 * middle + 2)
    bright = np.maximum(small[..., 0] - np.float32(high + 6), 0) / np.float32(8)
    # Ruddy cheeks are skin: too much of its colour counts for less than too little.
    da, db = (np.where(d > 0, 0.45 * d, d) for d in (da, db))
    distance = (da * da + db * db) / 12 + dark * dark + bright * bright
    return centre[1:].astype(np.float32), np.exp(-0.5 * distance).astype(np.float32)


def pallor(picture: Floats, chroma: NDArray[np.float32], lit: float) -> Floats:
    """How much every pixel lacks of the red that skin would have in that light, (H, W) 0 to 1: hair and frames do."""
    red = max(float(chroma[0]), 4.0)
    expected = np.float32(red) * (picture[..., 0] / np.float32(max(lit, 1.0))).clip(0.35, 1)
    # Where skin itself has no red, that says nothing.
    out: Floats = ramp(float(chroma[0]), 3.0, 8.0) * smoothstep(expected - picture[..., 1], 0.18 * red, 0.5 * red)
    return out


def neighbourhood(mesh: Points, shape: tuple[int, int], face: float) -> Floats:
    """Where skin may be: the face, its ears, the neck, (H, W) 0 to 1."""
    near = blur(grown(tall(mesh, shape), 2 * round(0.11 * face) + 1), 0.05 * face)
    out: Floats = np.maximum(near, neck(mesh, shape, face))
    return out


def tall(mesh: Points, shape: tuple[int, int]) -> Floats:
    """The face up to its hairline, above which the mesh ends, (H, W)."""
    up = (mesh[10] - mesh[152]) / max(float(np.hypot(*(mesh[10] - mesh[152]))), 1e-3)
    height = ((mesh[OVAL] - mesh[168]) @ up).clip(0, None)
    return fill((mesh[OVAL] + 0.22 * height[:, None] * up).astype(np.float32), shape)


def neck(mesh: Points, shape: tuple[int, int], face: float) -> Floats:
    """Where the neck may be, (H, W) 0 to 1."""
    chin = mesh[152]
    x, y = grid(*shape)
    return smoothstep(np.abs(x - chin[0]), 0.52 * face, 0.36 * face) * smoothstep(
        y, float(chin[1]) - 0.15 * face, float(chin[1])
    )


def spread(values: Floats, weight: Floats, sigma: float) -> Floats:
    """Gaussian blur of `values` (H, W) that looks only where `weight` (H, W) is and closes holes from their rims."""
    carried = np.dstack([values * weight, weight])
    out = carried.mean((0, 1))[None, None] + np.float32(1e-4)
    for wider in (4.0, 2.0, 1.0):
        near = blur(carried, wider * sigma)
        out = near + np.float32(0.03) * out / out[..., 1:]
        out = out / np.maximum(out[..., 1:], 1e-6)
    result: Floats = np.ascontiguousarray(out[..., 0])
    return result


def under_the_chin(landmarks: Points, shape: tuple[int, int], width: float) -> Floats:
    """The shadow that the head casts on the neck, (H, W) 0 to 1."""
    jaw = curve(landmarks[JAW], 60)
    oval = fill(landmarks[OVAL], shape)
    down = (landmarks[152] - landmarks[10]) / max(float(np.hypot(*(landmarks[152] - landmarks[10]))), 1.0)
    cast = fill(np.concatenate([jaw, (jaw + 0.15 * width * down)[::-1]]).astype(np.float32), shape)
    return blur(cast * (1 - oval), 0.012 * width) * (1 - blur(oval, 1.0))


def toned(skin: Skin, landmarks: Points, soft: float, keep: float) -> Floats:
    """The skin's lightness in two tones, (H, W).

    soft: half the width of the shadow's edge, in lightness; keep: how much of the form within a tone stays.
    """
    depth = skin.lit - skin.deep
    border = skin.lit - max(0.55 * depth, 6.0 * skin.contrast)
    shadow = smoothstep(skin.form, border + soft, border - soft)
    cast = 0.9 * under_the_chin(landmarks, (skin.form.shape[0], skin.form.shape[1]), skin.width)
    # In even light there is no shadow worth a border, but under the chin there always is.
    least = max(skin.contrast, 0.8)
    real = 0.75 * depth * ramp(depth, 7.0 * least, 22.0 * least)
    shade = skin.lit - min(real, 0.24 * skin.lit)
    bright = np.float32(skin.base)
    below = np.minimum(np.float32(shade) - bright, 0)
    under = min(float(below), -0.1 * skin.lit)
    middle = bright + np.minimum(shadow * below, cast * np.float32(under))
    left = skin.form - middle
    tone = middle + np.float32(keep) * (left.clip(-14, 0) + np.float32(1.6) * left.clip(0, 14))
    # Black stays black: a face lit from one side goes over into the night without a rim.
    night = smoothstep(skin.form, 0.36 * skin.lit, 0.12 * skin.lit)
    out: Floats = (tone + night * (np.minimum(skin.form, tone) - tone)).astype(np.float32)
    return out


def relit(
    calm: Floats, combed: Floats, skin: Skin, landmarks: Points, tone: Floats, eyes: tuple[float, float], vivid: float
) -> Floats:
    """The photo with its skin in the tones `tone` (H, W).

    calm: (H, W, 3), the photo as flat patches, for what lies on the skin; combed: (H, W, 3), less smoothed, for the
    skin's own relief; eyes: how far each is seen, and will be drawn; vivid: the gain of the skin's chroma.
    """
    shape = (calm.shape[0], calm.shape[1])
    light, contrast = np.ascontiguousarray(calm[..., 0]), np.float32(skin.contrast)
    rest = blur(np.ascontiguousarray(combed[..., 0]), 0.011 * skin.width) - skin.form
    pale = pallor(calm, skin.chroma, skin.lit)
    bearded = around_the_mouth(landmarks, light / np.float32(skin.lit), skin.width)
    stubble = pale * bearded
    gain = np.maximum(0.14 + 0.42 * nose(landmarks, shape, skin.width), np.maximum(0.8 * stubble, 0.35 * bearded))
    weak = gain * rest.clip(-16 * contrast, 16)
    weak += np.float32(0.4) * smoothstep(rest, 2.0, 9.0) * rest.clip(0, 16)  # a shine is what makes skin alive
    # Hair and frames lack the skin's red; a shadow and a fold have all of it, and go unless they are very dark.
    ruddy = np.float32(0.34 - 0.19 * ramp(skin.lit, 60.0, 72.0))  # on dark skin shadows are as dark as thin beards
    hairy = np.float32(skin.lit) * (ruddy + (np.float32(0.11) - ruddy) * pale)
    limit = contrast * (26 - 17 * pale)
    limit += bearded * (hairy - limit)
    hard = light - skin.form
    strong = smoothstep(-hard, limit, 1.8 * limit) * (1 - 0.9 * lids(landmarks, eyes, shape, skin.width))
    out = calm.copy()
    out[..., 0] += tone + weak + strong * (hard - weak) - light
    # In the shadow chroma falls slower than light and turns to red.
    share = (tone / np.float32(max(skin.lit, 1.0))).clip(0.3, 1.2)
    chroma = healthy(skin.chroma, skin.base)
    gain = np.float32(1 + (vivid - 1) * ramp(float(np.hypot(*chroma)), 42.0, 20.0)) * np.sqrt(share)
    cover = (1 - strong) * (1 - 0.6 * stubble)
    for channel, tint in ((0, 1.4), (1, 0.8)):
        target = chroma[channel] * gain * (1 + np.float32(tint - 1) * (1 - share))
        out[..., channel + 1] += cover * (target - calm[..., channel + 1])
    return out


def healthy(chroma: NDArray[np.float32], lit: float) -> NDArray[np.float32]:
    """A skin's chroma (2,) as good light shows it, painted at the lightness `lit`.

    Haze and lamps make it grey or green, cameras too red; a grey photo stays grey.
    """
    size, hue = float(np.hypot(*chroma)), float(np.arctan2(chroma[1], chroma[0]))
    sure, red = ramp(size, 2.5, 7.0), ramp(float(np.degrees(hue)), 54.0, 42.0)  # brown skin is as rich, but yellower
    hue += 0.6 * sure * max(ramp(size, 22.0, 10.0), red) * (HUE - hue)  # the paler, the less its hue says
    size += 0.65 * sure * max(PALE - size, 0)
    size -= 0.75 * red * max(size - RICHEST[0] - RICHEST[1] * lit, 0)
    return np.array([size * np.cos(hue), size * np.sin(hue)], np.float32)


def lids(landmarks: Points, seen: tuple[float, float], shape: tuple[int, int], width: float) -> Floats:
    """The eyes that are seen and what is just around them, (H, W) 0 to 1."""
    left, right = (trust * fill(landmarks[eye], shape) for trust, eye in zip(seen, EYES, strict=True))
    out = np.maximum(left, right)
    return blur(grown(out, 2 * round(0.03 * width) + 1), 0.01 * width)


def nose(landmarks: Points, shape: tuple[int, int], width: float) -> Floats:
    """Where the nose keeps its form, (H, W) 0 to 1."""
    outline = landmarks[[168, 193, 198, 48, 64, 98, 2, 327, 294, 278, 420, 417]]
    return blur(fill(outline, shape), 0.04 * width)


def around_the_mouth(landmarks: Points, share: Floats, width: float) -> Floats:
    """Where a beard may grow, (H, W) 0 to 1; share: (H, W), the light there in parts of the lit skin's."""
    shape = (share.shape[0], share.shape[1])
    x, y = grid(*shape)
    below = smoothstep(y, float(landmarks[2, 1]), float(landmarks[0, 1]))
    # The folds of a smile are as dark as a thin beard.
    thin = smoothstep(share, 0.35, 0.5)
    folds = np.ones(shape, np.float32)
    for index in (57, 287, 216, 436):
        cx, cy = landmarks[index] - 0.5
        folds *= 1 - thin * np.exp(-0.5 * ((x - cx) ** 2 + (y - cy) ** 2) / (0.06 * width) ** 2)
    return blur(fill(landmarks[OVAL], shape), 0.02 * width) * below * folds
