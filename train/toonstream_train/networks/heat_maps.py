"""Heat maps of landmarks, and the landmarks that heat maps show."""

import torch
from torch import Tensor

DEVIATION = 0.025
"""Of the Gaussian around a landmark, as a share of the picture's width: 3.2 pixels at 128."""


def heat_maps(points: Tensor, height: int, width: int) -> Tensor:
    """A Gaussian of peak 1 around each point: (B, n, 2), x and y in pixels, -> (B, n, height, width) in 0 to 1."""
    sigma = DEVIATION * width

    def falling(axis: int, length: int) -> Tensor:
        middles = torch.arange(length, device=points.device, dtype=points.dtype) + 0.5
        return torch.exp(-((middles - points[:, :, axis, None]) / sigma).square() / 2)

    return falling(1, height)[:, :, :, None] * falling(0, width)[:, :, None, :]


@torch.no_grad()
def landmarks_of(maps: Tensor) -> Tensor:
    """Where each map is highest: (B, n, H, W) -> (B, n, 2), x and y of the pixel's middle."""
    place = maps.flatten(2).argmax(2)
    width = maps.shape[3]
    return torch.stack([place % width, place // width], 2) + 0.5
