"""Skin in two tones, a hint of a nose, and a small mouth."""

import cv2
import numpy as np

from toonstream_train.drawing.features import INK, paint, ramp, taper, weighted
from toonstream_train.drawing.shapes import (
    JAW,
    MOUTH,
    OVAL,
    Points,
    curve,
    fill,
    lip_edges,
    stroke,
)
from toonstream_train.drawing.skin import Skin, spot
from toonstream_train.drawing.smoothing import Floats, blur, smoothstep
from toonstream_train.drawing.tones import within, without_islands

SHADE = np.array([0.84, 1.30, 1.08], np.float32)
"""From the skin's light tone to its shadow: darker, redder."""


def complexion(skin: Skin, landmarks: Points) -> Floats:
    """The skin (H, W, 3) in one light tone and one shadow, whose border is where the face turns from the light.

    As a whole it is as light as on the photo.
    """
    shape = (skin.where.shape[0], skin.where.shape[1])
    width = float(np.hypot(*(landmarks[454] - landmarks[234])))
    seen = within(skin.form, skin.where * (1 - skin.lips) * (1 - smile(landmarks, shape)), 0.06 * width)
    # A shaven beard and the folds of a smile, which are not so dark, are no shadow.
    rows = np.repeat(np.arange(shape[0], dtype=np.float32)[:, None], shape[1], 1)
    below = smoothstep(rows, float(landmarks[6, 1]), max(float(landmarks[1, 1]), float(landmarks[6, 1]) + 1))
    face = blur(fill(landmarks[OVAL], shape), 12)
    mild = smoothstep(seen, 0.66 * skin.median, 0.82 * skin.median)
    form = seen + np.float32(10) * below * face * mild
    values = form[skin.sample]
    low, middle = (float(value) for value in np.percentile(values, [5, 50]))
    border = middle - max(0.72 * (middle - low), 6.0)
    # Cut out in one piece: what is smaller than a nose is no shadow.
    size = round(0.2 * width) | 1
    shadow = smoothstep(without_islands(form, size), border + 1.2, border - 1.2)
    chroma = np.median(skin.chroma[skin.sample], axis=0)
    share = float(shadow[skin.sample].mean())
    # Where half of a face lies in the night, its shadow is as deep as that.
    deep = float(seen[skin.sample][values < border].mean()) if (values < border).any() else middle
    shade = min(float(SHADE[0]), max(deep / max(middle, 1.0), 0.45))
    light = min(float(seen[skin.sample].mean()) / (1 - share * (1 - shade)), 96.0)
    tone = np.array([light, 1.12 * chroma[0], 1.12 * chroma[1]], np.float32)
    out = np.broadcast_to(tone, (*shape, 3)).copy()
    paint(out, shadow, tone * np.array([shade, SHADE[1], SHADE[2]], np.float32))
    # Black stays black: a face lit from one side goes over into the night without a rim.
    night = smoothstep(form, 12.0, 3.0)
    out[..., 0] += night * (np.minimum(form, out[..., 0]) - out[..., 0])
    red = tone + np.array([-3.0, 8.0, 2.0], np.float32)
    for index in (50, 280):
        paint(out, np.float32(0.5) * spot(landmarks, index, 0.07 * width, shape), red)
    return out


def beard(skin: Skin, combed: Floats, landmarks: Points) -> Floats:
    """Where lip, cheeks and chin are hairy, (H, W) 0 to 1, on a photo smoothed along its contours (H, W, 3)."""
    share = combed[..., 0] / np.float32(max(skin.median, 1.0))
    # A shadow is as red as it is light, and seldom half as dark as skin; hair is pale or darker.
    red = max(float(np.median(combed[skin.sample][:, 1])), 8.0)
    pale = smoothstep(np.float32(red) * share.clip(0.4, 1) - combed[..., 1], 0.0, 0.2 * red) * smoothstep(
        share, 0.88, 0.74
    )
    # Skin in the shade keeps its colour, hair has little.
    strong = max(float(np.median(np.hypot(combed[skin.sample][:, 1], combed[skin.sample][:, 2]))), 6.0)
    faded = cv2.magnitude(combed[..., 1].copy(), combed[..., 2].copy()) / (np.float32(strong) * share.clip(0.3, 1))
    hair = np.maximum(pale, smoothstep(share, 0.66, 0.5) * smoothstep(faded, 1.1, 0.85)) * (1 - skin.lips)
    rows = np.arange(share.shape[0], dtype=np.float32)[:, None] - np.float32(landmarks[2, 1])
    down = float(np.hypot(*(landmarks[152] - landmarks[2])))
    found = smoothstep(blur(hair * smoothstep(rows, 0.0, 0.12 * down), 3.0), 0.35, 0.65)
    # The corners of a smile are as dark, but small.
    solid: Floats = cv2.morphologyEx(found, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17)))
    return solid


def smile(landmarks: Points, shape: tuple[int, ...]) -> Floats:
    """Where the corners of a smile are, (H, W) 0 to 1."""
    width = float(np.hypot(*(landmarks[454] - landmarks[234])))
    corners = [spot(landmarks, index, 0.06 * width, (shape[0], shape[1])) for index in (57, 287, 216, 436)]
    return smoothstep(np.maximum.reduce(corners), 0.3, 0.6)


