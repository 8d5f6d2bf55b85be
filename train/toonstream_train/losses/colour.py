"""Colours that stay where they are."""

from torch import Tensor
from torch.nn.functional import avg_pool2d, l1_loss


def colour(x: Tensor, target: Tensor, cell: int = 16) -> Tensor:
    """l1 between the means of cells of `cell` pixels: the colours of a place stay, its texture is free."""
    return l1_loss(avg_pool2d(x, cell), avg_pool2d(target, cell))
