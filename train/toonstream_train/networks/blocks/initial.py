"""What weights begin with."""

from torch import nn


def zero(layer: nn.Module) -> None:
    """Zeros, so that the layer adds nothing at first."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def gaussian(layer: nn.Module) -> None:
    """For `network.apply`: weights from a Gaussian of deviation 0.02 (CycleGAN's paper, section 7.2)."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def kaiming(layer: nn.Module) -> None:
    """For `network.apply`: weights from a Gaussian of deviation sqrt(2 / inputs) (He et al. 2015)."""
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
