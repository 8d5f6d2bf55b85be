"""Cartoons' features on a photo's own head: real hair, necks and walls, which heads of cartoons have not.

It turns Aug-Portrait (Xiao et al.: PDA, section 3.2) round: there a photo's face lies in a cartoon's head. What a
generator sees is the photo alone. Pictures are float32 LAB, masks (H, W) from 0 to 1, meshes (478, 2) in pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces import spline
from toonstream.faces.mesh import BROWS, EYES, IRISES, MOUTH, NOSE_BASE, OVAL
from toonstream.faces.shape import Shape, displacements, moved
from toonstream_train.data.cartoon import Cartoon, away, hair_colour, like_hair, near, neck, odd
from toonstream_train.data.hybrids import CELLS, FEATURES, doubled, drawn_tone, in_tone, through, to_rgb
from toonstream_train.drawing.common.beards import JAW_LINE, beard, chin
from toonstream_train.drawing.common.hair import bare_cheeks, hair, off_hue
from toonstream_train.drawing.common.lit_skin import base_tone
from toonstream_train.drawing.common.person import person
from toonstream_train.drawing.common.shapes import Points, curve, face_width, fill, grown, stroke
from toonstream_train.drawing.common.skin import find
from toonstream_train.drawing.common.smoothing import Floats, blur, calm_neighbour, grid, smoothstep, to_lab

Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]
PLAIN, BARE = 6.0, 0.97
"""How far plain skin is from its tone, and what share of a cartoon's face that has to be, with the features."""
BROWS_AT_MOST = 45.0
"""How light (L*) the darkest tenth of its brows may be: those of photos mostly are dark."""
BALD, LIGHT = 9.0, 0.45
"""How far a crown is from skin where it has hair; how much lightness counts in that beside chroma."""
BEARDED, DARKER = 0.5, 14.0
"""The share of the chin under a beard, and by how much darker (L*) than skin that is, from which it is drawn."""
MARGINS = (*((eye, 0.1) for eye in EYES), *((brow, 0.08) for brow in BROWS), (NOSE_BASE, 0.12), (MOUTH, 0.07))
"""The features that are taken of cartoons, and how far around their outlines, in widths of the face."""
GAZE = np.array([0.14, 0.1], np.float32)
"""How far drawn irises move across and down, in widths and heights of the eye, at most."""
PEN = 0.022
"""Width of the ink around heads, hair and jaws, in widths of the face."""
INK = np.array([3, 0, 0], np.float32)
STEEP, ON_EDGES = 1.2, 0.94
"""How steep photos are where a head ends, in LAB a pixel, and along how much of its border, or it is not sure."""
UNKNOWN = 0.025
"""The share of a person above the mouth that may be neither skin nor hair."""
WOUND = 7.0
"""The longest border of a head, in widths of its face: a longer one follows something else."""


@dataclass(frozen=True)
class Head:
    """A photo in the style's proportions, and what of it is what."""

    picture: Bytes
    inside: Bytes
    """Where it has pixels."""
    mesh: Points
    lab: Floats
    lit: NDArray[np.float32]
    """The colour (3,) of its lit skin."""
    skin: Bools
    hair: Bools
    beard: Bools
    """All three at twice the picture's size."""


