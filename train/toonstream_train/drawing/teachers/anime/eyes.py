"""Anime's eyes: tall irises that shine from below, under one heavy line of lashes."""

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.chart import catch_lights
from toonstream.faces.mesh import EYES, IRISES, LOWER_LIDS, UPPER_LIDS
from toonstream_train.drawing.common.painting import INK, paint, ramp, taper, weighted
from toonstream_train.drawing.common.seen import own_colour
from toonstream_train.drawing.common.shapes import Points, around, curve, fill, stroke
from toonstream_train.drawing.common.smoothing import Floats, blur, grid, smoothstep

IRIS_WIDE, IRIS_TALL = 0.30, 0.38
"""Half axes of an iris, in widths of the eye."""
LIGHTS = 1.2
WHITER, VIVID = 22.0, 1.4
"""How much lighter the whites are than on the photo, as far as the face's light allows, and how much richer irises."""
"""How much larger the lights in an eye are than the chart has them."""


def eyes(paper: Floats, lab: Floats, landmarks: Points, trusts: tuple[float, float], most: float) -> None:
    """Both eyes, as open as they are, on `paper` (H, W, 3).

    lab: the photo in anime's proportions; trusts: how far each is drawn; most: the most lightness of the whites.
    """
    seen = [s for s in (0, 1) if trusts[s] > 0 and np.hypot(*(landmarks[EYES[s][0]] - landmarks[EYES[s][8]])) > 10]
    colours = [own_colour(lab, landmarks, side) for side in seen]
    for side in seen:
        window, origin = around(landmarks[EYES[side]], 60)
        eye(paper[window], lab[window], landmarks - origin, side, trusts[side], np.mean(colours, axis=0), most)


def eye(
    paper: Floats, lab: Floats, landmarks: Points, side: int, trust: float, colour: NDArray[np.float32], most: float
) -> None:
    """One eye on its window of the paper; colour: its iris, LAB (3,); most: the most lightness of its white."""
    shape = (paper.shape[0], paper.shape[1])
    upper, lower = curve(landmarks[UPPER_LIDS[side]]), curve(landmarks[LOWER_LIDS[side]])
    width = float(np.hypot(*(upper[0] - upper[-1])))
    gap = float(np.hypot(*(upper - lower).T).max())
    opening = ramp(gap / width, 0.08, 0.18)
    outline = np.concatenate([upper, lower[-2:0:-1]])
    slit = fill(outline, shape)
    axis = (upper[-1] - upper[0]) / width
    if opening > 0 and slit.max() > 0.5:
        paint(paper, slit * opening * trust, ball(lab, slit, outline, landmarks[IRISES[side]], axis, colour, most))
    out = upper[0] + 0.13 * (upper[0] - upper[8]) + np.array([0, -0.02 * width])
    thick = (0.13 * width + 0.8) * (0.6 + 0.4 * opening)
    path = np.concatenate([out[None], upper]) - np.array([0, 0.20 * thick])
    lashes = stroke(path, taper(len(path), 0.30 * thick, thick, 0.30 * thick, 0.32), shape)
    paint(paper, trust * lashes, INK)
    # Below, lashes only at the outer corner; the rest is a faint line.
    thin = 0.030 * width + 0.5
    line = stroke(lower[1:22], taper(21, 1.5 * thin, 1.2 * thin, 0.1 * thin, 0.2), shape)
    paint(paper, 0.85 * trust * opening * line, INK + 6)
    # The fold of the lid follows the lashes.
    fold = upper[6:34] - np.array([0, 0.17 * width], np.float32)
    line = stroke(fold, taper(len(fold), 0.2 * thin, 1.0 * thin, 0.2 * thin), shape)
    paint(paper, 0.6 * trust * opening * line, paper * np.array([0.5, 1.1, 1.0], np.float32))


def ball(
    lab: Floats, slit: Floats, outline: Points, ring: Points, axis: Points, colour: NDArray[np.float32], most: float
) -> Floats:
    """White, iris, pupil and catch lights, (H, W, 3), as they look through the opened lids `slit` (H, W).

    outline: (N, 2), the lids; ring: (5, 2), the iris on the photo, its centre first; axis: (2,), along the eye.
    """
    shape = (lab.shape[0], lab.shape[1])
    along = outline @ axis
    width, gap = float(np.ptp(along)), float(np.ptp(outline @ np.array([-axis[1], axis[0]])))
    # So large an iris looks where the person looks even if it moves less than that.
    centre = 0.7 * ring[0] + 0.3 * outline.mean(0)
    x, y = grid(*shape)
    dx, dy = x + np.float32(0.5) - centre[0], y + np.float32(0.5) - centre[1]
    # Across, towards the nose, and down; the catch lights alone stand on the side that the light comes from.
    u = (dx * axis[0] + dy * axis[1]) / np.float32(IRIS_WIDE * width)
    v = (dy * axis[0] - dx * axis[1]) / np.float32(IRIS_TALL * width) * np.float32(np.sign(axis[0]) or 1)
    rho = np.sqrt(u * u + v * v)
    soft = 1.2 / (IRIS_WIDE * width)
    radius = float(np.hypot(*(ring[1:] - centre).T).mean())
    white = slit * smoothstep(np.sqrt(dx * dx + dy * dy), 0.9 * radius, 1.1 * radius)
    light = weighted(lab, white * white)
    bright = float(np.percentile(lab[..., 0][white > 0.6], 80)) if (white > 0.6).sum() > 8 else float(light[0])
    tone = np.array([min(max(bright + WHITER, light[0]), most), 0.25 * light[1], 0.25 * light[2]], np.float32)
    eyeball = np.empty_like(lab)
    eyeball[:] = tone
    lit = blur(fill(outline + np.array([0, 0.16 * gap + 1], np.float32), shape), 0.9)
    paint(eyeball, 0.8 * (1 - lit), tone * np.array([0.85, 1, 1]) + np.array([0, 2, -3]))

    own = colour.copy()
    own[1:] *= VIVID
    own[0] = min(max(own[0], 0.46 * float(tone[0])), 60.0)
    iris = np.empty_like(lab)
    iris[:] = own
    glow = own * np.array([1.45, 1.35, 1.35]) + np.array([0.10 * float(tone[0]), 0, 3])
    paint(iris, smoothstep(v, -0.15, 0.95), glow)
    paint(iris, 0.9 * smoothstep(v, 0.0, -0.8), own * np.array([0.40, 0.8, 0.8]))
    paint(iris, smoothstep(rho, 0.80, 0.95), own * np.array([0.30, 0.8, 0.8]))
    pupil = np.sqrt((u / 0.36) ** 2 + ((v + 0.05) / 0.42) ** 2)
    paint(iris, 0.9 * smoothstep(pupil, 1 + 2 * soft, 1 - 2 * soft), INK)
    paint(iris, 0.5 * (1 - lit), INK)
    paint(eyeball, smoothstep(rho, 1 + soft, 1 - soft), iris)
    gleam = np.array([min(98.0, max(bright + 26, 55.0)), 0, 0], np.float32)
    for (sx, sy, size), share in zip(catch_lights(ring, outline[: len(outline) // 2 + 1]), (1.0, 0.8), strict=True):
        distance = np.hypot(x + np.float32(0.5) - sx, y + np.float32(0.5) - sy)
        size *= LIGHTS
        paint(eyeball, share * smoothstep(distance, size + 1.1, size - 1.1), gleam)
    return eyeball
