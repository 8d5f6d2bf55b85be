"""Glasses: thin, often faint, and yet what a person is known by. Found by their bridge, kept by their lines."""

import cv2
import numpy as np

from toonstream.faces.mesh import EYES
from toonstream_train.drawing.common.painting import ramp
from toonstream_train.drawing.common.shapes import Points, curve, fill, grown, stroke
from toonstream_train.drawing.common.smoothing import Floats, Flow, blur, smoothstep

CORNERS = ((33, 133), (263, 362))
"""Outer and inner corner of either eye."""
EYE_SHARE = 0.31
"""The width of an eye in life, in distances of the outer corners of both."""
BELOW = (145, 374)
"""The middle of either lower lid."""
BEYOND_LID = 1.3
"""A rim is so much farther from the middle of an eye than the lid is."""
TEMPLES = (127, 356)
RIM = (0.42, 1.25)
"""How far from the middle of an eye a rim may run below it, in such widths."""


def worn(lab: Floats, landmarks: Points) -> float:
    """How surely glasses are worn, 0 to 1, on a photo in LAB (H, W, 3) with its mesh (478, 2) in pixels.

    Their bridge crosses the root of the nose, where there may be a fold; their arms the temples, where else is no line;
    their rims run below the eyes, where there may be bags. One of the three may be faint if the others are strong.
    """
    across = landmarks[263] - landmarks[33]
    ridge = curve(landmarks[[9, 8, 168, 6, 197, 195]], 64)
    at = ridge[:, None] + np.linspace(-0.05, 0.05, 7, dtype=np.float32)[None, :, None] * across
    bridge = line_across(lab, at, 1.6, 6.0)[21:-6].max()
    down = landmarks[152] - landmarks[168]
    down = down / max(float(np.hypot(*down)), 1.0) * float(np.hypot(*across))
    arms = []
    for outer, inner in CORNERS:
        eye = landmarks[outer] - landmarks[inner]
        # In a look with large eyes the temples are still as far away.
        eye = eye * min(1.0, EYE_SHARE * float(np.hypot(*across)) / max(float(np.hypot(*eye)), 1e-3))
        for far in np.linspace(0.45, 0.95, 9, dtype=np.float32):
            start = landmarks[outer] + far * eye
            at = start + np.linspace(-0.3, 0.2, 96, dtype=np.float32)[:, None] * down
            arms.append(line_across(lab, at[:, None], 1.2, 5.0)[8:-8].max())
    sides = [max(float(np.percentile(side, 25)), 0.2) for side in np.split(np.array(arms), 2)]
    clear = clarity([rim(lab, landmarks, side)[1] for side in (0, 1)])
    # Fitted to 888 portraits, of whom 129 wear glasses.
    evidence = np.log(max(float(bridge), 0.2)) + 0.5 * np.log(sides[0] * sides[1]) + 2 * np.log(clear)
    return ramp(float(evidence), 4.9, 6.0)