def head_of(photo: Bytes, inside: Bytes, mesh: Points, shape: Shape) -> Head | None:
    """A photo (S, S, 3) RGB taken apart; None where it is not sure what is skin, hair and wall.

    inside: (S, S), 1 where the photo has pixels.
    """
    field = displacements(mesh, shape, len(photo))
    picture, known = through(photo, field), through(inside, field, interpolation=cv2.INTER_NEAREST)
    mesh = moved(mesh, field, len(photo))
    size, width = known.shape, face_width(mesh)
    if known[: int(mesh[152, 1])].mean() < 0.97:
        return None
    lab, likely, oval = to_lab(picture), person(picture), fill(mesh[OVAL], size)
    calm = np.asarray(cv2.bilateralFilter(lab, 5, 12, 3), np.float32)
    cheeks = lab[bare_cheeks(mesh, size) > 0.5]
    if len(cheeks) < 80:
        return None
    own = np.median(cheeks, 0)
    lit = np.median(cheeks[cheeks[:, 0] >= np.percentile(cheeks[:, 0], 30)], 0)
    dark = hair(calm, likely, mesh)
    skin = skin_of(calm, own, smoothstep(likely, 0.35, 0.65), oval, mesh) * (1 - dark)
    hairs = np.maximum(dark, hair_of(calm, likely, skin, oval, mesh))
    found = find(calm, mesh, 1.0, dark)
    beards = beard(calm, found, base_tone(calm[..., 0], found), mesh)
    skins, hairs = (blur(twice(mask), 0.024 * width) for mask in (skin, hairs))
    hair_at = clean(hairs > np.maximum(skins, 0.35), width)
    # Eyes may be as dark as hair: what is none of it, within the face, is skin, or they would be outlined as holes.
    skin_at = (clean((skins >= hairs) & (skins > 0.35), width) | (twice(oval) > 0.5)) & ~hair_at
    beard_at = clean(twice(beards) > 0.5, width) & skin_at
    below, at = chin(mesh, size), beards > 0.5
    if (beards * below).sum() < BEARDED * below.sum() or np.median(lab[at, 0]) > own[0] - DARKER:
        beard_at[:] = False  # shadows, and stubble: neither is drawn
    seen = (twice(likely) > 0.65) & (np.arange(2 * len(known))[:, None] < 2 * mesh[13, 1])
    if (seen & ~(skin_at | hair_at)).sum() > UNKNOWN * seen.sum():
        return None
    out = Head(picture, known, mesh, lab, lit, skin_at, hair_at, beard_at)
    return out if is_sure(out) else None


def skin_of(calm: Floats, own: NDArray[np.float32], body: Floats, oval: Floats, mesh: Points) -> Floats:
    """Where a photo shows the skin of a face, of ears and neck, (H, W).

    Above the mesh a forehead goes on, and may shine: skin is what is nearer to its colour than to that of the crown.
    """
    size, width, rows = oval.shape, face_width(mesh), np.arange(len(oval), dtype=np.float32)[:, None]
    off, light = off_hue(calm, own), calm[..., 0]
    skin = smoothstep(off, 16.0, 9.0) * smoothstep(light, 0.35 * own[0], 0.6 * own[0])
    above = (1 - blur(oval, 1.0)) * (rows < mesh[[127, 356], 1].mean())
    top = (body > 0.7) & (above > 0.5) & (grown(oval, odd(0.2 * width)) < 0.5) & (grown(oval, odd(0.5 * width)) > 0.5)
    crown = np.median(calm[top], 0) if top.any() else own
    if away(crown, own, LIGHT) > BALD:
        darker = light - own[0] if crown[0] > own[0] else np.minimum(light - own[0], 0)
        nearer = away(calm, crown, LIGHT) - np.hypot(off, LIGHT * darker)
        skin *= 1 - above * (1 - smoothstep(nearer, -4.0, 4.0))
    reach = np.maximum(near(neck(mesh, size), 0.12 * width), above * near(oval, 0.45 * width))
    out: Floats = np.maximum(body * skin, oval) * reach
    return out


def hair_of(calm: Floats, likely: Floats, skin: Floats, oval: Floats, mesh: Points) -> Floats:
    """Where hair is around a face (H, W): of the person what is no skin, and below the mouth what looks alike."""
    width, rows = face_width(mesh), np.arange(len(oval), dtype=np.float32)[:, None]
    body = smoothstep(likely, 0.35, 0.65)
    above = body * near(oval, 0.55 * width) * smoothstep(rows, float(mesh[152, 1]), float(mesh[13, 1]))
    crown = hair_colour(calm, np.maximum(skin, 1 - body), mesh)
    if crown is not None:
        alike = like_hair(calm, crown) * smoothstep(likely, 0.6, 0.8) * near(oval, 0.9 * width)
        above = np.maximum(above, alike)
    out: Floats = above * (1 - skin) * (1 - oval)
    return out


