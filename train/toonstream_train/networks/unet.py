"""A U-Net (Ronneberger et al. 2015) from pictures to maps of the same size."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class UNet(nn.Module):
    """`depth` times down by two and up again, each scale's features joined with those that come up.

    (N, inputs, H, W) -> (N, outputs, H, W), unbounded; H and W multiples of 2^depth.
    """

    def __init__(self, inputs: int, outputs: int, width: int = 16, depth: int = 4) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(depth + 1)]

        def convs(a: int, b: int, stride: int = 1) -> nn.Sequential:
            first, second = nn.Conv2d(a, b, 3, stride, 1), nn.Conv2d(b, b, 3, 1, 1)
            return nn.Sequential(first, nn.LeakyReLU(0.2, inplace=True), second, nn.LeakyReLU(0.2, inplace=True))

        self.first = convs(inputs, width)
        self.down = nn.ModuleList(convs(a, b, 2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(convs(a + b, a) for a, b in pairwise(widths))
        self.last = nn.Conv2d(width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        scales = [self.first(x)]
        for down in self.down:
            scales.append(down(scales[-1]))
        x = scales.pop()
        for up in reversed(self.up):
            x = up(torch.cat([scales.pop(), interpolate(x, scale_factor=2.0)], 1))
        out: Tensor = self.last(x)
        return out
