"""Lightness and colour, and colours that stay where they are."""

from torch import Tensor
from torch.nn.functional import avg_pool2d, l1_loss

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""


def luma(x: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W): the lightness."""
    return (x * x.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def chroma(x: Tensor) -> Tensor:
    """(B, 3, H, W): the colour without its lightness."""
    return x - luma(x)


def colour(x: Tensor, target: Tensor, cell: int = 16) -> Tensor:
    """l1 between the means of cells of `cell` pixels: the colours of a place stay, its texture is free."""
    return l1_loss(avg_pool2d(x, cell), avg_pool2d(target, cell))
