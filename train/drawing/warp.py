"""Proportions: larger eyes, a smaller nose, a slimmer jaw, by one smooth warp that the mesh drives."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from train.drawing.shapes import EYES, MOUTH, NOSE_BASE, Points
from train.drawing.smoothing import Floats, grid


@dataclass(frozen=True)
class Proportions:
    """What a look makes of a face."""

    eyes: tuple[float, float]
    """How much the middle of an eye grows along its axis and across."""
    apart: float
    """How far an eye moves outward, in its widths: a larger one needs the room."""
    nose: tuple[float, float]
    """How much the nose shrinks in length and width."""
    mouth: tuple[float, float]
    """How much the mouth shrinks in width and height."""
    jaw: float
    """How much the jaw is slimmer."""
    chin: float
    """How much the lower face is shorter, in distances from the eyes to the chin."""


EYE_REACH = 2.6  # in half widths of the eye, over which the growth fades
NOSE_REACH = 0.62  # in distances of the outer corners of the eyes
MOUTH_REACH = 1.7  # in half widths of the mouth

Move = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""From x and y on the drawing to what must be added to find the same place on the photo."""


def fade(x: Floats, y: Floats) -> Floats:
    """1 in the middle, smoothly 0 from the unit circle on."""
    inner = np.maximum(1 - x * x - y * y, 0)
    out: Floats = inner * inner
    return out


def rise(values: Floats, low: float, high: float) -> Floats:
    """0 up to `low`, 1 from `high` on, with a smooth slope at both (for high < low the other way round)."""
    t = ((values - low) / (high - low)).clip(0, 1)
    out: Floats = t * t * t * (t * (6 * t - 15) + 10)
    return out


def scaled(centre: Points, axis: Points, reach: tuple[float, float], along: float, across: float) -> Move:
    """Shrinks the sampled place around `centre`: by the factor 1 - `along` in the direction `axis` (unit), and so on.

    Negative values shrink the drawn shape instead.
    """
    cx, cy = (float(value) for value in centre)
    ax, ay = (float(value) for value in axis)

    def move(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        dx, dy = x - cx, y - cy
        u, v = dx * ax + dy * ay, dy * ax - dx * ay
        cover = fade((u / reach[0]).astype(np.float32), (v / reach[1]).astype(np.float32))
        u, v = -along * cover * u, -across * cover * v
        return u * ax - v * ay, u * ay + v * ax

    return move


def moves(landmarks: Points, trusts: tuple[float, float], look: Proportions) -> list[Move]:
    """All that moves, for a mesh (478, 2); `trusts`: how far each eye is really seen, 0 to 1."""
    middle, chin = landmarks[168], landmarks[152]
    down = chin - middle
    height = max(float(np.hypot(*down)), 1.0)
    axis = down / height
    found: list[Move] = []
    for eye, trust in zip(EYES, trusts, strict=True):
        outline = landmarks[eye]
        centre, across = outline.mean(0), outline[8] - outline[0]
        width = max(float(np.hypot(*across)), 1.0)
        reach = EYE_REACH * width / 2
        direction = (across / width).astype(np.float32)
        along, up = (trust * (1 - 1 / growth) for growth in look.eyes)
        found.append(scaled(centre, direction, (1.05 * reach, reach), along, up))
        found.append(shifted(centre, reach, -trust * look.apart * across))
    base = landmarks[NOSE_BASE].mean(0)
    span = max(float(np.hypot(*(landmarks[263] - landmarks[33]))), 0.5 * height)
    reach = NOSE_REACH * span
    found.append(scaled(base, axis, (reach, reach), -look.nose[0], -look.nose[1]))
    if any(look.mouth):
        outline = landmarks[MOUTH]
        across = landmarks[291] - landmarks[61]
        width = max(float(np.hypot(*across)), 1.0)
        reach = MOUTH_REACH * width / 2
        found.append(scaled(outline.mean(0), across / width, (reach, 0.8 * reach), -look.mouth[0], -look.mouth[1]))
    half = max(0.5 * float(np.hypot(*(landmarks[397] - landmarks[172]))), 0.35 * height)

    def jaw(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        dx, dy = x - middle[0], y - middle[1]
        v = (dx * axis[0] + dy * axis[1]) / np.float32(height)
        u = dy * axis[0] - dx * axis[1]
        slim = look.jaw * rise(v, 0.12, 0.85) * rise(v, 2.0, 1.05) * rise(np.abs(u) / np.float32(half), 2.4, 0.75) * u
        lower = (
            look.chin * height * rise(v, 0.5, 1.02) * rise(v, 1.9, 1.02) * rise(np.abs(u) / np.float32(half), 2.6, 0.8)
        )
        return lower * axis[0] - slim * axis[1], lower * axis[1] + slim * axis[0]

    found.append(jaw)
    return found


def shifted(centre: Points, reach: float, by: Points) -> Move:
    """Moves what lies around `centre` by the vector `by`."""
    cx, cy = (float(value) for value in centre)

    def move(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        cover = fade((x - cx) / np.float32(reach), (y - cy) / np.float32(reach))
        return -cover * by[0], -cover * by[1]

    return move


def total(found: list[Move], x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The sum of all moves at places of the drawing."""
    dx, dy = np.zeros_like(x), np.zeros_like(y)
    for move in found:
        mx, my = move(x, y)
        dx += mx
        dy += my
    return dx, dy


def moved(landmarks: Points, found: list[Move]) -> Points:
    """Where the points (N, 2) of the photo lie on the drawing."""
    x, y = landmarks[:, 0].copy(), landmarks[:, 1].copy()
    for _ in range(25):  # what is added changes slowly from place to place, so this converges
        dx, dy = total(found, x, y)
        x, y = landmarks[:, 0] - dx, landmarks[:, 1] - dy
    out: Points = np.stack([x, y], 1).astype(np.float32)
    return out


def warped(picture: Floats, found: list[Move]) -> Floats:
    """The photo (H, W, 3) in those proportions."""
    height, width = picture.shape[:2]
    x, y = grid(height // 4, width // 4)
    dx, dy = total(found, 4 * x + 2, 4 * y + 2)  # it is smooth: a quarter of the points will do
    dx, dy = (cv2.resize(d, (width, height), interpolation=cv2.INTER_CUBIC) for d in (dx, dy))
    x, y = grid(height, width)
    out: Floats = cv2.remap(picture, x + dx, y + dy, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return out
