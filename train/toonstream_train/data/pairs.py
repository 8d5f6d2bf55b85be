"""Pairs from pictures that nobody paired: photos' faces in cartoons' heads, cartoons' features on photos' heads."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from tqdm import tqdm

from toonstream.faces.face import five_points
from toonstream.faces.mesh import BROWS, MOUTH_CORNERS, MOUTH_INSIDE, OVAL
from toonstream.faces.shape import Shape, displacements, moved
from toonstream_train.data import heads
from toonstream_train.data.cartoon import Cartoon, taken_apart
from toonstream_train.data.drawn_blinks import squeezed
from toonstream_train.data.hybrids import FEATURES, doubled, in_place, pair
from toonstream_train.data.pack import Pack
from toonstream_train.data.proportions import fitted_shape
from toonstream_train.data.turned import turned
from toonstream_train.drawing import wears_glasses
from toonstream_train.drawing.common.beards import beard, chin
from toonstream_train.drawing.common.hair import hair
from toonstream_train.drawing.common.lit_skin import base_tone
from toonstream_train.drawing.common.person import person
from toonstream_train.drawing.common.shapes import fill
from toonstream_train.drawing.common.skin import find
from toonstream_train.drawing.common.smoothing import to_lab

FEWEST = 8
"""Cartoons that a style is learned from at least."""
BEARDED = 0.3
"""The share of the chin under a beard, from which a photo is left out: the beard would be taught to vanish."""
FOREHEAD = 0.7
"""The share of the forehead that shows, below which it is left out: as would the fringe."""
LOOKED_AT, ALIKE = 24, 4
"""Photos for each pair that are looked at, and how many of them, the most alike in shape, one is chosen from."""
OPENING = 8.0
"""How much a difference in how far mouths are open, in their widths, counts beside one in shape: no warp opens lips."""
BLINKS = 0.2
"""Share of the pairs whose eyes, where they can, are closed so far."""
OPEN = (0.2, 0.6)
ON_EACH = 2
"""Pairs of each photo's head, most of which differ by a blink or a turn."""
TURNED, FURTHEST = 0.5, 0.13
"""Share of the pairs whose heads turn, and how far at most, as `turned` measures."""


Bytes = NDArray[np.uint8]
Points = NDArray[np.float32]
Pair = tuple[Bytes, Bytes, Points]


@dataclass(frozen=True)
class Made:
    """A pair: what a generator sees and what it shall draw, (S, S, 3) and (2 S, 2 S, 3), and what a pack says of it."""

    image: NDArray[np.uint8]
    drawing: NDArray[np.uint8]
    mesh: NDArray[np.float32]
    inside: NDArray[np.uint8]
    name: str
    source: str


def pairs(photos: Pack, cartoons: Pack, each: int, seed: int = 0) -> tuple[Pack, Counter[str]]:
    """Pairs of both kinds, hybrids `each` of every cartoon that can be used, and how many cannot, by why.

    The pack has the style's proportions as its `shape`. Raises InputError where a pack lacks meshes.
    """
    faces, drawn = with_meshes(photos, "photos"), with_meshes(cartoons, "cartoons")
    usable, refined, left_out = refine(drawn)
    if without := len(cartoons) - len(drawn):
        left_out["there is no mesh of 478 landmarks"] = without
    if len(usable) < FEWEST:
        why = "".join(f"; {count}: {reason}" for reason, count in left_out.most_common())
        told = f"only {len(usable)} cartoons of {len(cartoons)} can be used, {FEWEST} are needed"
        raise InputError(f"{told}{why}; prepare more")
    shape = fitted_shape(faces.points[478], refined)
    made = [*hybrids(faces, drawn, usable, shape, each, seed), *on_heads(faces, drawn, usable, shape, seed)]
    if not made:
        raise InputError("no photo shows a bare face; prepare some without glasses, beards and fringes")
    dense = np.stack([one.mesh for one in made])
    points = {5: np.stack([five_points(mesh) for mesh in dense]).astype(np.float32), 478: dense}
    images, inside, drawings = (
        np.stack([getattr(one, name) for one in made]) for name in ("image", "inside", "drawing")
    )
    names, styles = [one.name for one in made], [one.source for one in made]
    return Pack(images, inside, points, names, styles, drawings, shape), left_out


