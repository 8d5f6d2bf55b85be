"""Eyes of the film look: large, round and lit, in their own colour, as open as they are."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.chart import catch_lights
from toonstream.faces.mesh import BROWS, EYES, IRISES, LOWER_LIDS, OVAL, UPPER_LIDS
from toonstream_train.drawing.common.painting import INK, paint, ramp, taper, weighted
from toonstream_train.drawing.common.seen import iris_colour, whitest
from toonstream_train.drawing.common.shapes import Points, around, curve, fill, grown, stroke
from toonstream_train.drawing.common.smoothing import Floats, blur, calm_neighbour, grid, smoothstep

WARM = np.array([11.0, 7.0, 6.0], np.float32)
"""Lashes, LAB: a soft brown-black."""
IRIS = 1.20
"""How much an iris grows beyond the warp."""
DEEPEST = np.float32(14.0)
"""How much darker than the skin around it an eye's socket is at most, in lightness."""
VIVID = 1.25
"""How much an iris gains in chroma."""
FIBRES = 14
"""Rays in an iris."""


@dataclass(frozen=True)
class Look:
    """What both eyes of a face share."""

    iris: NDArray[np.float32]
    """LAB (3,)."""
    white: float
    """The most lightness of the white."""
    ink: NDArray[np.float32]
    """Lashes, LAB (3,)."""


def shared(lab: Floats, landmarks: Points, base: float, trusts: tuple[float, float]) -> Look:
    """What the eyes of a photo (H, W, 3) have in common; base: the lightness of the lit skin."""
    found, weights = [], []
    for side in (0, 1):
        window, origin = around(landmarks[EYES[side]], 10)
        part, mesh = lab[window], landmarks - origin
        shape = (part.shape[0], part.shape[1])
        slit = fill(mesh[EYES[side]], shape)
        ring = mesh[IRISES[side]]
        radius = max(float(np.hypot(*(ring[1:] - ring[0]).T).mean()), 1.0)
        x, y = grid(*shape)
        dx, dy = (x + 0.5 - ring[0, 0]) / radius, (y + 0.5 - ring[0, 1]) / radius
        rho = np.sqrt(dx * dx + dy * dy)
        whites = slit * smoothstep(rho, 1.05, 1.25)
        found.append(iris_colour(part, rho, dy, slit, white_tone(part, whites, 94.0)))
        weights.append(float((slit * smoothstep(rho, 1.0, 0.8)).sum()) * (trusts[side] + 0.01) + 1e-3)
    iris = np.average(found, axis=0, weights=weights).astype(np.float32)
    # Dark skin goes with brown eyes, unless they plainly have another colour.
    tint = float(np.hypot(*lab[..., 1:].mean((0, 1))))
    brown = ramp(base, 58, 36) * ramp(float(iris[2]), -5.0, 0.0) * ramp(float(iris[1]), -6.0, -1.0)
    brown *= ramp(float(np.hypot(*iris[1:])), 17.0, 10.0)
    # Nobody's eyes are violet: that is a lamp, or the coating of glasses.
    violet = ramp(float(iris[1] + 0.4 * iris[2]), 0.0, 3.0) * ramp(float(iris[2]), 3.0, -2.0)
    brown = max(brown, violet) * ramp(tint, 2.0, 8.0)
    iris[1:] += brown * (np.array([6.0, 9.0], np.float32) - iris[1:])
    iris[1] = min(float(iris[1]), max(0.75 * float(iris[2]), 2.0))
    iris[1:] *= VIVID
    sample = lab[..., 0][around(landmarks[OVAL], 0)[0]]
    darkest = float(np.percentile(sample, 1)) if sample.size else 0.0
    ink = WARM + np.array([min(0.7 * darkest, 0.4 * base), 0, 0], np.float32)
    return Look(iris, whitest(base), ink.astype(np.float32))


def white_tone(lab: Floats, white: Floats, most: float) -> NDArray[np.float32]:
    """The lightest tone (3,) of an eye's white, where `white` (H, W) is."""
    light = weighted(lab, white * white)
    bright = float(np.percentile(lab[..., 0][white > 0.6], 80)) if (white > 0.6).sum() > 8 else float(light[0])
    tone = min(max(bright + 6, float(light[0])), most)
    return np.array([tone, 0.2 * light[1] + 0.5, 0.2 * light[2] + 0.5], np.float32)


