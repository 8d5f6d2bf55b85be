"""UNIT's encoders and decoders (Liu, Breuel, Kautz: Unsupervised Image-to-Image Translation Networks, NIPS 2017).

Each domain has an encoder and a decoder; what lies nearest to the latent code is shared by both domains.
"""

from collections.abc import Sequence

from torch import nn
from torch.nn import InstanceNorm2d

from toonstream_train.networks.blocks import johnson
from toonstream_train.networks.blocks.residual import ResidualBlock


def encoder(width: int, blocks: int) -> nn.Sequential:
    """Of one domain: c7s1-64, d128, d256, three R256. (N, 3, H, W) in [-1, 1] -> (N, 4 width, H / 4, W / 4)."""
    return nn.Sequential(*johnson.encoder(width), *residuals(width, blocks))


def shared(width: int) -> nn.Sequential:
    """Of both domains, before or after the latent code: one R256."""
    return nn.Sequential(*residuals(width, 1))


def decoder(width: int, blocks: int) -> nn.Sequential:
    """Of one domain: three R256, u128, u64, c7s1-3."""
    return nn.Sequential(*residuals(width, blocks), *johnson.decoder(width))


def residuals(width: int, blocks: int) -> list[nn.Module]:
    return [ResidualBlock(4 * width, InstanceNorm2d) for _ in range(blocks)]


class Generator(nn.Sequential):
    """A photo's encoder, the two shared parts, and the cartoons' decoder: what draws.

    (N, 3, H, W) in [-1, 1] -> the same; H and W multiples of 4. parts: those four, where they were trained.
    """

    def __init__(self, width: int = 64, blocks: int = 3, parts: Sequence[nn.Module] = ()) -> None:
        fresh = () if parts else (encoder(width, blocks), shared(width), shared(width), decoder(width, blocks))
        super().__init__(*parts, *fresh)
        self.architecture = {"name": "unit", "width": width, "blocks": blocks}
