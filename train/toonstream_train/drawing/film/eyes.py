"""Eyes of the film look: large, round and lit, in their own colour, as open as they are."""

import cv2
import numpy as np

from toonstream_train.drawing.features import INK, paint, ramp, taper, weighted
from toonstream_train.drawing.seen import iris_colour
from toonstream_train.drawing.shapes import (
    BROWS,
    EYES,
    IRISES,
    LOWER_LIDS,
    UPPER_LIDS,
    Points,
    curve,
    fill,
    grown,
    stroke,
)
from toonstream_train.drawing.smoothing import Floats, blur, calm_neighbour, grid, smoothstep

WARM = np.array([11.0, 7.0, 6.0], np.float32)
"""Lashes, LAB: a soft brown-black."""
IRIS = 1.10
"""How much an iris grows beyond the warp."""


def eye(paper: Floats, lab: Floats, landmarks: Points, side: int, trust: float) -> None:
    """One eye, as open as it is, on `paper` (H, W, 3); `lab` is the photo in the film's proportions."""
    shape = (paper.shape[0], paper.shape[1])
    upper, lower = curve(landmarks[UPPER_LIDS[side]]), curve(landmarks[LOWER_LIDS[side]])
    width = float(np.hypot(*(upper[0] - upper[-1])))
    if width < 10:
        return
    gap = float(np.hypot(*(upper - lower).T).max())
    opening = ramp(gap / width, 0.12, 0.24)
    slit = fill(np.concatenate([upper, lower[-2:0:-1]]), shape)
    if opening > 0 and slit.max() > 0.5:
        paint(paper, slit * opening * trust, ball(lab, slit, upper, lower, landmarks[IRISES[side]]))
    # The rim of the lower lid catches light; then the lashes' lines, thick above, faint below.
    part = lower[3:36]
    thin = 0.022 * width + 0.5
    rim = stroke(
        part + np.array([0, 0.6 * thin], np.float32), taper(len(part), 0.3 * thin, 1.6 * thin, 0.3 * thin), shape
    )
    skin = weighted(lab, blur(rim, 2))
    paint(paper, 0.45 * trust * opening * rim, skin * np.array([1.0, 1.1, 1.0]) + np.array([9.0, 2, 1]))
    line = stroke(part + np.array([0, 1.6 * thin]), taper(len(part), 0.9 * thin, 1.0 * thin, 0.2 * thin, 0.3), shape)
    paint(paper, 0.55 * trust * opening * blur(line, 0.8), np.minimum(skin * np.array([0.5, 1, 1]), WARM + 20))
    thick = (0.075 * width + 0.6) * (0.7 + 0.3 * opening)
    out = upper[0] + 0.10 * (upper[0] - upper[6]) + np.array([0, -0.035 * width])
    path = np.concatenate([out[None], upper]) - np.array([0, 0.22 * thick])
    lashes = stroke(path, taper(len(path), 0.30 * thick, thick, 0.35 * thick, 0.30), shape)
    paint(paper, trust * blur(lashes, 0.6), WARM)


