"""Batches of photos with their drawings, warped, turned, lit and degraded on the CPU, ahead of their use."""

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from torch import Tensor

from toonstream.faces import framing
from toonstream.faces.chart import EMPTY, PLANES, chart
from toonstream.faces.shape import Proportions, Shape, displacements, moved
from toonstream_train.data.dataset import signed
from toonstream_train.data.glasses import glasses
from toonstream_train.data.pack import Pack
from toonstream_train.data.shine import shine
from toonstream_train.drawing.common.person import head_matte, person

Bytes = NDArray[np.uint8]
LEAST = 40
"""How much what no matte shows counts, of 255: a matte may err."""
RIM = 0.02
"""What lies so near beside the matte, in shares of a side, counts like what it shows, or the wall would glow there."""


@dataclass(frozen=True)
class Augmentation:
    """What is done to a face at random. 0 switches an item off."""

    scale: float = 0.12
    """Largest natural logarithm of a magnification."""
    rotation: float = 8.0
    """Degrees at most, either way."""
    shift: float = 0.03
    """Shares of the crop's side at most."""
    light: float = 0.3
    """Strength of exposure, contrast and colour cast; photo and drawing alike. 1 is a room at night."""
    blur: float = 1.2
    """Largest sigma of a Gaussian blur, in pixels at 256."""
    noise: float = 7.0
    """Largest sigma of sensor noise, 8-bit steps."""
    jpeg: float = 0.3
    """Share of the photos that are compressed, at a quality of 30 to 90."""
    jitter: float = 0.5
    """Sigma by which each feature of the chart is off its place, in pixels at 256."""
    wrong: float = 0.04
    """Share of the charts that are ten times as far off."""
    dropped: float = 0.05
    """Share of the charts that lack planes, each with probability one half."""
    covered: float = 0.15
    """Share of the faces behind something: a piece of another picture, which the drawing shows as it is."""
    glasses: float = 0.2
    """Share of the faces that are given glasses, clear or dark."""
    shine: float = 0.15
    """Share of the photos whose skin shines, which the drawing does not show."""
    mirrored: float = 0.5
    """Share of the faces that are mirrored, charts like pictures: lights in eyes stand where the drawing has them."""


@dataclass
class DrawnBatch:
    """B faces. Pictures are (B, 3, S, S) in [-1, 1]."""

    image: Tensor
    """The warped photo as a camera gives it."""
    chart: Tensor
    """(B, planes, S / 2, S / 2) in [-1, 1]."""
    drawing: Tensor
    weight: Tensor
    """(B, 1, S, S), 0 to 1: how much a place counts; less beside the head, little beyond the source picture."""

    def to(self, device: torch.device) -> "DrawnBatch":
        return DrawnBatch(*(tensor.to(device) for tensor in (self.image, self.chart, self.drawing, self.weight)))