def hybrids(faces: Pack, drawn: Pack, usable: list[int], shape: Shape, each: int, seed: int) -> Iterator[Made]:
    """Photos' faces in the heads of cartoons, `each` of every cartoon."""
    sources = Sources(faces, shape)
    for index in tqdm(usable, desc="hybrids", unit="cartoon"):
        cartoon = apart_again(drawn, index)
        random, lids = np.random.default_rng((seed, index)), cartoon.bare_lids
        for photo in sources.alike(cartoon, each, random):
            placed = in_place(faces.images[photo], faces.inside[photo], faces.points[478][photo], cartoon, shape)
            if placed is None:
                continue
            picture, drawing = pair(cartoon, placed, random)
            made = varied(picture, doubled(drawing), cartoon.mesh, lids, random)
            inside = drawn.inside[index] * (cartoon.covered < 0.5).astype(np.uint8)
            name = f"{drawn.names[index]} with {faces.names[photo]}"
            yield Made(*made, inside, name, drawn.sources[index])


def on_heads(faces: Pack, drawn: Pack, usable: list[int], shape: Shape, seed: int) -> Iterator[Made]:
    """Cartoons' features on the heads of photos, ON_EACH of every photo that is sure.

    Eyes and nose are of one cartoon, so that they are alike in all pairs; the mouth is of one that is as far open.
    """
    plain = [cartoon for index in usable if heads.bare(cartoon := apart_again(drawn, index))]
    if not plain:
        return
    upper, openings = heads.typical(plain), np.array([mouth_opening(cartoon.mesh) for cartoon in plain])
    for photo in tqdm(range(len(faces)), desc="heads", unit="photo"):
        if wears_glasses(faces.images[photo], faces.points[478][photo]):
            continue
        head = heads.head_of(faces.images[photo], faces.inside[photo], faces.points[478][photo], shape)
        if head is None:
            continue
        lower = plain[int(np.abs(openings - mouth_opening(head.mesh)).argmin())]
        drawing, random = heads.on_head(upper, lower, head), np.random.default_rng((seed, photo))
        for number in range(ON_EACH):
            made = varied(head.picture, drawing, head.mesh, upper.bare_lids, random)
            yield Made(*made, head.inside, f"{faces.names[photo]} {number}", faces.sources[photo])


def varied(picture: Bytes, drawing: Bytes, mesh: Points, lids: bool, random: np.random.Generator) -> Pair:
    """A picture (S, S, 3), its drawing, at twice the size, and its mesh: some blink, if the `lids` can, some turn."""
    changes: list[tuple[Callable[[Bytes, Points, float], tuple[Bytes, Points]], float]] = []
    if random.random() < BLINKS and lids:
        changes.append((squeezed, random.uniform(*OPEN)))
    if random.random() < TURNED:
        changes.append((turned, random.uniform(-FURTHEST, FURTHEST)))
    for change, by in changes:
        drawing, _ = change(drawing, 2 * mesh, by)
        picture, mesh = change(picture, mesh, by)
    return picture, drawing, mesh


def apart_again(cartoons: Pack, index: int) -> Cartoon:
    """A cartoon that can be used, taken apart: all of them would fill the memory."""
    cartoon = taken_apart(cartoons.images[index], cartoons.points[478][index])
    assert isinstance(cartoon, Cartoon)
    return cartoon


