"""A photo's face in a cartoon's head: Aug-Portrait (Xiao et al.: PDA, section 3.2), made to look like a photo.

The hybrid is what a generator sees, the cartoon with its skin in the photo's tone is what it shall draw. Pictures are
float32 LAB (H, W, 3), masks (H, W) from 0 to 1, meshes (478, 2) in pixels.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces import spline
from toonstream.faces.mesh import BROWS, EYES, IRISES, MOUTH, MOUTH_INSIDE, NOSE_BASE, OVAL
from toonstream.faces.shape import Shape, displacements, moved
from toonstream_train.data.cartoon import Cartoon, hair_colour, like_hair, odd
from toonstream_train.drawing.common.hair import CHEEKS, bare_cheeks, off_hue
from toonstream_train.drawing.common.person import person
from toonstream_train.drawing.common.shapes import Points, disc, face_width, fill, grown
from toonstream_train.drawing.common.skin import filled
from toonstream_train.drawing.common.smoothing import Floats, blur, grid, smoothstep, to_lab

Bytes = NDArray[np.uint8]
Picture = TypeVar("Picture", Bytes, Floats)
FEATURES = [*OVAL, *BROWS[0][:5:2], *BROWS[1][:5:2], *EYES[0][::2], *EYES[1][::2], 468, 473, 1, *NOSE_BASE[::4]]
FEATURES += MOUTH[::3] + MOUTH_INSIDE[::5]
"""Points of the mesh that a face is warped by."""
CELLS = 64
"""Of the spline between them, which is smooth, along a side."""
OWN_HAIR = 0.7
"""Share of the pairs with the photo's colour of hair, where it shows: few photos have fair hair."""
STRANDS = (2.0, 8.0)
"""How much the lightness of strands differs."""
BLACK = 25.0
"""Darker hair (L*) cannot be told from the ink around it, whose width is taken off its masses."""
LIFTED = 0.25, 12.0
"""How far drawn skin goes towards how much lighter: it shows no pores and shadows."""


@dataclass(frozen=True)
class Source:
    """A photo warped into a cartoon's head."""

    lab: Floats
    known: Floats
    """Where it is more than the photo's repeated border."""
    skin: Floats
    lit: NDArray[np.float32]
    """The colour (3,) of its lit skin."""
    hair: Floats


def in_place(photo: Bytes, inside: Bytes, mesh: Points, cartoon: Cartoon, shape: Shape) -> Source | None:
    """A photo (S, S, 3) RGB in the style's proportions, and from there in the cartoon's head; None without skin.

    inside: (S, S), 1 where the photo has pixels.
    """
    side = photo.shape[0]
    field = displacements(mesh, shape, side)
    source = moved(mesh, field, side)[FEATURES]
    between = spline.displacements(source, cartoon.mesh[FEATURES], side, CELLS)
    picture, seen = through(photo, between, field), through(inside, between, field, interpolation=cv2.INTER_NEAREST)
    known = blur(1 - grown(1 - seen.astype(np.float32), 7), 1.5)
    lab, likely = to_lab(picture), person(picture)
    sample = (bare_cheeks(cartoon.mesh, known.shape) > 0.5) & (cartoon.skin > 0.5)
    cheeks = lab[sample]
    if len(cheeks) < 80:
        return None
    own = np.median(cheeks, 0)
    lit = np.median(cheeks[cheeks[:, 0] >= np.percentile(cheeks[:, 0], 30)], 0)
    skin = smoothstep(off_hue(lab, own), 16.0, 9.0) * smoothstep(lab[..., 0], 0.35 * own[0], 0.6 * own[0])
    skin *= known * smoothstep(likely, 0.2, 0.5)
    head = known * smoothstep(likely, 0.3, 0.6)
    hair, crown = np.zeros_like(skin), hair_colour(lab, np.maximum(skin, 1 - head), cartoon.mesh)
    if crown is not None:
        hair = like_hair(lab, crown) * head * (1 - skin)
    return Source(lab, known, skin, lit, hair)


