"""A classifier of whole pictures: PDA's of face structures and of highlights (Xiao et al., section 3.1.2)."""

from itertools import pairwise

from torch import Tensor, nn


class Classifier(nn.Module):
    """Five convolutional blocks, global average pooling, two fully connected layers; blocks are ours.

    (N, channels, H, W), sides of 32 at least -> the logit (N, 1) that it is as it should be.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        widths = [channels, *(width * 2**i for i in range(5))]
        self.blocks = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.LeakyReLU(0.2, inplace=True)) for a, b in pairwise(widths))
        )
        self.head = nn.Sequential(nn.Linear(widths[-1], width), nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        logit: Tensor = self.head(self.blocks(x).mean((2, 3)))
        return logit