class DrawnFaces:
    """The faces of a pack with drawings; the batch of a step depends on seed, step and rank alone."""

    def __init__(
        self,
        pack: Pack,
        shape: Shape,
        augmentation: Augmentation,
        weights: dict[str, float],
        seed: int,
        rank: int = 0,
    ) -> None:
        """shape: what the pack's drawings are in, where it does not say itself that its photos are in it already.

        weights: how often the faces of a source are taken, where not once. rank: which of the run's processes this is.
        """
        assert pack.drawings is not None
        self.pack, self.augmentation, self.seed, self.rank = pack, augmentation, seed, rank
        share = np.array([weights.get(source, 1.0) for source in pack.sources])
        self.share = share / share.sum()
        self.side = pack.images.shape[1]
        shape = Shape() if pack.shape else shape
        self.fields = [displacements(mesh, shape, self.side) for mesh in pack.points[478]]
        self.meshes = [moved(mesh, field, self.side) for mesh, field in zip(pack.points[478], self.fields, strict=True)]
        self.shown = shown(pack)
        self._ahead: dict[tuple[int, int, int], Future[DrawnBatch]] = {}
        self._pool = ThreadPoolExecutor(1)

    def batch(self, step: int, count: int, size: int) -> DrawnBatch:
        """`count` faces of `size` pixels a side."""
        found = self._ahead.pop((step, count, size), None)
        return found.result() if found else self._make(step, count, size)

    def prefetch(self, step: int, count: int, size: int) -> None:
        """Starts on the batch of a later step."""
        self._ahead[step, count, size] = self._pool.submit(self._make, step, count, size)

    def _make(self, step: int, count: int, size: int) -> DrawnBatch:
        random = np.random.default_rng((self.seed, step, self.rank))
        faces = [self._face(random, int(i), size) for i in random.choice(len(self.share), count, p=self.share)]
        image, charts, drawing, weight = (torch.from_numpy(np.stack(part)) for part in zip(*faces, strict=True))
        return DrawnBatch(signed(image), signed(charts), signed(drawing), weight[:, None].float() / 255)

    def _face(self, random: np.random.Generator, index: int, size: int) -> tuple[Bytes, Bytes, Bytes, Bytes]:
        a, pack = self.augmentation, self.pack
        assert pack.drawings is not None
        patch = self._matrix(random, size)
        image = _warped(pack.images[index], patch, size, self.fields[index])
        drawing = _shown(pack.drawings[index], patch, size, self.side)
        weight = _warped(self.shown[index], patch, size, self.fields[index])
        mesh = framing.apply(patch, self.meshes[index]).astype(np.float32)
        planes = chart(self._jittered(random, mesh, size), size)
        if random.random() < a.dropped:
            dropped = random.random(len(PLANES)) < 0.5
            planes[..., dropped] = np.array(EMPTY, np.uint8)[dropped]
        if random.random() < a.shine:
            image = shine(random, mesh, image)
        if random.random() < a.glasses:
            image, drawing = glasses(random, mesh, size).worn(image, drawing)
        if random.random() < a.covered:
            cover, over = self._cover(random, size)
            image, drawing = (_over(picture, over, cover) for picture in (image, drawing))
        image, drawing = lit(random, a.light, image, drawing)
        image = degraded(random, a, image)
        if random.random() < a.mirrored:
            image, planes, drawing, weight = (plane[:, ::-1] for plane in (image, planes, drawing, weight))
        return image, planes, drawing, weight

    def _matrix(self, random: np.random.Generator, size: int) -> NDArray[np.float64]:
        """(2, 3): pixels of the crop to pixels of the patch."""
        a = self.augmentation
        scale = math.exp(random.uniform(-a.scale, a.scale)) * size / self.side
        angle = math.radians(random.uniform(-a.rotation, a.rotation))
        linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        centre = size / 2 + random.uniform(-a.shift, a.shift, 2) * size
        return np.hstack([linear, (centre - linear @ (self.side / 2, self.side / 2))[:, None]])

    def _jittered(self, random: np.random.Generator, mesh: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        sigma = self.augmentation.jitter * size / 256 * (10 if random.random() < self.augmentation.wrong else 1)
        offsets = random.normal(0, sigma, (len(GROUPS), 2)).astype(np.float32)
        off = mesh + random.normal(0, sigma, 2).astype(np.float32)
        for group, offset in zip(GROUPS, offsets, strict=True):
            off[group] += offset
        return off

    def _cover(self, random: np.random.Generator, size: int) -> tuple[NDArray[np.float32], Bytes]:
        """A soft-edged polygon somewhere on the face (size, size) in 0 to 1, and what it shows."""
        corners = int(random.integers(3, 9))
        angles = np.sort(random.uniform(0, 2 * np.pi, corners))
        reach = size * random.uniform(0.1, 0.38) * random.uniform(0.5, 1.2, corners)
        centre = size * random.uniform(0.15, 0.95, 2)
        outline = centre + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        cover = np.zeros((size, size), np.uint8)
        cv2.fillPoly(cover, [np.round(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        other = self.pack.images[int(random.integers(len(self.pack)))]
        turn = np.vstack([random.normal(0, 1.2, (2, 2)).T, random.uniform(0, size, 2)]).T
        over = cv2.warpAffine(other, turn, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        soft = cv2.GaussianBlur(cover, (0, 0), 0.5 + 1.5 * random.random())
        return soft.astype(np.float32) / 255, np.asarray(over, np.uint8)


def warped(faces: Pack, shape: Proportions) -> dict[str, Bytes]:
    """The faces as a style of that shape takes them at run time: its inputs `image` and `chart`.

    What is in a style's proportions already stays as it is. Raises InputError where the faces have no dense landmarks.
    """
    if 478 not in faces.points:
        raise InputError(
            "a style that takes a chart needs faces with the mesh of 478 landmarks, and these have five points only; "
            "make their pack with prepare, without --landmarks"
        )
    shape = Shape() if faces.shape else shape
    side = faces.images.shape[1]
    fields = [shape.displacements(mesh, side) for mesh in faces.points[478]]
    images = [_warped(image, np.eye(2, 3), side, field) for image, field in zip(faces.images, fields, strict=True)]
    meshes = [moved(mesh, field, side) for mesh, field in zip(faces.points[478], fields, strict=True)]
    return {"image": np.stack(images), "chart": np.stack([chart(mesh, side) for mesh in meshes])}


def shown(pack: Pack) -> list[Bytes]:
    """How much each place of each crop counts, (S, S): as far as it shows at run time, its rim too, else a little."""
    out = []
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(RIM * pack.images.shape[1]) + 1,) * 2)
    for image, mesh, inside in zip(pack.images, pack.points[478], pack.inside, strict=True):
        matte = cv2.dilate(head_matte(person(image), mesh), rim)
        weight = np.rint(LEAST + (255 - LEAST) * matte).astype(np.uint8)
        out.append(np.minimum(weight, inside * np.uint8(200) + np.uint8(55)))
    return out


def lit(random: np.random.Generator, strength: float, *pictures: Bytes) -> tuple[Bytes, ...]:
    """The same random light on all pictures of a face: gamma, brightness, and a gain for each channel."""
    if not strength:
        return pictures
    gamma = math.exp(strength * random.normal(0, 0.35))
    gain = np.exp(strength * (random.normal(0, 0.2) + random.normal(0, 0.12, 3)))
    table = (np.linspace(0, 1, 256)[:, None] ** gamma * gain).clip(0, 1)
    table = np.round(255 * table).astype(np.uint8)[None]
    return tuple(np.asarray(cv2.LUT(picture, table), np.uint8) for picture in pictures)


def degraded(random: np.random.Generator, a: Augmentation, image: Bytes) -> Bytes:
    """Blur, then sensor noise, then compression: the order of a camera."""
    size = image.shape[0]
    if (sigma := random.random() ** 2 * a.blur * size / 256) > 0.2:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)
    if sigma := random.random() ** 2 * a.noise:
        top, left = random.integers(0, NOISE.shape[0] - size, 2)
        noise = NOISE[top : top + size, left : left + size]
        if random.random() < 0.5:  # grainy, after a camera's own smoothing
            noise, sigma = cv2.blur(noise, (3, 3)), 3 * sigma
        image = np.asarray(cv2.addWeighted(image, 1, noise, sigma, 0, dtype=cv2.CV_8U), np.uint8)
    if random.random() < a.jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(30, 90))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_UNCHANGED), np.uint8)
    return image