def eye(paper: Floats, lab: Floats, landmarks: Points, side: int, look: Look, trust: float) -> None:
    """One eye, as open as it is, on `paper` (H, W, 3); `lab` is the photo in the film's proportions."""
    shape = (paper.shape[0], paper.shape[1])
    upper, lower = curve(landmarks[UPPER_LIDS[side]]), curve(landmarks[LOWER_LIDS[side]])
    width = float(np.hypot(*(upper[0] - upper[-1])))
    if width < 10:
        return
    gap = float(np.hypot(*(upper - lower).T).max())
    opening = ramp(gap / width, 0.07, 0.15)
    slit = fill(np.concatenate([upper, lower[-2:0:-1]]), shape)
    if opening > 0 and slit.max() > 0.5:
        paint(paper, slit * opening * trust, ball(lab, slit, upper, lower, landmarks[IRISES[side]], look))
    # The rim of the lower lid catches light; then the lashes' lines, thick above, faint below.
    part = lower[3:36]
    thin = 0.022 * width + 0.5
    rim = stroke(
        part + np.array([0, 0.7 * thin], np.float32), taper(len(part), 0.3 * thin, 1.9 * thin, 0.3 * thin), shape
    )
    skin = weighted(paper, blur(rim, 3))
    paint(paper, 0.5 * trust * opening * blur(rim, 0.7), skin * np.array([1.0, 1.1, 1.0]) + np.array([7.0, 3, 1]))
    line = stroke(part + np.array([0, 1.9 * thin]), taper(len(part), 1.0 * thin, 1.0 * thin, 0.2 * thin, 0.3), shape)
    paint(paper, 0.5 * trust * opening * blur(line, 0.9), np.minimum(skin * np.array([0.5, 1.1, 1]), look.ink + 24))
    thick = (0.070 * width + 0.6) * (0.7 + 0.3 * opening)
    out = upper[0] + 0.10 * (upper[0] - upper[6]) + np.array([0, -0.035 * width])
    path = np.concatenate([out[None], upper]) - np.array([0, 0.22 * thick])
    lashes = stroke(path, taper(len(path), 0.30 * thick, thick, 0.30 * thick, 0.28), shape)
    # A soft shadow under the lashes' line gives the lid its weight.
    paint(paper, 0.35 * trust * opening * blur(lashes, 0.03 * width), skin * np.array([0.5, 1.1, 1.0]))
    paint(paper, trust * blur(lashes, 0.6), look.ink)


def ball(lab: Floats, slit: Floats, upper: Points, lower: Points, ring: Points, look: Look) -> Floats:
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
    whole = smoothstep(rho, 1 + 1.3 * soft, 1 - 1.3 * soft)
    tone = white_tone(lab, slit * (1 - whole), look.white)
    eyeball = np.empty_like(lab)
    eyeball[:] = tone
    # A eyeball: darker and warmer towards the corners, and under the upper lid.
    middle = outline.mean(0)
    turn = smoothstep(np.hypot(x - middle[0], 1.2 * (y - middle[1])).astype(np.float32), 0.20 * width, 0.60 * width)
    paint(eyeball, 0.6 * turn, tone * np.array([0.66, 1, 1]) + np.array([0, 6, 4]))
    lit = blur(fill(outline + np.array([0, 0.20 * gap + 1], np.float32), shape), 0.06 * gap + 0.8)
    paint(eyeball, 0.6 * (1 - lit), tone * np.array([0.50, 1, 1]) + np.array([0, 3, 2]))
    inner = upper[-1] * 0.97 + middle * 0.03
    tear = np.exp(-0.5 * ((x - inner[0]) ** 2 + (y - inner[1]) ** 2) / (0.05 * width) ** 2)
    paint(eyeball, 0.6 * tear, np.array([0.8 * tone[0], 16, 9]))
    # The iris shades the white around it a little.
    paint(eyeball, 0.25 * smoothstep(rho, 1.35, 0.95), look.iris)

    iris = np.empty_like(lab)
    iris[:] = colour = look.iris
    # Light falls in from above and glows in the lower half; the rim and the upper half are dark.
    fibres = np.cos(FIBRES * np.arctan2(dy, dx)) * smoothstep(rho, 0.35, 0.6) * smoothstep(rho, 0.95, 0.75)
    glow = smoothstep(dy, -0.35, 0.8) * smoothstep(rho, 1.05, 0.65)
    bright = colour * np.array([1.35, 1.35, 1.35]) + np.array([0.20 * float(tone[0]), 0, 2.0])
    paint(iris, (0.82 * glow * (1 + 0.16 * fibres)).clip(0, 1), bright)
    paint(iris, 0.6 * smoothstep(dy, -0.05, -0.85), colour * np.array([0.5, 0.95, 0.95]))
    paint(iris, 0.85 * smoothstep(rho, 0.72, 0.97), colour * np.array([0.34, 0.9, 0.9]))
    paint(iris, smoothstep(rho, 0.43 + soft, 0.43 - soft), INK)
    paint(iris, 0.5 * (1 - lit), INK)
    paint(eyeball, whole, iris)
    gleam = np.array([min(98.0, max(float(tone[0]) + 16, 55.0)), 0, 0.5], np.float32)
    for (sx, sy, size), share in zip(catch_lights(ring, upper), (1.0, 0.5), strict=True):
        distance = np.hypot(x + 0.5 - sx, y + 0.5 - sy).astype(np.float32)
        paint(eyeball, share * smoothstep(distance, size + 1.1, size - 1.1), gleam)
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


def socket(paper: Floats, lab: Floats, landmarks: Points, side: int, trust: float) -> None:
    """The lids around an eye: the photo's own folds and shadows, without lashes and wrinkles."""
    shape = (paper.shape[0], paper.shape[1])
    outline = landmarks[EYES[side]]
    width = float(np.hypot(*(outline[0] - outline[8])))
    near = blur(grown(fill(outline, shape), round(0.5 * width) | 1), 0.07 * width + 1)
    soft = blur(calm_neighbour(lab, 3), 1.2)
    # Half of the rings under tired eyes, and of their blue, goes.
    lift = soft[..., 0] - paper[..., 0]
    soft[..., 0] = paper[..., 0] + 0.6 * DEEPEST * np.tanh(lift / DEEPEST)
    soft[..., 1:] += 0.6 * (paper[..., 1:] - soft[..., 1:])
    paint(paper, trust * near, soft)
