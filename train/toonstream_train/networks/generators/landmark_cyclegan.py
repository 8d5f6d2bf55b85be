"""The generator of Landmark Assisted CycleGAN (Wu et al., section 3.2): CycleGAN's, which sees heat maps as well."""

import torch
from torch import Tensor, nn
from torch.nn import InstanceNorm2d

from toonstream_train.networks.blocks.johnson import decoder, encoder
from toonstream_train.networks.blocks.residual import ResidualBlock
from toonstream_train.networks.heat_maps import heat_maps


class Generator(nn.Module):
    """(N, 3, H, W) in [-1, 1] and landmarks (N, 5, 2) in pixels -> (N, 3, H, W) in [-1, 1]; H and W multiples of 4."""

    def __init__(self, width: int = 64, blocks: int = 6) -> None:
        super().__init__()
        self.architecture = {"name": "landmark_cyclegan", "width": width, "blocks": blocks}
        self.body = nn.Sequential(
            *encoder(width, 3 + 5),
            *(ResidualBlock(4 * width, InstanceNorm2d) for _ in range(blocks)),
            *decoder(width),
        )

    def forward(self, x: Tensor, landmarks: Tensor) -> Tensor:
        out: Tensor = self.body(torch.cat([x, heat_maps(landmarks, x.shape[2], x.shape[3])], 1))
        return out