def rim(lab: Floats, landmarks: Points, side: int) -> tuple[Points, float]:
    """The clearest line around the lower half of an eye: its path (N, 2), and how much clearer it is than the rest."""
    outer, inner = CORNERS[side]
    across = landmarks[263] - landmarks[33]
    span = max(float(np.hypot(*across)), 1.0)
    angle = np.radians(np.arange(15, 166, 3, dtype=np.float32))[:, None]
    ray = np.cos(angle) * across / span + np.sin(angle) * np.array([-across[1], across[0]], np.float32) / span
    middle, unit = (landmarks[outer] + landmarks[inner]) / 2, EYE_SHARE * span
    # In a look with large eyes the lower lid may lie where else a rim does.
    nearest = max(RIM[0], BEYOND_LID * float(np.hypot(*(landmarks[BELOW[side]] - middle))) / unit)
    reach = np.linspace(min(nearest, 0.8 * RIM[1]), RIM[1], 90, dtype=np.float32) * np.float32(unit)
    at = middle + reach[None, :, None] * ray[:, None]
    x, y = np.moveaxis(at - np.float32(0.5), 2, 0)
    polar = cv2.remap(lab, x.copy(), y.copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    step = float(reach[1] - reach[0])
    narrow, broad = (
        cv2.GaussianBlur(polar, (0, 0), sigmaX=sigma / step, sigmaY=0.7, borderType=cv2.BORDER_REPLICATE)
        for sigma in (1.0, 4.0)
    )
    line = np.minimum(difference(narrow - broad), 12.0)
    # The path that gathers most, by dynamic programming; from ray to ray it moves by three steps at most.
    moves = np.arange(-3, 4)
    best, came = line[0], np.zeros(line.shape, int)
    for row in range(1, len(line)):
        padded = np.pad(best, 3, constant_values=-1e9)
        ways = np.stack([padded[3 + move : 3 + move + line.shape[1]] - 0.3 * abs(move) for move in moves])
        choice = ways.argmax(0)
        came[row] = np.arange(line.shape[1]) + moves[choice]
        best = ways.max(0) + line[row]
    places = [int(best.argmax())]
    for row in range(len(line) - 1, 0, -1):
        places.append(int(came[row, places[-1]]))
    chosen = np.arange(len(line)), np.array(places[::-1])
    return at[chosen], float(line[chosen].mean() / (np.median(line) + 0.5))


def clarity(rims: list[float]) -> float:
    """How clear both rims are, from that of either."""
    return min(max(float(np.sqrt(rims[0] * rims[1])), 0.2), 4.0)


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
    return difference(narrow - broad)


def difference(lab: Floats) -> Floats:
    """How much differences in LAB (..., 3) show, (...): thin lines of another hue stand out."""
    out: Floats = np.abs(lab[..., 0]) + 2 * np.hypot(lab[..., 1], lab[..., 2])
    return out


def zone(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """Where glasses would be: around the eyes, but not on their lids, and from there to the ears, (H, W)."""
    span = float(np.hypot(*(landmarks[263] - landmarks[33])))
    lids = np.maximum(*(fill(landmarks[outline], shape) for outline in EYES))
    wide, near = (grown(lids, round(size * span) | 1) for size in (0.34, 0.10))
    for (outer, _), temple in zip(CORNERS, TEMPLES, strict=True):
        arm = landmarks[outer] + np.linspace(0, 0.9, 8, dtype=np.float32)[:, None] * (
            landmarks[temple] - landmarks[outer]
        )
        wide = np.maximum(wide, stroke(arm, np.full(8, 0.24 * span), shape))
    return blur(wide * (1 - near), 2)


def wires(lab: Floats, contours: Flow, landmarks: Points, tone: float, sure: float) -> Floats:
    """Thin lines around the eyes that belong to glasses, (H, W) 0 to 1.

    tone: the lightness of the skin. sure: 1 where glasses are worn for all that `worn` knows, 0 where not.
    """
    shape = (lab.shape[0], lab.shape[1])
    rims = [rim(lab, landmarks, side) for side in (0, 1)]
    traced = ramp(clarity([clear for _, clear in rims]), 2.0, 2.9)
    there = ramp(sure, 0.0, 0.3)
    if there == 0 and traced == 0:
        return np.zeros(shape, np.float32)
    found = blur(lab, 1.0) - blur(lab, 4.5)
    size = np.sqrt(found[..., 0] ** 2 + 2 * found[..., 1] ** 2 + 2 * found[..., 2] ** 2)
    size = contours.along(size, 3.0)
    # Wrinkles and the shine on a nose are lines too: the less is known of glasses, the stronger they must be.
    scale = min(max(tone / 50, 0.5), 1.0)
    known = there * smoothstep(size, scale * (7.2 - 5.5 * sure), scale * (14.0 - 9.8 * sure)) * zone(landmarks, shape)
    # A line that runs around both eyes is a rim, however faint.
    paths = np.maximum(*(blur(stroke(path, np.full(len(path), 7), shape), 1.0) for path, _ in rims))
    out: Floats = np.maximum(known, traced * paths * smoothstep(size, 0.8 * scale, 2.4 * scale))
    return out
