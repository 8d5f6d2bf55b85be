"""Adaptive Layer-Instance Normalization (Kim et al.: U-GAT-IT, ICLR 2020, section 2.1.1, equation 1)."""

import torch
from torch import Tensor, nn

from toonstream_train.networks.blocks.residual import reflected

EPSILON = 1e-5


class Gated(nn.Module):
    """Between instance norm and layer norm, by a learned gate rho for each channel: 1 is instance norm, 0 layer norm.

    The gate stays within [0, 1] by `clip_gates` after every update, as in the paper: a clamp in here would give a gate
    at its bound no gradient, and it would stay there.
    """

    def __init__(self, channels: int, gate: float) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.full((channels,), gate))

    def normalised(self, x: Tensor) -> Tensor:
        """(N, C, H, W), in float32 whatever x is: a layer has more values than half floats can sum."""
        variance, mean = torch.var_mean(x.float(), (2, 3), correction=0, keepdim=True)
        # moments of the layer are those of its channels, taken together
        layer_mean = mean.mean(1, keepdim=True)
        layer_variance = variance.mean(1, keepdim=True) + (mean - layer_mean).square().mean(1, keepdim=True)
        instance = (x.float() - mean) * torch.rsqrt(variance + EPSILON)
        layer = (x.float() - layer_mean) * torch.rsqrt(layer_variance + EPSILON)
        rho = self.rho.float()[:, None, None]
        return rho * instance + (1 - rho) * layer


class AdaLIN(Gated):
    """Scale and shift come from outside; it begins near instance norm."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 0.9)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """x: (N, C, H, W). gamma, beta: (N, C)."""
        scaled = self.normalised(x) * gamma.float()[:, :, None, None] + beta.float()[:, :, None, None]
        return scaled.to(x.dtype)


class LIN(Gated):
    """With scale and shift of its own, for the layers that bring the picture up; it begins as layer norm."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 0.0)
        self.gamma, self.beta = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        scaled = self.normalised(x) * self.gamma.float()[:, None, None] + self.beta.float()[:, None, None]
        return scaled.to(x.dtype)


class AdaLINResidual(nn.Module):
    """A residual block whose norms take scale and shift from outside; they begin near instance norm."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = reflected(channels), reflected(channels)
        self.norms = nn.ModuleList([AdaLIN(channels), AdaLIN(channels)])

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """x: (N, C, H, W). gamma, beta: (N, C)."""
        first, second = self.norms
        out: Tensor = x + second(self.second(first(self.first(x), gamma, beta).relu()), gamma, beta)
        return out


@torch.no_grad()
def clip_gates(network: nn.Module) -> None:
    """Bring every gate of the network back into [0, 1]: the bound of equation 1, imposed after an update."""
    for module in network.modules():
        if isinstance(module, Gated):
            module.rho.clamp_(0, 1)
