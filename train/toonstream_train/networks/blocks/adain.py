"""Adaptive instance normalization (Huang and Belongie 2017), as in MUNIT (Huang et al., ECCV 2018, section 5.1)."""

from torch import Tensor, nn
from torch.nn.functional import instance_norm

from toonstream_train.networks.blocks.residual import reflected


def adain(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """gamma (x - mean) / deviation + beta, of each channel of each picture. x: (N, C, H, W); gamma, beta: (N, C)."""
    return instance_norm(x) * gamma[:, :, None, None] + beta[:, :, None, None]


class AdaINResidual(nn.Module):
    """A residual block whose two norms take scale and shift from outside, each its own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = reflected(channels), reflected(channels)

    def forward(self, x: Tensor, parameters: Tensor) -> Tensor:
        """x: (N, C, H, W). parameters: (N, 4, C), gamma and beta of the first norm, then of the second."""
        inner = adain(self.first(x), parameters[:, 0], parameters[:, 1]).relu()
        return x + adain(self.second(inner), parameters[:, 2], parameters[:, 3])
