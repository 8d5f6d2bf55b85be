"""A proxy between photos and anime, built from photos: larger eyes, a slimmer jaw, smooth skin, hair of any colour.

PDA (Xiao et al., section 3.1.1) has portraits of cosplayers for it. Where none are at hand, this does to photos what
wigs, lenses and make-up do.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.crop import resample
from toonstream.faces.face import five_points
from toonstream.faces.mesh import OVAL
from toonstream.faces.shape import Shape, displacements, moved
from toonstream_train.data.pack import Pack
from toonstream_train.data.skin import skin
from toonstream_train.drawing.common.person import person
from toonstream_train.drawing.common.shapes import fill
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep

UNLIKE = 16.0, 28.0  # distances from the skin in CIELAB, lightness half as much, from which hair begins, and is sure
CHROMA, LIFT = (18.0, 48.0), (0.0, 0.25)  # of hair: colourfulness, and share of the way to white

Bytes = NDArray[np.uint8]
Points = NDArray[np.float32]


def proxy(photos: Pack, seed: int) -> Pack:
    """As many portraits as there are photos, each photo's own; the photos have points of 478."""
    random = np.random.default_rng(seed)
    made = [portrait(image, mesh, random) for image, mesh in zip(photos.images, photos.points[478], strict=True)]
    images, meshes, fives = (np.stack(part) for part in zip(*made, strict=True))
    return Pack(images, photos.inside, {5: fives, 478: meshes}, photos.names, photos.sources)


def portrait(image: Bytes, mesh: Points, random: np.random.Generator) -> tuple[Bytes, Points, Points]:
    """A photo (S, S, 3) with its mesh (478, 2) -> the portrait, its mesh and its five points."""
    side = image.shape[0]
    shape = Shape(
        eyes=(random.uniform(1.1, 1.3), random.uniform(1.15, 1.45)),
        apart=random.uniform(0.0, 0.04),
        nose=(random.uniform(0.0, 0.12), random.uniform(0.05, 0.2)),
        jaw=random.uniform(0.04, 0.14),
        chin=random.uniform(0.0, 0.06),
    )
    field = displacements(mesh, shape, side)
    warped, placed = resample(image, np.eye(2, 3), side, field), moved(mesh, field, side)
    wig = coloured(smoothed(warped, placed), hair(warped, placed), random)
    return wig, placed, five_points(placed).astype(np.float32)


def smoothed(image: Bytes, mesh: Points) -> Bytes:
    """Skin as under make-up: texture goes, form and features stay."""
    side = image.shape[0]
    where = blur(skin(mesh, side).astype(np.float32), 0.01 * side)[..., None]
    even = cv2.bilateralFilter(image, 0, 28, 0.016 * side)
    mixed = where * even + (1 - where) * image
    return np.asarray(mixed.round(), np.uint8)


def coloured(image: Bytes, where: Floats, random: np.random.Generator) -> Bytes:
    """In a random colour `where`, (S, S) in 0 to 1, says."""
    lab = cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    angle, chroma, lift = random.uniform(0, 2 * np.pi), random.uniform(*CHROMA), random.uniform(*LIFT)
    wig = lab.copy()
    wig[..., 0] += lift * (100 - lab[..., 0])
    tint = chroma * np.array([np.cos(angle), np.sin(angle)], np.float32)
    wig[..., 1:] = 0.25 * lab[..., 1:] + tint * np.sqrt(wig[..., :1] / 100)
    mixed = cv2.cvtColor(lab + where[..., None] * (wig - lab), cv2.COLOR_LAB2RGB)
    return np.asarray((mixed * 255).round().clip(0, 255), np.uint8)


def hair(image: Bytes, mesh: Points) -> Floats:
    """(S, S) in 0 to 1: what is the person's, above the chin, not of the face and not of its colour."""
    side = image.shape[0]
    face = skin(mesh, side)
    if not face.any():
        return np.zeros((side, side), np.float32)
    lab = cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    away = np.linalg.norm((lab - np.median(lab[face], axis=0)) * np.array([0.5, 1, 1], np.float32), axis=2)
    unlike = smoothstep(away, *UNLIKE) * (1 - fill(mesh[OVAL], (side, side)))
    height = np.arange(side, dtype=np.float32)[:, None] / mesh[152, 1]
    where = person(image) * unlike * smoothstep(height, 1.05, 0.95)
    out: Floats = blur(cv2.medianBlur(where, 5), 0.8)
    return out