def ball(lab: Floats, slit: Floats, upper: Points, lower: Points, ring: Points) -> Floats:
    """White, iris, pupil and catch lights, (H, W, 3), as they look through the opened lids `slit` (H, W).

    upper, lower: (N, 2), the lids from the outer corner to the inner; ring: (5, 2), the iris, its centre first.
    """
    shape = (lab.shape[0], lab.shape[1])
    outline = np.concatenate([upper, lower[-2:0:-1]])
    width, gap = float(np.hypot(*(upper[0] - upper[-1]))), float(np.hypot(*(upper - lower).T).max())
    centre = ring[0]
    radius = IRIS * float(np.hypot(*(ring[1:] - centre).T).mean())
    x, y = grid(*shape)
    dx, dy = (x + 0.5 - centre[0]) / radius, (y + 0.5 - centre[1]) / radius
    rho = np.sqrt(dx * dx + dy * dy)
    soft = 1.1 / radius
    whole = smoothstep(rho, 1 + soft, 1 - soft)
    white = slit * (1 - whole)
    light = weighted(lab, white * white)
    bright = float(np.percentile(lab[..., 0][white > 0.6], 80)) if (white > 0.6).sum() > 8 else float(light[0])
    tone = np.array([min(max(bright + 6, light[0]), 94.0), 0.35 * light[1] + 0.5, 0.35 * light[2]], np.float32)
    eyeball = np.empty_like(lab)
    eyeball[:] = tone
    # A eyeball: darker and warmer towards the corners, and under the upper lid.
    middle = outline.mean(0)
    turn = smoothstep(np.hypot(x - middle[0], 1.2 * (y - middle[1])).astype(np.float32), 0.22 * width, 0.62 * width)
    paint(eyeball, 0.55 * turn, tone * np.array([0.70, 1, 1]) + np.array([0, 5, 3]))
    lit = blur(fill(outline + np.array([0, 0.20 * gap + 1], np.float32), shape), 0.06 * gap + 0.8)
    paint(eyeball, 0.62 * (1 - lit), tone * np.array([0.52, 1, 1]) + np.array([0, 3, 3]))
    inner = upper[-1] * 0.97 + middle * 0.03
    tear = np.exp(-0.5 * ((x - inner[0]) ** 2 + (y - inner[1]) ** 2) / (0.05 * width) ** 2)
    paint(eyeball, 0.6 * tear, np.array([0.8 * tone[0], 16, 9]))

    iris = np.empty_like(lab)
    iris[:] = colour = iris_colour(lab, rho, dy, slit, tone)
    # Light falls in from above and glows in the lower half; the rim and the upper half are dark.
    glow = smoothstep(dy, -0.25, 0.85) * smoothstep(rho, 1.05, 0.7)
    paint(iris, 0.75 * glow, colour * np.array([1.25, 1.25, 1.25]) + np.array([0.17 * float(tone[0]), 0, 2.0]))
    paint(iris, 0.55 * smoothstep(dy, -0.1, -0.9), colour * np.array([0.5, 0.9, 0.9]))
    paint(iris, 0.8 * smoothstep(rho, 0.74, 0.98), colour * np.array([0.35, 0.8, 0.8]))
    paint(iris, smoothstep(rho, 0.44 + soft, 0.44 - soft), INK)
    paint(iris, 0.6 * (1 - lit), INK)
    paint(eyeball, whole, iris)
    # The catch light stands below the lid, wherever that is.
    order = np.argsort(upper[:, 0])
    lid = float(np.interp(centre[0], upper[order, 0], upper[order, 1]))
    top = max(float(centre[1]) - 0.36 * radius, lid + 0.30 * radius)
    gleam = np.array([min(98.0, max(bright + 24, 45.0)), 0, 0.5], np.float32)
    for sx, sy, size, share in (
        (centre[0] - 0.30 * radius, top, 0.25, 1.0),
        (centre[0] + 0.36 * radius, centre[1] + 0.40 * radius, 0.13, 0.55),
    ):
        distance = np.hypot(x + 0.5 - sx, y + 0.5 - sy) / radius
        paint(eyeball, share * smoothstep(distance.astype(np.float32), size + 1.2 * soft, size - 1.2 * soft), gleam)
    return eyeball


def crease(paper: Floats, lab: Floats, landmarks: Points, side: int, trust: float) -> None:
    """The fold of the upper lid as one clean line, as high and as deep as the photo has it."""
    shape = (paper.shape[0], paper.shape[1])
    upper = curve(landmarks[UPPER_LIDS[side]], 32)
    width = float(np.hypot(*(upper[0] - upper[-1])))
    if width < 10:
        return
    up = landmarks[BROWS[side]].mean(0) - landmarks[EYES[side]].mean(0)
    room = float(np.hypot(*up))
    up = up / max(room, 1e-3)
    heights = np.linspace(0.10 * width, min(0.42 * width, 0.55 * room), 15, dtype=np.float32)
    light = np.ascontiguousarray(lab[..., 0])
    line = np.maximum(blur(light, 0.035 * width) - blur(light, 0.012 * width), 0)
    at = upper[8:25, None] + heights[None, :, None] * up
    found = cv2.remap(line, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).mean(
        0
    )
    strength = ramp(float(found.max()), 0.35, 1.3)
    share = found**3 + 1e-4
    height = float((share * heights).sum() / share.sum())
    bend = np.sin(np.linspace(0.08, 0.94, 32) * np.pi) ** 0.5
    path = upper + (height * (0.45 + 0.55 * bend))[:, None] * up
    thick = 0.035 * width + 0.6
    drawn = blur(
        stroke(path[2:30].astype(np.float32), taper(28, 0.2 * thick, 1.2 * thick, 0.3 * thick, 0.4), shape),
        0.014 * width + 0.5,
    )
    paint(
        paper,
        0.6 * trust * strength * drawn,
        paper * np.array([0.62, 1.08, 1.05], np.float32) + np.array([0, 1, 0], np.float32),
    )


def socket(paper: Floats, lab: Floats, form: Floats, landmarks: Points, side: int, trust: float) -> None:
    """The lids around an eye: the photo's own folds and shadows, without lashes and wrinkles."""
    shape = (paper.shape[0], paper.shape[1])
    outline = landmarks[EYES[side]]
    width = float(np.hypot(*(outline[0] - outline[8])))
    near = blur(grown(fill(outline, shape), round(0.5 * width) | 1), 0.07 * width + 1)
    soft = blur(calm_neighbour(lab, 3), 1.2)
    lift = np.maximum(soft[..., 0] - form, -14)
    soft[..., 0] = form + 0.7 * lift
    paint(paper, trust * near, soft)
