"""A cartoon taken apart: where its skin, its hair and its features are drawn.

Pictures are float32 LAB (H, W, 3), masks (H, W) from 0 to 1, meshes (478, 2) in pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES, MOUTH, MOUTH_INSIDE, NOSE_BASE, OVAL
from toonstream_train.data.drawn_brows import with_brows
from toonstream_train.data.drawn_eyes import Axes, drawn_eyes, not_skin, skin_colour, with_eyes
from toonstream_train.data.drawn_mouth import with_mouth
from toonstream_train.drawing.common.shapes import Points, face_width, fill, grown
from toonstream_train.drawing.common.smoothing import Floats, blur, grid, smoothstep, to_lab

Bytes = NDArray[np.uint8]
SKIN = (16.0, 9.0)
"""From the first distance from its lit skin a place is no skin, up to the second one all skin."""
SHADOW = 0.45
"""How much a difference in lightness counts in it beside one in chroma: shadows are skin."""
HAIR = (26.0, 16.0)
"""The same distances from the colour of hair."""
NEARER = (-8.0, 0.0)
"""How much nearer than the skin's the colour of hair is where hair is, and from where on it is not."""
BEHIND = 0.4
"""What covers more of the left and right border than this is no hair, but the wall behind a bald head or a hat."""
UNLIKE = 20.0
"""How far hair and skin have to be apart, or no mask could tell them."""


@dataclass(frozen=True)
class Cartoon:
    """A cartoon taken apart."""

    picture: Bytes
    lab: Floats
    mesh: Points
    """With eyes, brows and mouth where they are drawn."""
    skin: Floats
    """Where its skin is drawn, neck and ears too."""
    lit: NDArray[np.float32]
    """The colour (3,) of that in light."""
    features: Floats
    """Eyes, brows, nose and mouth, with what surrounds them."""
    hair: Floats
    covered: Floats
    """An eye behind a fringe."""

    @property
    def bare_lids(self) -> bool:
        """Whether skin lies between eyes and brows, so that the eyes can close."""
        shares = []
        for eye in (0, 1):
            axes = Axes.of(self.mesh, eye)
            outline = axes.within(self.mesh[EYES[eye]])
            (left, top), (right, bottom) = outline.min(0), outline.max(0)
            x, y = np.linspace(left, right, 16), top - np.linspace(0.1, 0.35, 8) * (bottom - top)
            at = axes.pixels(np.stack(np.meshgrid(x, y), -1)) - np.float32(0.5)
            shares.append(float(cv2.remap(self.skin, at, None, cv2.INTER_LINEAR).mean()))
        return min(shares) > 0.75


def taken_apart(picture: Bytes, mesh: Points) -> Cartoon | str:
    """A cartoon (S, S, 3) RGB with its mesh, or why it is of no use."""
    size, lab = (picture.shape[0], picture.shape[1]), to_lab(picture)
    colour = skin_colour(lab, mesh)
    if colour is None:
        return "the face is too small"
    eyes, seen = drawn_eyes(lab, mesh, colour)
    if not eyes:
        return "the eyes are not clear"
    mesh = with_eyes(mesh, eyes)
    if bridged(lab, mesh, colour):
        return "something lies between the eyes, such as glasses"
    mesh = with_brows(lab, with_mouth(lab, mesh, colour), colour)
    width = face_width(mesh)
    oval = fill(mesh[OVAL], size)
    # Within the face shadows and lights may differ more.
    off = away(lab, colour, SHADOW) * (1 - np.float32(0.3) * blur(oval, 2.0))
    alike = smoothstep(off, *SKIN)
    crown = hair_colour(lab, alike, mesh)
    if crown is None or float(away(crown, colour, 1.0)) < UNLIKE:
        return "hair and skin have the same colour"
    alike *= smoothstep(blur(away(lab, crown, SHADOW) - off, 1.5), *NEARER)
    skin = joined(alike, oval, odd(0.04 * width)) * near(neck(mesh, size), 0.25 * width)
    opened = [fill(mesh[eye], size) * np.float32(clear) for eye, clear in zip(EYES, seen, strict=True)]
    skin *= 1 - np.maximum.reduce([*opened, fill(mesh[MOUTH_INSIDE], size)])  # teeth are as white as pale skin
    lit = lab[(skin > 0.8) & (oval > 0.5)]
    if len(lit) < 100:
        return "it shows too little skin"
    lit = lit[lit[:, 0] >= np.percentile(lit[:, 0], 30)]

    hidden = [fill(mesh[eye], size) * np.float32(not clear) for eye, clear in zip(EYES, seen, strict=True)]
    covered = grown(np.maximum(*hidden), odd(0.12 * width))
    parts = [(part, 0.1) for part in opened]
    for outline, margin in (*((brow, 0.06) for brow in BROWS), (MOUTH, 0.1), (NOSE_BASE, 0.12)):
        parts.append((fill(mesh[outline], size), margin))
    inner = np.maximum.reduce([part for part, _ in parts])
    around = np.maximum.reduce([grown(part, odd(margin * width)) for part, margin in parts])
    hair = like_hair(lab, crown)
    if hair[:, [0, -1]].mean() > BEHIND:
        hair[:] = 0
    hair *= near(oval, width)
    # Ink is as dark as black hair: within a feature there is none.
    features = np.maximum(inner, around * (1 - hair)) * (1 - covered)
    hair *= 1 - np.maximum(skin, inner)
    return Cartoon(picture, lab, mesh, skin, np.median(lit, 0), features, hair, covered)