def refine(cartoons: Pack) -> tuple[list[int], NDArray[np.float32], Counter[str]]:
    """Which cartoons can be used, their meshes as they are drawn (N, 478, 2), and how many others there are, by why."""
    usable, refined, left_out = [], [], Counter[str]()
    for index in tqdm(range(len(cartoons)), desc="cartoons", unit="cartoon"):
        apart = taken_apart(cartoons.images[index], cartoons.points[478][index])
        if isinstance(apart, Cartoon):
            usable.append(index)
            refined.append(apart.mesh)
        else:
            left_out[apart] += 1
    return usable, np.array(refined, np.float32), left_out


class Sources:
    """Photos to take faces from."""

    def __init__(self, photos: Pack, shape: Shape) -> None:
        self.photos = photos
        side = photos.images.shape[1]
        placed = [moved(mesh, displacements(mesh, shape, side), side) for mesh in photos.points[478]]
        self.forms = np.stack([form(mesh) for mesh in placed])
        self.openings = np.array([mouth_opening(mesh) for mesh in placed])
        count = Counter(photos.sources)
        share = np.array([1 / count[source] ** 0.5 for source in photos.sources])
        self.share = share / share.sum()
        self.bare = cache(self._bare)

    def alike(self, cartoon: Cartoon, count: int, random: np.random.Generator) -> Iterator[int]:
        """Up to `count` photos with bare faces of about the cartoon's shape, at random."""
        looked_at = random.choice(len(self.share), min(LOOKED_AT * count, len(self.share)), False, self.share)
        off = np.abs(self.forms[looked_at] - form(cartoon.mesh)).sum((1, 2))
        off += OPENING * np.abs(self.openings[looked_at] - mouth_opening(cartoon.mesh))
        nearest = random.permutation(looked_at[np.argsort(off)][: ALIKE * count])
        for index in nearest:
            if count and self.bare(int(index)):
                count -= 1
                yield int(index)

    def _bare(self, index: int) -> bool:
        """Whether a face has neither glasses nor a beard nor a fringe."""
        picture, mesh = self.photos.images[index], self.photos.points[478][index]
        if wears_glasses(picture, mesh):
            return False
        lab = cv2.bilateralFilter(to_lab(picture), 5, 12, 3)
        skin = find(lab, mesh, 1.0, hair(lab, person(picture), mesh))
        size = (lab.shape[0], lab.shape[1])
        forehead = fill(mesh[OVAL], size)
        forehead[max(int(mesh[BROWS[0] + BROWS[1], 1].min()), 0) :] = 0
        if share(skin.where, forehead) < FOREHEAD:
            return False
        return share(beard(lab, skin, base_tone(lab[..., 0], skin), mesh), chin(mesh, size)) < BEARDED


def share(values: NDArray[np.float32], where: NDArray[np.float32]) -> float:
    """The mean of `values` (H, W) under `where` (H, W); 1 where that is nothing."""
    total = float(where.sum())
    return float((values * where).sum()) / total if total > 1 else 1.0


def with_meshes(pack: Pack, what: str) -> Pack:
    """The crops that have dense landmarks. Raises InputError where none has, or the pack is one of pairs."""
    if pack.shape:
        raise InputError(f"the {what} are in a style's proportions, as pair makes them; give those from prepare")
    dense = pack.points.get(478)
    known = np.flatnonzero(np.isfinite(dense).all((1, 2))) if dense is not None else np.array([], int)
    if not len(known):
        raise InputError(f"the {what} have no meshes of 478 landmarks; prepare them without --landmarks")
    return pack.part(known)


def form(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """Places of the features and the lips (N, 2), wherever the face lies and however large it is."""
    points = mesh[[*FEATURES, *MOUTH_INSIDE]]
    points = points - points.mean(0)
    out: NDArray[np.float32] = points / np.float32(np.sqrt(np.square(points).sum()))
    return out


def mouth_opening(mesh: NDArray[np.float32]) -> float:
    """How far a mouth is open, in its widths."""
    high, wide = (float(np.hypot(*(mesh[a] - mesh[b]))) for a, b in ((13, 14), MOUTH_CORNERS))
    return high / max(wide, 1.0)
