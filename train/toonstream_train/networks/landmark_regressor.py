"""A U-Net (Ronneberger et al. 2015) from a face to heat maps of its landmarks.

Wu et al.: Landmark Assisted CycleGAN for Cartoon Face Generation, table 3. Where the table does not say: instance norm
and leaky ReLU follow each convolution but the last; a channel count there is that of the deconvolution, before it is
joined with what came down. The table's last layer has 3 channels; the text has one for each landmark, and so has this.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import InstanceNorm2d

from toonstream_train.networks.blocks.initial import zero
from toonstream_train.networks.blocks.residual import ResidualBlock


class LandmarkRegressor(nn.Module):
    """Five times down by two, a residual block, five times up, each joined with what came down.

    (N, 3, H, W) in [-1, 1] -> (N, landmarks, H, W), unbounded; H and W multiples of 32, 64 at least.
    """

    def __init__(self, landmarks: int = 5, width: int = 64) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(5)]
        finest = max(1, width // 2)

        def normed(layer: nn.Module, channels: int) -> nn.Sequential:
            return nn.Sequential(layer, InstanceNorm2d(channels), nn.LeakyReLU(0.2, inplace=True))

        self.down = nn.ModuleList(normed(nn.Conv2d(a, b, 3, 2, 1), b) for a, b in pairwise([3, *widths]))
        self.middle = ResidualBlock(widths[-1], InstanceNorm2d)
        self.up = nn.ModuleList()
        before = widths[-1]
        for b, joined in zip([*widths[-2::-1], finest], [*widths[-2::-1], 3], strict=True):
            self.up.append(normed(nn.ConvTranspose2d(before, b, 3, 2, 1, output_padding=1), b))
            before = b + joined
        last = nn.Conv2d(finest, landmarks, 3, padding=1)
        zero(last)  # maps are nearly all 0; noise in them hid landmarks for 200 steps
        self.last = nn.Sequential(normed(nn.Conv2d(before, finest, 3, padding=1), finest), last)

    def forward(self, x: Tensor) -> Tensor:
        scales = [x]
        for down in self.down:
            scales.append(down(scales[-1]))
        x = self.middle(scales.pop())
        for up in self.up:
            x = torch.cat([up(x), scales.pop()], 1)
        out: Tensor = self.last(x)
        return out
