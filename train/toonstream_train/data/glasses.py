"""Drawn glasses for faces in training: many people on a call wear some, and few in a set of portraits.

They are laid on the photo and on its drawing alike, so a student learns that rims stay and that no eye shows through
dark lenses, whatever the landmarks say.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import EYES

Bytes = NDArray[np.uint8]
Points = NDArray[np.floating]

TEMPLES = (234, 454)
THIN = 0.6
"""Share of the glasses with rims of wire."""
DARK = 0.4
"""Share of the glasses whose lenses are dark."""
FINER = 2
"""They are drawn at so many times the size: a wire is thinner than a pixel."""


@dataclass(frozen=True)
class Glasses:
    rims: NDArray[np.float32]
    """(S, S), 0 to 1: where rims, bridge and arms are."""
    rim_colour: NDArray[np.float64]
    """(3,), RGB."""
    lenses: NDArray[np.float32]
    """(S, S), 0 to 1: how far the lenses hide what is behind."""
    lens_colour: NDArray[np.float64]

    def worn_on(self, picture: Bytes, ink: float = 1.0) -> Bytes:
        """The picture (S, S, 3) with them. ink: gain of the rims' colour; a drawn rim is darker."""
        behind = picture + self.lenses[..., None] * (self.lens_colour - picture)
        worn = behind + self.rims[..., None] * (ink * self.rim_colour - behind)
        return np.asarray(np.round(worn.clip(0, 255)), np.uint8)


def glasses(random: np.random.Generator, mesh: Points, size: int) -> Glasses:
    """Random ones that fit a face; mesh (478, 2) in pixels of a picture of `size`."""
    outlines, lines = _frame(random, mesh)
    thick = random.uniform(0.6, 1.4) if random.random() < THIN else random.uniform(1.5, 4.5)
    rims, lenses = np.zeros((2, FINER * size, FINER * size), np.uint8)
    for path, closed in [*((outline, True) for outline in outlines), *((line, False) for line in lines)]:
        cv2.polylines(rims, [_fixed(path)], closed, 255, max(1, round(thick * FINER * size / 256)), cv2.LINE_AA, 4)
    for outline in outlines:
        cv2.fillPoly(lenses, [_fixed(outline)], 255, cv2.LINE_AA, 4)
    hides = random.uniform(0.7, 1.0) if random.random() < DARK else max(random.uniform(-0.25, 0.25), 0.0)
    fade = max(random.uniform(-0.5, 0.5), 0.0)  # some are lighter below
    top, bottom = (float(limit(outlines[0][:, 1])) for limit in (np.min, np.max))
    below = ((np.arange(size, dtype=np.float32) - top) / max(bottom - top, 1.0)).clip(0, 1)[:, None]
    shade = random.uniform(0, 70) if random.random() < 0.7 else random.uniform(90, 210)
    return Glasses(
        random.uniform(0.75, 1.0) * _share(rims, size),
        shade * np.array([1, random.uniform(0.8, 1.05), random.uniform(0.6, 1.05)]),
        np.float32(hides) * (1 - np.float32(fade) * below) * _share(lenses, size),
        random.uniform(0, 50) * np.array([1, random.uniform(0.8, 1.1), random.uniform(0.6, 1.2)]),
    )


def _frame(random: np.random.Generator, mesh: Points) -> tuple[list[Points], list[Points]]:
    """The outlines of both lenses, and the lines of bridge and arms."""
    across = (mesh[EYES[1]].mean(0) - mesh[EYES[0]].mean(0)) / 2
    half = np.hypot(*across)
    level = across / max(half, 1e-3)
    down = np.array([-level[1], level[0]])
    width, power = random.uniform(0.66, 0.84) * half, random.uniform(2.0, 3.5)
    height = random.uniform(0.6, 0.95) * width
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    x, y = (np.sign(f) * np.abs(f) ** (2 / power) for f in (np.cos(angle), np.sin(angle)))  # a superellipse
    lower = random.uniform(0.06, 0.16) * half
    outlines, nearest, arms = [], [], []
    for outline, temple, out in zip(EYES, TEMPLES, (-level, level), strict=True):
        centre = mesh[outline].mean(0) + lower * down
        # The eye that is turned away is narrower, and so is its lens.
        seen = np.hypot(*(mesh[outline[0]] - mesh[outline[8]])) / (0.85 * half)
        wide = width * min(max(seen, 0.4), 1.0)
        outlines.append(centre + wide * x[:, None] * level + height * y[:, None] * down)
        nearest.append(centre - wide * out - 0.15 * height * down)
        arms.append(np.stack([centre + wide * out - 0.35 * height * down, mesh[temple] - 0.1 * half * down]))
    t = np.linspace(0, 1, 12)[:, None]
    bridge = nearest[0] + t * (nearest[1] - nearest[0]) - 0.22 * half * 4 * t * (1 - t) * down
    return outlines, [bridge, *arms]


def _share(mask: Bytes, size: int) -> NDArray[np.float32]:
    """A mask that was drawn FINER times as large, (size, size), 0 to 1."""
    return np.asarray(cv2.resize(mask, (size, size), interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)


def _fixed(path: Points) -> NDArray[np.int32]:
    """A path in pixels as OpenCV draws it with four bits of fraction, FINER times as large."""
    return np.round((FINER * path - 0.5) * 16).astype(np.int32)
