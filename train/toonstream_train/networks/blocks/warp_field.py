"""A warp field: moves the features of a face, for styles with eyes larger than life."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from toonstream_train.data.pack import CELL
from toonstream_train.networks.blocks.layers import Context, Residual, conv, up


class WarpField(nn.Module):
    """Moves features: pictures (N, 3, H, W) in [-1, 1], H and W multiples of 32 -> the same size, warped.

    It works at half the resolution and predicts a shift for every cell of CELL pixels. A generator that had to move an
    eye with convolutions alone would smear it. At first nothing moves.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w4, self.channels, w16 = 2 * width, 3 * width, 4 * width
        w8 = self.channels
        self.to16 = nn.Sequential(conv(3, width, 5, 2), conv(width, w4, stride=2), conv(w4, w8, stride=2))
        # A jaw is as wide as the face: at 1/32 of the resolution, four convolutions see all of it.
        self.to32 = nn.Sequential(conv(w8, w16, stride=2), Residual(w16), Context(w16), Residual(w16), conv(w16, w8))
        self.at16 = Residual(w8)
        self.shift = nn.Conv2d(w8, 2, 3, padding=1)
        for parameter in self.shift.parameters():
            nn.init.zeros_(parameter)

    def features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, channels, H / 16, W / 16): what `shifts` and the face prior go by."""
        x16 = self.to16(avg_pool2d(x, 2))
        out: Tensor = self.at16(x16 + up(self.to32(x16)))
        return out

    def shifts(self, features: Tensor) -> Tensor:
        """(N, 2, H / CELL, W / CELL): where each place is taken from, across and down, in halves of the side."""
        return interpolate(self.shift(features), scale_factor=16.0 / CELL, mode="bilinear")

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """Warp the picture by the shifts that its `features` give."""
        shifts = interpolate(self.shifts(features), scale_factor=float(CELL), mode="bilinear")
        if self.training:
            shifts = shifts.nan_to_num()  # NaN would crash grid_sample's gradient; the loss reports it instead
        grid = coordinates(x) + shifts.permute(0, 2, 3, 1)
        out: Tensor = grid_sample(x, grid, padding_mode="border", align_corners=False)
        return out


def coordinates(x: Tensor) -> Tensor:
    """(1, H, W, 2): the places of a picture's pixels, across and down, in [-1, 1], as grid_sample takes them."""
    height, width = x.shape[2:]
    down = (torch.arange(height, device=x.device, dtype=x.dtype) + 0.5) * (2 / height) - 1
    across = (torch.arange(width, device=x.device, dtype=x.dtype) + 0.5) * (2 / width) - 1
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)], 2)[None]
