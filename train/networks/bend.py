"""A bent picture: what moves the features of a face, for styles whose eyes are larger than life."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from train.networks.layers import Context, Residual, conv, up
from train.pack import CELL


class Bend(nn.Module):
    """(N, 3, H, W) in [-1, 1] -> the same picture with its features moved; H and W multiples of 32.

    Looks at half the resolution, tells for every cell of CELL pixels where to take from what stands there, and does so.
    A generator that had to move an eye with convolutions alone would smear it. At first nothing moves.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.to4 = conv(3, width, 5, 2)
        self.to8 = conv(width, 2 * width, stride=2)
        self.to16 = nn.Sequential(
            conv(2 * width, 3 * width, stride=2),
            Residual(3 * width),
            Context(3 * width),
            Residual(3 * width),
            conv(3 * width, 2 * width),
        )
        self.shift = nn.Conv2d(2 * width, 2, 3, padding=1)
        for parameter in self.shift.parameters():
            nn.init.zeros_(parameter)

    def shifts(self, x: Tensor) -> Tensor:
        """(N, 2, H / CELL, W / CELL): across and down, in halves of the picture's side."""
        x8 = self.to8(self.to4(avg_pool2d(x, 2)))
        out: Tensor = self.shift(x8 + up(self.to16(x8)))
        return out

    def forward(self, x: Tensor) -> Tensor:
        shifts = interpolate(self.shifts(x), scale_factor=float(CELL), mode="bilinear")
        if self.training:
            shifts = shifts.nan_to_num()  # the gradient of grid_sample ends the process there; the loss tells of it
        grid = places(x) + shifts.permute(0, 2, 3, 1)
        out: Tensor = grid_sample(x, grid, padding_mode="border", align_corners=False)
        return out


def places(x: Tensor) -> Tensor:
    """(1, H, W, 2): where each pixel of a picture lies, across and down, in [-1, 1]."""
    height, width = x.shape[2:]
    down = (torch.arange(height, device=x.device, dtype=x.dtype) + 0.5) * (2 / height) - 1
    across = (torch.arange(width, device=x.device, dtype=x.dtype) + 0.5) * (2 / width) - 1
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)], 2)[None]
