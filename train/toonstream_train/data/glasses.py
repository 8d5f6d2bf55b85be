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
DRAWN = 0.6
"""Gain of a rim's colour in a drawing: a draughtsman draws it dark."""
SEEN = 20.0
"""How much rims must differ from what is behind, of 255, to be drawn whole."""
THIN = 0.6
"""Share of the glasses with rims of wire."""
DARK = 0.4
"""Share of the glasses whose lenses are dark."""
GLARE = 0.4
"""Share of the clear ones that mirror a lamp or a screen."""
FINER = 2
"""They are drawn at so many times the size: a wire is thinner than a pixel."""


@dataclass(frozen=True)
class Glasses:
    rims: NDArray[np.float32]
    """(S, S), 0 to 1: where rims, bridge and arms are."""
    clear: float
    """How much of them a photo shows, 0 to 1."""
    rim_colour: NDArray[np.float64]
    """(3,), RGB."""
    lenses: NDArray[np.float32]
    """(S, S), 0 to 1: how far the lenses hide what is behind."""
    lens_colour: NDArray[np.float64]
    glare: NDArray[np.float32]
    """(S, S), 0 to 1: how far the lenses mirror something bright."""
    glare_colour: NDArray[np.float64]

    def worn(self, photo: Bytes, drawing: Bytes) -> tuple[Bytes, Bytes]:
        """A photo (S, S, 3) of a face that wears them, and its drawing, with darker rims and nothing mirrored."""
        behind = self._behind(photo)
        behind += self.glare[..., None] * (self.glare_colour - behind)
        # Rims that nobody can see are not drawn.
        apart = np.average(np.abs(behind - self.rim_colour).mean(2), weights=self.rims + 1e-6)
        drawn = min(1.0, 1.6 * self.clear) * min(1.0, self.clear * float(apart) / SEEN)
        return (
            self._framed(behind, self.clear, self.rim_colour),
            self._framed(self._behind(drawing), drawn, DRAWN * self.rim_colour),
        )

    def _behind(self, picture: Bytes) -> NDArray[np.float64]:
        return np.asarray(picture + self.lenses[..., None] * (self.lens_colour - picture), np.float64)

    def _framed(self, behind: NDArray[np.float64], share: float, colour: NDArray[np.float64]) -> Bytes:
        worn = behind + share * self.rims[..., None] * (colour - behind)
        return np.asarray(np.round(worn.clip(0, 255)), np.uint8)


def glasses(random: np.random.Generator, mesh: Points, size: int) -> Glasses:
    """Random ones that fit a face; mesh (478, 2) in pixels of a picture of `size`."""
    outlines, lines = _frame(random, mesh)
    thin = random.random() < THIN
    thick = random.uniform(0.6, 1.4) if thin else random.uniform(1.5, 4.5)
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
    inside = _share(lenses, size)
    mirrors = random.uniform(0.1, 0.6) if hides == 0 and random.random() < GLARE else 0.0
    return Glasses(
        _share(rims, size),
        random.uniform(0.35 if thin else 0.75, 1.0),
        shade * np.array([1, random.uniform(0.8, 1.05), random.uniform(0.6, 1.05)]),
        np.float32(hides) * (1 - np.float32(fade) * below) * inside,
        random.uniform(0, 50) * np.array([1, random.uniform(0.8, 1.1), random.uniform(0.6, 1.2)]),
        np.float32(mirrors) * inside * _spots(random, outlines, size),
        random.uniform(150, 255) * np.array([random.uniform(0.7, 1), 1, random.uniform(0.8, 1)]),
    )


def _spots(random: np.random.Generator, outlines: list[Points], size: int) -> NDArray[np.float32]:
    """What both lenses mirror: one soft-edged shape, at the same place of either, (S, S)."""
    spots = np.zeros((size, size), np.uint8)
    wide = float(np.ptp(outlines[0][:, 0]))
    offset, axes = random.uniform(-0.3, 0.3, 2) * wide, np.round(random.uniform(0.1, 0.4, 2) * wide).astype(int)
    turn = random.uniform(0, 180)
    for outline in outlines:
        x, y = np.round(outline.mean(0) + offset).astype(int)
        cv2.ellipse(spots, (int(x), int(y)), (int(axes[0]), int(axes[1])), turn, 0, 360, 255, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(spots, (0, 0), max(0.05 * wide, 0.5))
    return np.asarray(soft, np.float32) / np.float32(255)


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
