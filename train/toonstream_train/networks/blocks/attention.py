"""Attention by class activation maps (Kim et al.: U-GAT-IT, ICLR 2020, section 2.1.1, after Zhou et al.: CAM, 2016)."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class CAM(nn.Module):
    """An auxiliary classifier tells two domains apart by pooled features, whose weights then weigh the features.

    (N, C, H, W) -> the attended features (N, C, H, W), and logits (N, 2): by the mean, and by the maximum, of each
    channel. spectral: spectral norm in the classifier, as in U-GAT-IT's discriminators.
    """

    def __init__(self, channels: int, activation: nn.Module | None = None, *, spectral: bool = False) -> None:
        super().__init__()
        self.by_mean = nn.Linear(channels, 1, bias=False)
        self.by_maximum = nn.Linear(channels, 1, bias=False)
        if spectral:
            spectral_norm(self.by_mean)
            spectral_norm(self.by_maximum)
        self.mix = nn.Conv2d(2 * channels, channels, 1)
        self.activation = nn.ReLU() if activation is None else activation

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits = torch.cat([self.by_mean(x.mean((2, 3))), self.by_maximum(x.amax((2, 3)))], 1)
        weighted = [x * classifier.weight.view(1, -1, 1, 1) for classifier in (self.by_mean, self.by_maximum)]
        attended: Tensor = self.activation(self.mix(torch.cat(weighted, 1)))
        return attended, logits