def bridged(lab: Floats, mesh: Points, skin: NDArray[np.float32]) -> bool:
    """Whether something runs from eye to eye with skin above it, as the bridge of glasses does and no fringe."""
    left, right = (mesh[eye] for eye in EYES)
    start, end = left[left[:, 0].argmax()], right[right[:, 0].argmin()]
    height = np.float32(np.ptp(left[:, 1]) + np.ptp(right[:, 1])) / 2
    middle = (left.mean(0) + right.mean(0)) / 2 - (start + end) / 2
    x, y = np.linspace(0.28, 0.72, 20), np.linspace(-0.8, 1.0, 40)
    at = start + x[None, :, None] * (end - start) + middle + y[:, None, None] * np.array([0, height])
    at = (at - 0.5).astype(np.float32)
    other = not_skin(cv2.remap(lab, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), skin)
    labels = cv2.connectedComponents((other > 0.25).astype(np.uint8))[1]
    across = set(labels[:, 0]) & set(labels[:, -1]) - set(labels[0]) - {0}
    return bool(across)


def away(lab: Floats, colour: NDArray[np.float32], light: float) -> Floats:
    """How far (..., 3) is from a colour (3,), where lightness counts `light` of what chroma does."""
    off = np.square((lab - colour) * np.array([light, 1, 1], np.float32))
    return np.asarray(np.sqrt(off.sum(-1)), np.float32)


def like_hair(lab: Floats, colour: NDArray[np.float32]) -> Floats:
    """Where (H, W, 3) has about the colour (3,) of hair, with its lights and shadows: (H, W)."""
    return smoothstep(away(lab, colour, 0.4), *HAIR)


def hair_colour(lab: Floats, skin: Floats, mesh: Points) -> NDArray[np.float32] | None:
    """The colour (3,) of what lies around the upper face and is no skin (H, W); None where that is little."""
    size, width = (lab.shape[0], lab.shape[1]), face_width(mesh)
    oval = fill(mesh[OVAL], size)
    ring = (grown(oval, odd(0.24 * width)) > 0.5) & (grown(oval, odd(0.04 * width)) < 0.5)
    ring &= grid(*size)[1] < mesh[1, 1]
    around = ring & (skin < 0.5)
    if around.sum() < max(0.25 * ring.sum(), 20):
        return None
    return np.asarray(np.median(lab[around], 0), np.float32)


def joined(mask: Floats, start: Floats, gap: int) -> Floats:
    """What of a mask (H, W) is one with what lies in `start`, over gaps of so many pixels."""
    closed = cv2.morphologyEx((mask > 0.3).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    labels = cv2.connectedComponents(closed)[1]
    counts = np.bincount(labels[start > 0.5], minlength=int(labels.max()) + 1)
    counts[0] = 0
    out: Floats = mask * grown(np.isin(labels, np.flatnonzero(counts > 0.02 * start.sum())).astype(np.float32), 3)
    return out


def neck(mesh: Points, size: tuple[int, int]) -> Floats:
    """The face, and a box from its chin down."""
    width, (x, y) = face_width(mesh), mesh[152]
    box = np.array([[x - 0.35 * width, mesh[1, 1]], [x + 0.35 * width, mesh[1, 1]]], np.float32)
    low = np.array([[x + 0.35 * width, y + 0.5 * width], [x - 0.35 * width, y + 0.5 * width]], np.float32)
    out: Floats = np.maximum(fill(mesh[OVAL], size), fill(np.concatenate([box, low]), size))
    return out


def near(mask: Floats, reach: float) -> Floats:
    """1 on a mask and around it, soft at the far side."""
    distance = cv2.distanceTransform((mask < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    return smoothstep(np.asarray(distance, np.float32), 1.2 * reach, 0.8 * reach)


def odd(size: float) -> int:
    return 2 * round(size / 2) + 1
