"""Variational autoencoders (Kingma and Welling 2014)."""

from torch import Tensor


def kl_to_standard_normal(mean: Tensor) -> Tensor:
    """KL divergence of N(mean, 1) from N(0, 1), mean^2 / 2: its mean over pictures, channels and places."""
    return mean.square().mean() / 2
