"""CartoonGAN's discriminator (Chen, Lai, Liu: CartoonGAN, CVPR 2018, section 3.1 and figure 2)."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from toonstream_train.networks.blocks.norm import BatchNorm


class Discriminator(nn.Module):
    """Patch level: k3n32s1; k3n64s2, k3n128s1; k3n128s2, k3n256s1; k3n256s1; k3n1; leaky ReLU 0.2.

    (N, 3, H, W) in [-1, 1] -> logits (N, 1, H / 4, W / 4). spectral: spectral norm (Miyato et al. 2018) in every layer,
    instead of batch norm. conditional: it sees a second picture of the same size beside each, its photo.
    """

    def __init__(self, width: int = 32, *, spectral: bool = False, conditional: bool = False) -> None:
        super().__init__()

        def conv(a: int, b: int, stride: int = 1, *, normed: bool = True) -> list[nn.Module]:
            layer = nn.Conv2d(a, b, 3, stride=stride, padding=1)
            if spectral:
                return [spectral_norm(layer), nn.LeakyReLU(0.2, inplace=True)]
            return [layer, *([BatchNorm(b)] if normed else []), nn.LeakyReLU(0.2, inplace=True)]

        last = nn.Conv2d(8 * width, 1, 3, padding=1)
        self.body = nn.Sequential(
            *conv(6 if conditional else 3, width, normed=False),
            *conv(width, 2 * width, 2, normed=False),
            *conv(2 * width, 4 * width),
            *conv(4 * width, 4 * width, 2, normed=False),
            *conv(4 * width, 8 * width),
            *conv(8 * width, 8 * width),
            spectral_norm(last) if spectral else last,
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        logits: Tensor = self.body(x if condition is None else torch.cat([x, condition], 1))
        return logits
