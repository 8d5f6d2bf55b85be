"""Packs in memory, and batches out of them: augmented on the device, everything of a face alike."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import torch
from toonstream_engines.errors import InputError
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from toonstream_train.data.pack import SIZE, Pack
from toonstream_train.data.points import mirrored

SMALLEST = 64
"""Pixels of the smallest crop that a style can be exported for."""


@dataclass(frozen=True)
class Geometry:
    """How a training patch is cut from a crop. The defaults show the canonical crop itself, mirrored half the time."""

    size: int = 256
    """Side of the patch in pixels, a multiple of 32."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Magnification, log-uniform between these; what is then larger than the patch is cut at a random place."""
    rotation: float = 0.0
    """Degrees at most, either way."""
    mirror: bool = True
    """Not where left and right differ in what is learned, such as the side of an eye's catch light."""
    shift: float = 0.0
    """Pixels at most that a whole crop is off its place, as after a landmark that was a little wrong."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """How often the faces of a source are taken, where not 1."""

    def __post_init__(self) -> None:
        if self.size % 32 or self.size < 32:
            raise InputError(f"geometry.size={self.size}: it has to be a multiple of 32, in pixels")
        low, high = self.scale
        if not 0 < low <= high < math.inf:
            raise InputError(f"geometry.scale=[{low}, {high}]: it has to be from a number above 0 to one no smaller")

    @property
    def side(self) -> int:
        """Of a whole crop in which faces are as large as in these patches: pixels, a multiple of 32, SMALLEST to SIZE.

        What learned on whole crops of 96 pixels knows no face of 256; what learned on details up to full size does.
        """
        return max(SMALLEST, min(SIZE, round(SIZE * self.scale[1]) // 32 * 32))


@dataclass
class Batch:
    """Faces as a network gets them, (B, ...) on the device."""

    pictures: Tensor  # (B, 3, size, size) in [-1, 1]
    inside: Tensor  # (B, 1, size, size), 1 inside the source picture, 0 where it was padded
    points: dict[int, Tensor]  # landmarks by set (see data.points): K -> (B, K, 2), pixels of the patch


def signed(images: Tensor) -> Tensor:
    """Stored pictures or charts, (N, H, W, C) uint8, as networks take them: (N, C, H, W) float32 in [-1, 1]."""
    return images.permute(0, 3, 1, 2).float() / 127.5 - 1


def without_padding(pictures: Tensor, *faces: Batch) -> Tensor:
    """The pictures, blank where any of the faces was padded, which would tell photos and cartoons apart."""
    for batch in faces:
        pictures = pictures * batch.inside
    return pictures


class Faces:
    """The faces of a pack on the device."""

    def __init__(
        self,
        pack: Pack,
        device: torch.device,
        geometry: Geometry,
        points: Collection[int] = (5,),
    ) -> None:
        """points: the sets of landmarks that batches get."""
        if geometry.scale[1] < 1:  # as styles get them: sampling alone would pass over pixels where it shrinks by much
            pack, geometry = _shrunk(pack, geometry)
        self.geometry = geometry
        self.images = torch.from_numpy(pack.images).to(device)
        self.inside = torch.from_numpy(pack.inside).to(device)
        self.points = {count: torch.from_numpy(pack.points[count]).to(device) for count in points}
        self.mirrored = {count: mirrored(count) for count in points if geometry.mirror}
        self.weights = torch.tensor([geometry.weights.get(source, 1.0) for source in pack.sources], device=device)

    def sample(self, count: int) -> Batch:
        """`count` random faces, each under a geometry of its own."""
        index = torch.multinomial(self.weights, count, replacement=True)
        matrix = self._patches(count)
        size = self.geometry.size
        side = self.images.shape[1]
        flipped = matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0] < 0

        # one sampling for the picture and a channel that says what is inside
        layers = torch.cat([self.images[index].float() / 127.5 - 1, self.inside[index, :, :, None].float()], 3)
        # affine_grid speaks of [-1, 1] across both pictures: pixels p = M q + t become (2/side)(M (size/2) g + ...)
        half, centre = size / 2, matrix.new_tensor([size / 2, size / 2])
        middle = (matrix[:, :, :2] @ centre + matrix[:, :, 2]) * (2 / side) - 1
        theta = torch.cat([matrix[:, :, :2] * (half * 2 / side), middle[:, :, None]], 2)
        grid = affine_grid(theta, [count, layers.shape[3], size, size], align_corners=False)
        layers = grid_sample(layers.permute(0, 3, 1, 2), grid, padding_mode="border", align_corners=False)
        # padding repeats the border of `inside` too: what lies beyond the crop is known to be outside
        beyond = (grid.abs() > 1).any(3)[:, None]

        inverse = torch.linalg.inv(matrix[:, :, :2])
        points = {}
        for k, many in self.points.items():
            placed = (many[index] - matrix[:, None, :, 2]) @ inverse.transpose(1, 2)
            if k in self.mirrored:  # left and right are the picture's
                placed = torch.where(flipped[:, None, None], placed[:, list(self.mirrored[k])], placed)
            points[k] = placed
        return Batch(
            pictures=layers[:, :-1],
            inside=layers[:, -1:].masked_fill(beyond, 0),
            points=points,
        )

    def whole(self) -> Batch:
        """All faces, as they are."""
        return Batch(
            pictures=signed(self.images),
            inside=self.inside[:, None].float(),
            points=dict(self.points),
        )

    def _patches(self, count: int) -> Tensor:
        """(count, 2, 3): pixels of the patch -> pixels of the crop."""
        g, side, device = self.geometry, self.images.shape[1], self.images.device

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return low + (high - low) * torch.rand(count, *shape, device=device)

        low, high = torch.tensor(g.scale).log().tolist()
        scale = uniform(low, high).exp()
        turn = torch.deg2rad(uniform(-g.rotation, g.rotation))
        flip = torch.where(torch.rand(count, device=device) < (0.5 if g.mirror else 0.0), -1.0, 1.0)
        cos, sin = turn.cos() / scale, turn.sin() / scale
        linear = torch.stack([torch.stack([cos * flip, -sin], 1), torch.stack([sin * flip, cos], 1)], 1)
        room = (side / 2 - g.size / 2 / scale).clamp(min=0)[:, None]
        centre = side / 2 + uniform(-1, 1, 2) * room + uniform(-g.shift, g.shift, 2)
        middle = centre.new_tensor([g.size / 2, g.size / 2])
        return torch.cat([linear, (centre - linear @ middle)[:, :, None]], 2)


def _shrunk(pack: Pack, geometry: Geometry) -> tuple[Pack, Geometry]:
    """Crops no larger than the patches need them, averaged, and the geometry that makes the same patches of those."""
    before = pack.images.shape[1]
    small = pack.resized(round(before * geometry.scale[1]))
    share = small.images.shape[1] / before
    low, high = geometry.scale
    return small, replace(geometry, scale=(low / share, high / share), shift=geometry.shift * share)
