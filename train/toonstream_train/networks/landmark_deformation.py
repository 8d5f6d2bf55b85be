"""PDA's Landmark Deformation Network (Xiao et al., section 3.1.2). Points are in shares of the crop's side."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from toonstream_train.networks.blocks.initial import zero


def mlp(inputs: int, outputs: int, width: int, layers: int) -> nn.Sequential:
    """`layers` linear layers, ReLU between them."""
    widths = [inputs, *[width] * (layers - 1)]
    hidden = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


class Generator(nn.Module):
    """12 layers: a contour (B, points, 2) -> where its points come to lie. It begins as the identity."""

    def __init__(self, points: int = 17, width: int = 128, layers: int = 12) -> None:
        super().__init__()
        self.body = mlp(2 * points, 2 * points, width, layers)
        zero(self.body[-1])

    def forward(self, contour: Tensor) -> Tensor:
        moves = exactly(self.body, contour)
        return contour + moves.view_as(contour)


class Discriminator(nn.Module):
    """7 layers: a contour (B, points, 2) -> the logit (B, 1) that it is real."""

    def __init__(self, points: int = 17, width: int = 128, layers: int = 7) -> None:
        super().__init__()
        self.body = mlp(2 * points, 1, width, layers)

    def forward(self, contour: Tensor) -> Tensor:
        return exactly(self.body, contour)


def exactly(body: nn.Module, contour: Tensor) -> Tensor:
    """In float32, whatever else is in use: bf16 cannot tell one pixel from the next."""
    with torch.autocast(contour.device.type, enabled=False):
        out: Tensor = body(2 * contour.float().flatten(1) - 1)
        return out
