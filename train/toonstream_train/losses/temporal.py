"""Temporal consistency: the same face, drawn the same in the next frame."""

from torch import Tensor
from torch.nn.functional import l1_loss


def temporal_consistency(x: Tensor, again: Tensor, margin: int = 8) -> Tensor:
    """l1 between two pictures that should be equal, leaving out `margin` pixels at the border."""
    inner = slice(margin, -margin)
    return l1_loss(x[:, :, inner, inner], again[:, :, inner, inner])
