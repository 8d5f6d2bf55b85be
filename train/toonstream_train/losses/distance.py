"""Distances between pictures, which a translation is to keep (Benaim and Wolf: One-Sided Unsupervised Domain Mapping,
NIPS 2017, section 3)."""

from collections.abc import Callable

import torch
from torch import Tensor

Distances = Callable[[Tensor], Tensor]
"""Pictures (B, 3, H, W) -> one distance each, or one for each pair of them."""


def between_pictures(pictures: Tensor) -> Tensor:
    """Mean absolute difference of every pair: (B (B - 1) / 2,)."""
    first, second = torch.triu_indices(len(pictures), len(pictures), 1, device=pictures.device)
    return (pictures[first] - pictures[second]).abs().mean((1, 2, 3))


def between_halves(pictures: Tensor) -> Tensor:
    """The self-distance: mean absolute difference of each picture's left and right half, (B,)."""
    left, right = pictures.chunk(2, 3)
    return (left - right).abs().mean((1, 2, 3))


def standardised(distances: Tensor, of: tuple[Tensor, Tensor]) -> Tensor:
    """In deviations from the mean of their domain; of: that mean and deviation."""
    mean, deviation = of
    return (distances - mean) / deviation


def distance_loss(
    before: Tensor, after: Tensor, source: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]
) -> Tensor:
    """Mean of |(d(x_i, x_j) - mu_A) / sigma_A - (d(G(x_i), G(x_j)) - mu_B) / sigma_B|.

    before, after: distances in the photos, and between what was made of them. source, target: mean and deviation of
    the distances in either domain.
    """
    return (standardised(before, source) - standardised(after, target)).abs().mean()