def _warped(picture: Bytes, matrix: NDArray[np.float64], size: int, field: NDArray[np.float32]) -> Bytes:
    """The crop through the warp of a shape and then through `matrix`, from crop to patch, resampled once."""
    x, y = np.meshgrid(*[np.arange(size, dtype=np.float32) + np.float32(0.5)] * 2)
    back = framing.invert(matrix).astype(np.float32)
    at = np.stack([row[0] * x + row[1] * y + row[2] for row in back], 2)
    scale = np.float32(field.shape[0] / picture.shape[0])
    at += cv2.remap(field, at * scale - np.float32(0.5), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    warped = cv2.remap(picture, at - np.float32(0.5), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def _shown(drawing: Bytes, matrix: NDArray[np.float64], size: int, side: int) -> Bytes:
    """The drawing through `matrix`, from the crop of `side` pixels to the patch, as crisp as it is."""
    finer = 2 if size < drawing.shape[0] else 1
    to_patch = finer * matrix
    to_patch[:, :2] *= side / drawing.shape[0]
    whole = finer * size, finer * size
    # Linear interpolation would cost an eighth, and a tenth of the lines' sharpness, even where it is averaged after.
    shown = cv2.warpAffine(
        drawing, framing.opencv(to_patch), whole, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(shown, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _over(picture: Bytes, over: Bytes, cover: NDArray[np.float32]) -> Bytes:
    return np.asarray(cv2.blendLinear(over, picture, cover, 1 - cover), np.uint8)


NOISE = np.random.default_rng(0).standard_normal((768, 768, 3), np.float32)
"""Sensor noise to cut from: drawing it again takes longer than all the rest."""
LARGEST = NOISE.shape[0] - 32
"""Pixels of the side of the largest faces that it is cut for."""


def _groups() -> Sequence[NDArray[np.intp]]:
    from toonstream.faces.mesh import BROWS, EYES, IRISES, MOUTH, MOUTH_INSIDE, NOSTRILS, OVAL

    eyes = [[*eye, *iris] for eye, iris in zip(EYES, IRISES, strict=True)]
    return [np.unique(group) for group in (*eyes, *BROWS, MOUTH + MOUTH_INSIDE, NOSTRILS, OVAL)]


GROUPS = _groups()
"""Landmarks that are off together."""