def inked(skin: Floats, landmarks: Points, eyes: Floats) -> Floats:
    """Where lines are drawn, (H, W) 0 to 1: around the skin and along the jaw, not on it, and not around the eyes."""
    shape = (skin.shape[0], skin.shape[1])
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    inner = cv2.erode(np.maximum(skin, fill(landmarks[MOUTH], shape)), kernel)
    face = cv2.erode(fill(landmarks[OVAL], shape), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25)))
    jaw = stroke(curve(landmarks[JAW], 60), np.full(60, 16), shape) * (1 - face)
    return blur((1 - inner * (1 - jaw)) * (1 - eyes), 1.5)


def nose(paper: Floats, skin: Floats, landmarks: Points) -> None:
    """A short line under its tip, and the shadow that it casts, both deep enough to be seen on dark skin."""
    shape = (paper.shape[0], paper.shape[1])
    tip, base = landmarks[4], landmarks[2]
    across = landmarks[327] - landmarks[98]
    down = base - tip
    under = base + 0.1 * down
    seen = float(skin[int(np.clip(base[1], 0, shape[0] - 1)), int(np.clip(base[0], 0, shape[1] - 1))])
    corners = np.stack([under - 0.34 * across, tip + 0.45 * down, under + 0.34 * across, under + 0.25 * down])
    shadow = blur(fill(corners.astype(np.float32), shape), 1.0)
    paint(paper, 0.9 * seen * shadow, paper * np.array([0.76, 1.25, 1.08], np.float32))
    path = np.stack([under - 0.30 * across - 0.08 * down, under + 0.04 * down, under + 0.30 * across - 0.08 * down])
    width = float(np.hypot(*across))
    thick = 0.08 * width + 1.0
    line = stroke(curve(path.astype(np.float32), 20), taper(20, 0.3 * thick, thick, 0.3 * thick), shape)
    paint(paper, 0.85 * seen * line, paper * np.array([0.34, 0.9, 0.8], np.float32))


def mouth(paper: Floats, lab: Floats, landmarks: Points, trust: float) -> None:
    """A line, a breath of the lips' own colour, and in an open mouth one band of teeth before the dark."""
    shape = (paper.shape[0], paper.shape[1])
    upper_out, lower_out, upper_in, lower_in = lip_edges(landmarks)
    width = float(np.hypot(*(upper_out[0] - upper_out[-1])))
    if width < 12:
        return
    opening = ramp(float(np.hypot(*(upper_in - lower_in).T).max()) / width, 0.03, 0.09)
    both = fill(np.concatenate([upper_out, lower_out[-2:0:-1]]), shape)
    inside = fill(np.concatenate([upper_in, lower_in[-2:0:-1]]), shape)
    around = weighted(paper, blur(both, 8) * (1 - both) + 1e-4)
    flesh = weighted(lab, both * (1 - inside))
    # Painted lips stay painted; bare ones are hardly drawn.
    made_up = ramp(float(flesh[1] - around[1]), 8.0, 22.0)
    paint(paper, trust * (0.50 + 0.40 * made_up) * smoothstep(both, 0.2, 0.8), flesh * np.array([0.94, 1.25, 1.1]))
    if opening > 0 and inside.max() > 0.5:
        region = inside > 0.5
        light = lab[..., 0]
        bright = float(np.percentile(light[region], 92))
        pale = (light - 1.3 * np.maximum(lab[..., 1] - max(6.0, 0.55 * float(flesh[1])), 0)).astype(np.float32)
        cavity = np.empty_like(paper)
        cavity[:] = np.array([max(0.45 * flesh[0], 12.0), 28.0, 14.0])
        teeth = np.array([min(bright + 6, 95.0), 0.5, 3.0], np.float32)
        # One band, without the gaps between teeth.
        pale = smoothstep(blur(pale, 1.5), 0.66 * float(flesh[0]), 0.66 * float(flesh[0]) + 8)
        pale = cv2.morphologyEx(pale, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 9)))
        paint(cavity, blur(pale, 1.0), teeth)
        paint(paper, opening * trust * smoothstep(inside, 0.2, 0.8), cavity)
    middle = upper_in + (lower_in - upper_in) * np.float32(0.5 * (1 - opening))
    ends = [middle[i] + 0.3 * (upper_out[i] - middle[i]) for i in (0, -1)]
    path = np.concatenate([ends[0][None], middle, ends[1][None]]).astype(np.float32)
    thick = 0.028 * width + 1.0
    paint(paper, 0.92 * trust * stroke(path, taper(len(path), 0.5 * thick, 1.1 * thick, 0.5 * thick), shape), INK + 5)
    if opening > 0:
        line = stroke(lower_in, taper(len(lower_in), 0.5 * thick, 0.9 * thick, 0.5 * thick), shape)
        paint(paper, 0.85 * opening * trust * line, INK + 6)
    # The shadow under the lower lip, which is all that anime shows of it.
    under = lower_out[14:26] + np.array([0, 0.02 * width], np.float32)
    line = stroke(under, taper(len(under), 0.2 * thick, 1.0 * thick, 0.2 * thick), shape)
    paint(paper, 0.6 * trust * line, paper * np.array([0.72, 1.2, 1.0], np.float32))