def is_sure(head: Head) -> bool:
    """Whether the head ends where the photo has edges, is of one piece, and hair leaves the eyes and the mouth free."""
    width, size = 2 * face_width(head.mesh), head.skin.shape
    whole = (head.skin | head.hair).astype(np.uint8)
    areas = np.bincount(cv2.connectedComponents(whole)[1][whole > 0])
    covered = [head.hair & (fill(2 * head.mesh[part], size) > 0.5) for part in (*EYES, MOUTH)]
    if not areas.size or areas.max() < 0.97 * areas.sum() or any(part.any() for part in covered):
        return False
    rim = cv2.morphologyEx(whole, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    rim[int(2 * head.mesh[152, 1]) :] = False
    rim[:6], rim[:, :6], rim[:, -6:] = False, False, False
    if rim.sum() / 2 > WOUND * width:
        return False
    soft = blur(twice(head.lab), 2.0)
    steep = np.sqrt(sum(np.square(cv2.Sobel(soft, cv2.CV_32F, *way, scale=1 / 8)).sum(2) for way in ((1, 0), (0, 1))))
    # A mask's border may be some pixels beside the photo's edge.
    steepest = cv2.dilate(steep, np.ones((9, 9), np.uint8))
    return bool(rim.any()) and float((steepest[rim] > STEEP).mean()) > ON_EDGES


def bare(cartoon: Cartoon) -> bool:
    """Whether a cartoon's face is plain skin and features with dark brows: no fringe, no beard, no patches."""
    oval = fill(cartoon.mesh[OVAL], cartoon.skin.shape)
    inner = 1 - grown(1 - oval, odd(0.1 * face_width(cartoon.mesh)))
    plain = away(cartoon.lab, cartoon.lit, 1.0) < PLAIN
    shown = np.maximum(plain, cartoon.features)
    brows = np.maximum(*(fill(cartoon.mesh[brow], cartoon.skin.shape) for brow in BROWS)) > 0.9
    if not brows.any() or np.percentile(cartoon.lab[brows, 0], 10) > BROWS_AT_MOST:
        return False
    return float((inner * shown).sum()) > BARE * float(inner.sum()) and cartoon.covered.max() < 0.5


def on_head(upper: Cartoon, lower: Cartoon, head: Head) -> Bytes:
    """The drawing, (2 S, 2 S, 3) RGB, with the eyes and the nose of one cartoon and the mouth of another."""
    out = twice(head.lab)
    skin, hairs, beards = (blur(mask.astype(np.float32), 0.8) for mask in (head.skin, head.hair, head.beard))
    out += skin[..., None] * (drawn_tone(head.lit) - out)
    masses = calm_neighbour(twice(head.lab), 5)
    for where, mask in ((head.beard, beards), (head.hair, hairs)):
        if where.any():
            colour = np.median(masses[where], 0)
            out += mask[..., None] * (colour + np.float32(0.25) * (masses - colour) - out)
    below = below_nose(head)
    for cartoon, part in ((upper, 1 - below), (lower, below)):
        target = with_gaze(head.mesh, cartoon.mesh)
        back = 2 * spline.displacements(cartoon.mesh[FEATURES], target[FEATURES], len(head.picture), CELLS)
        shown = through(twice(features_of(cartoon)), back).clip(0, 1)
        cover = part * shown * (1 - hairs)
        out += cover[..., None] * (to_lab(through(doubled(in_tone(cartoon, head.lit)), back)) - out)
    out += ink_of(head)[..., None] * (INK - out)
    return to_rgb(out)


def features_of(cartoon: Cartoon) -> Floats:
    """Where a cartoon's eyes, brows, nose and mouth are drawn (S, S): lines anywhere else would be a mean of many."""
    size, width = cartoon.skin.shape, face_width(cartoon.mesh)
    parts = [grown(fill(cartoon.mesh[part], size), odd(margin * width)) for part, margin in MARGINS]
    within = 1 - grown(1 - fill(cartoon.mesh[OVAL], size), odd(0.06 * width))
    return blur(within * np.maximum.reduce(parts), 1.0)


def with_gaze(photo: Points, cartoon: Points) -> Points:
    """A photo's mesh with its irises where the cartoon has them in its eyes, moved as both eyes of the photo look."""
    out, places = photo.copy(), []
    for mesh in (photo, cartoon):
        boxes = [(mesh[eye].min(0), np.ptp(mesh[eye], 0)) for eye in EYES]
        places.append(np.array([(mesh[iris[0]] - low) / size for iris, (low, size) in zip(IRISES, boxes, strict=True)]))
    gaze = (places[0] - places[1]).mean(0).clip(-GAZE, GAZE)
    for eye, iris, place, drawn in zip(EYES, IRISES, *places, strict=True):
        out[iris] += (drawn + gaze - place) * np.ptp(photo[eye], 0)
    return out


def below_nose(head: Head) -> Floats:
    """(2 S, 2 S): 0 down to the nose, 1 from the lips on."""
    nose, lip, (middle, chin) = 2 * head.mesh[2], 2 * head.mesh[0], 2 * head.mesh[[168, 152]]
    down = (chin - middle) / max(float(np.hypot(*(chin - middle))), 1.0)
    along = np.stack(grid(*head.skin.shape), 2) @ down
    out: Floats = smoothstep(along, float(nose @ down), float(lip @ down))
    return out


def typical(cartoons: Sequence[Cartoon]) -> Cartoon:
    """The one whose upper face is most like the others': what every pair has alike becomes clear, the rest a mean."""
    mean = np.mean([cartoon.mesh for cartoon in cartoons], 0)
    where = fill(mean[OVAL], cartoons[0].skin.shape)[..., None]
    where[int(mean[NOSE_BASE, 1].max()) :] = 0

    def laid(cartoon: Cartoon) -> Floats:
        back = spline.displacements(cartoon.mesh[FEATURES], mean[FEATURES], len(where), CELLS)
        return where * to_lab(through(in_tone(cartoon, cartoons[0].lit), back))

    faces = [laid(cartoon) for cartoon in cartoons]
    unlike = [sum(float(np.abs(one - other).mean()) for other in faces) for one in faces]
    return cartoons[int(np.argmin(unlike))]


def ink_of(head: Head) -> Floats:
    """Coverage (2 S, 2 S) of the lines where a head ends, where its hair meets skin, and along its jaw."""
    pen = PEN * 2 * face_width(head.mesh)
    skin = blur(head.skin.astype(np.float32), pen)
    jaw = curve(2 * head.mesh[JAW_LINE], 80)
    ends = (np.minimum(np.arange(80), np.arange(80)[::-1]) / 12).clip(0.2, 1)
    lines = (
        border(head.skin | head.hair, pen),
        border(head.hair, pen) * (skin > 0.02),
        stroke(jaw, pen * ends, (head.skin.shape[0], head.skin.shape[1])) * (skin > 0.3),
    )
    out: Floats = np.maximum.reduce(lines)
    return out


def border(mask: Bools, pen: float) -> Floats:
    """Coverage (H, W) of a pen along the border of a mask."""
    inner = (blur(mask.astype(np.float32), 2.0) > 0.5).astype(np.uint8)
    away = [cv2.distanceTransform(one, cv2.DIST_L2, 5) for one in (inner, 1 - inner)]
    out: Floats = (pen / 2 + 1 - np.maximum(*away)).clip(0, 1).astype(np.float32)
    return out


def clean(mask: Bools, width: float) -> Bools:
    """A mask at twice the picture's size without specks and gaps that are small beside a face of that width."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (odd(0.12 * width),) * 2)
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc)
    _, labels, found, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, disc))
    large = found[:, cv2.CC_STAT_AREA] > 0.12 * width * width
    large[0] = False
    out: Bools = large[labels]
    return out


def twice(picture: Floats) -> Floats:
    """Twice as large."""
    return np.asarray(cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.float32)
