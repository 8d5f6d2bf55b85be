"""Discriminators that look at parts of a face beside its chart (Wu et al.: Landmark Assisted CycleGAN, equation 6)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from toonstream.faces.chart import PLANES
from toonstream_train.networks.blocks.layers import mean_around

EYES, MOUTH = (0.33, 0.60, 0.14, 0.86), (0.52, 0.85, 0.26, 0.74)
"""Top, bottom, left and right in shares of a crop that its landmarks frame."""
SIDE = 0.375
"""Of the window that lies anywhere."""
FINE = 4.0
"""How much what a pixel differs by from those around it is enlarged: crisp or not shows there."""


class LocalDiscriminator(nn.Module):
    """One network each for the eyes with their brows, for nose and mouth, and for a window that lies anywhere.

    The paper's look at predicted landmarks, at pixels alone. Here landmarks frame the crops, the chart says where
    in them each feature lies, and fine detail comes besides.

    picture (N, 3, S, S) and chart (N, planes, S / 2, S / 2) in [-1, 1] -> logits of each network.
    """

    def __init__(self, width: int = 32, planes: int = len(PLANES)) -> None:
        super().__init__()
        self.parts = nn.ModuleList(critic(6 + planes, width) for _ in range(3))

    def forward(self, picture: Tensor, chart: Tensor, corner: tuple[float, float]) -> list[Tensor]:
        """corner: top and left of the window that lies anywhere, in shares of the room there is, 0 to 1."""
        fine = FINE * (picture - mean_around(picture, 2))
        seen = torch.cat([picture, fine, interpolate(chart, scale_factor=2.0)], 1)
        top, left = (share * (1 - SIDE) for share in corner)
        windows = (EYES, MOUTH, (top, top + SIDE, left, left + SIDE))
        return [part(window(seen, *where)) for part, where in zip(self.parts, windows, strict=True)]


def critic(channels: int, width: int) -> nn.Module:
    """Three convolutions of stride 2 and logits. There is no norm: how strong a contrast is would be lost to it."""
    layers: list[nn.Module] = []
    for a, b in pairwise((channels, width, 2 * width, 4 * width)):
        layers += [nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(4 * width, 1, 1))


def window(pictures: Tensor, top: float, bottom: float, left: float, right: float) -> Tensor:
    """A part of (N, C, S, S) by shares of its side."""
    size = pictures.shape[-1]
    first, last, start, end = (round(share * size) for share in (top, bottom, left, right))
    return pictures[:, :, first:last, start:end]