def through(picture: Picture, *fields: Floats, interpolation: int = cv2.INTER_CUBIC) -> Picture:
    """A picture (S, S, ...) resampled once through fields of displacements (N, N, 2) in its pixels, the last first.

    Its border repeats; with INTER_NEAREST, which is for masks, 0 is beyond it.
    """
    side = picture.shape[0]
    at = np.stack(grid(side, side), 2) + np.float32(0.5)
    for step in fields:
        scale = np.float32(len(step) / side)
        at = at + cv2.remap(step, at * scale - np.float32(0.5), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    beyond = cv2.BORDER_CONSTANT if interpolation == cv2.INTER_NEAREST else cv2.BORDER_REPLICATE
    out = cv2.remap(picture, at - np.float32(0.5), None, interpolation, borderMode=beyond)
    return np.asarray(out, picture.dtype)


def pair(cartoon: Cartoon, source: Source, random: np.random.Generator) -> tuple[Bytes, Bytes]:
    """The hybrid and the drawing, (S, S, 3) RGB each."""
    cartoon = with_hair(cartoon, source, random)
    return to_rgb(hybrid(cartoon, source, random)), in_tone(cartoon, source.lit)


def in_tone(cartoon: Cartoon, lit: NDArray[np.float32]) -> Bytes:
    """The cartoon (S, S, 3) RGB with its skin in the tone that a photo's lit skin (3,) is drawn in."""
    lab = toned(cartoon.lab, cartoon, drawn_tone(lit), cartoon.skin)
    return np.where((cartoon.skin > 0)[..., None], to_rgb(lab), cartoon.picture)


def doubled(drawing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A drawing (S, S, 3) at twice its size, (2 S, 2 S, 3): ink and flat tones keep crisp edges.

    Toggle mapping (Kramer and Bruckner 1975): what interpolation blurred goes to the darkest or the lightest nearby.
    """

    def larger(picture: NDArray[np.uint8], interpolation: int) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(picture, None, fx=4, fy=4, interpolation=interpolation), np.uint8)

    near, pen = np.ones((3, 3), np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    low, high = (larger(np.asarray(of(drawing, near), np.uint8), cv2.INTER_NEAREST) for of in (cv2.erode, cv2.dilate))
    fine = larger(drawing, cv2.INTER_CUBIC).clip(low, high)  # which has no light edges around ink
    dark, light = cv2.erode(fine, pen), cv2.dilate(fine, pen)
    toggled = np.where(light - fine < fine - dark, light, dark)
    return np.asarray(cv2.resize(toggled, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def drawn_tone(lit: NDArray[np.float32]) -> NDArray[np.float32]:
    """The colour (3,) of drawn skin for the lit skin of a photo (3,): a little lighter."""
    tone = lit.copy()
    tone[0] += LIFTED[0] * (min(95.0, float(tone[0]) + LIFTED[1]) - tone[0])
    return tone


def hybrid(cartoon: Cartoon, source: Source, random: np.random.Generator) -> Floats:
    """The photo's face in the cartoon's head."""
    size, width = cartoon.skin.shape, face_width(cartoon.mesh)
    photo, oval = source.lab, fill(cartoon.mesh[OVAL], cartoon.skin.shape)
    # Lines on and around the face are skin as well: what the generator shall add.
    skin = np.maximum(cartoon.skin, oval * cartoon.features)
    skin = cv2.morphologyEx(skin, cv2.MORPH_CLOSE, disc_of(0.05 * width))
    skin *= 1 - cartoon.hair * (1 - oval)
    sure = np.maximum.reduce([fill(cartoon.mesh[CHEEKS], size), cartoon.features * oval, source.skin])
    face = skin * sure * np.maximum(source.known, oval)

    # Lines go, and what is flat gets the photo's texture: a photo has none of the first and much of the second.
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    calm = to_lab(np.asarray(cv2.morphologyEx(cartoon.picture, cv2.MORPH_CLOSE, pen), np.uint8))
    calm = blur(calm, random.uniform(0.5, 1.6))
    detail = (photo - blur(photo, 3.0)).clip(-12, 12) * np.array([1, 0.5, 0.5], np.float32)
    calm += np.float32(random.uniform(0, 0.7)) * (source.known * (1 - cartoon.hair))[..., None] * detail
    calm[..., 0] += lamps(random, size)
    hair = haired(cartoon, source, width)
    hair[..., 0] += strands(random, size)
    calm += hair_of(cartoon, width)[..., None] * (hair - calm)

    # Skin beyond the photo's goes on in the photo's colours, shaded as the cartoon has it.
    bare = source.skin * skin * (1 - cartoon.features)
    under = filled(photo, bare, 0.05 * width) + np.float32(0.6) * detail
    shade = np.minimum(blur(cartoon.lab[..., 0], 1.0) - cartoon.lit[0], 0) * np.float32(source.lit[0] / cartoon.lit[0])
    under[..., 0] += 0.6 * shade * (1 - oval)
    calm += blur(skin, 1.0)[..., None] * (under - calm)

    face = blur(face, 1.2)
    out: Floats = calm + face[..., None] * (with_irises(photo, cartoon, random) - calm)
    return out


def with_irises(photo: Floats, cartoon: Cartoon, random: np.random.Generator) -> Floats:
    """The warped photo, its irises in about the cartoon's colour: nothing else tells the generator which."""
    out = photo.copy()
    for side in (0, 1):
        ring = cartoon.mesh[IRISES[side]]
        radius = float(np.hypot(*(ring[1:] - ring[0]).T).mean())
        where = disc(ring[0], radius, cartoon.skin.shape) * fill(cartoon.mesh[EYES[side]], cartoon.skin.shape)
        drawn = cartoon.lab[where > 0.5]
        coloured = drawn[(drawn[:, 0] > 15) & (drawn[:, 0] < 85)]
        if len(coloured) < max(5, 0.4 * len(drawn)):  # black pupils say nothing of it
            continue
        colour = np.median(coloured, 0)
        colour[1:] *= random.uniform(0.5, 1.0)
        out += where[..., None] * np.array([0.35, 0.9, 0.9], np.float32) * (colour - out)
    return out


def with_hair(cartoon: Cartoon, source: Source, random: np.random.Generator) -> Cartoon:
    """The cartoon with its hair in the photo's colour, or in some colour of hair; the ink around it stays."""
    own, drawn = source.lab[source.hair > 0.5], cartoon.lab[cartoon.hair > 0.5]
    if len(drawn) < 200:
        return cartoon
    width, colour = face_width(cartoon.mesh), np.median(drawn, 0)
    tone = np.median(own, 0) if len(own) > 200 and random.random() < OWN_HAIR else some_hair(random)
    masses = cv2.morphologyEx(cartoon.hair, cv2.MORPH_OPEN, disc_of(0.04 * width))
    if colour[0] < BLACK:
        masses = cv2.erode(masses, disc_of(0.03 * width))
    masses = blur(np.asarray(masses, np.float32), 0.6)
    lab = cartoon.lab + masses[..., None] * (tone - colour)
    lab[..., 0] = lab[..., 0].clip(0, 100)
    return replace(cartoon, picture=to_rgb(lab), lab=lab, hair=masses)


def some_hair(random: np.random.Generator) -> NDArray[np.float32]:
    """A colour (3,) between black, brown, fair and white."""
    light, warm = random.uniform(12, 80), random.uniform(0, 1)
    return np.array([light, 9 * warm, 24 * warm * min(light / 45, 1.0)], np.float32)


def hair_of(cartoon: Cartoon, width: float) -> Floats:
    """Where the cartoon shows hair, but for its rim."""
    return blur(1 - grown(1 - cartoon.hair, odd(0.02 * width)), 0.015 * width)


def haired(cartoon: Cartoon, source: Source, width: float) -> Floats:
    """The photo's hair in the colours of the cartoon's."""
    both = cartoon.hair * source.hair
    colour = filled(cartoon.lab, cartoon.hair, 0.04 * width)
    if both.sum() < 50:
        return colour
    texture = source.hair[..., None] * (source.lab - filled(source.lab, source.hair, 0.12 * width))
    texture += (1 - source.hair)[..., None] * texture[:, ::-1]  # one side is often hidden
    strength = min(1.0, 10 / max(float(np.sqrt((both * texture[..., 0] ** 2).sum() / both.sum())), 1e-3))
    texture = (np.float32(strength) * texture).clip(-20, 20)
    out: Floats = colour + texture * np.array([1, 0.5, 0.5], np.float32)
    return out


def disc_of(size: float) -> Bytes:
    """A disc about `size` pixels across, for morphology: (K, K), 0 or 1, K odd."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd(size),) * 2), np.uint8)


def toned(lab: Floats, cartoon: Cartoon, tone: NDArray[np.float32], where: Floats) -> Floats:
    """A cartoon whose lit skin has the colour `tone` (3,); its shadows and blush differ from that as they did."""
    moved_by = lab - cartoon.lit
    moved_by[..., 0] *= max(float(tone[0] / cartoon.lit[0]), 0.5)
    out: Floats = lab + where[..., None] * (moved_by + tone - lab)
    return out


def lamps(random: np.random.Generator, size: tuple[int, int]) -> Floats:
    """Light that differs from place to place, (H, W) in lightness."""
    light = blur(random.normal(0, 1, size).astype(np.float32), 0.16 * size[0])
    out: Floats = light * np.float32(random.uniform(0, 4) / max(float(light.std()), 1e-6))
    return out


def strands(random: np.random.Generator, size: tuple[int, int]) -> Floats:
    """Light and dark strands of hair that hangs down, (H, W) in lightness."""
    noise = cv2.GaussianBlur(random.normal(0, 1, size).astype(np.float32), (0, 0), 0.8, sigmaY=6.0)
    out: Floats = noise * np.float32(random.uniform(*STRANDS) / max(float(noise.std()), 1e-6))
    return out


def to_rgb(lab: Floats) -> Bytes:
    rgb = cv2.cvtColor(np.asarray(lab, np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.round(255 * rgb.clip(0, 1)), np.uint8)
