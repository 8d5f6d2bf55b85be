"""Blocks of stride-2 convolutions: CP-GAN's discriminators (Huang et al., section 4.1) and those of Landmark Assisted
CycleGAN (Wu et al., table 4)."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import InstanceNorm2d


class Discriminator(nn.Module):
    """`layers` blocks of a 4x4 convolution of stride 2, instance norm and leaky ReLU 0.2, then a 1x1 convolution.

    (N, channels, H, W) -> logits (N, 1, H / 2^layers, W / 2^layers). The first block has no norm, which would hide the
    picture's colours.
    """

    def __init__(self, channels: int = 3, width: int = 64, layers: int = 4) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(layers)]
        self.body = nn.Sequential(nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True))
        for a, b in pairwise(widths):
            self.body.extend([nn.Conv2d(a, b, 4, 2, 1), InstanceNorm2d(b), nn.LeakyReLU(0.2, inplace=True)])
        self.body.append(nn.Conv2d(widths[-1], 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.body(x)
        return logits
