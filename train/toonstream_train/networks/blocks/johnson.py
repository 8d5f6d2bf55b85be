"""The ends of a translation network after Johnson et al. 2016, with instance norm: what lies between differs."""

from torch import nn
from torch.nn import InstanceNorm2d


def encoder(width: int, channels: int = 3) -> list[nn.Module]:
    """c7s1-w, d2w, d4w in CycleGAN's words: (N, channels, H, W) -> (N, 4 width, H / 4, W / 4)."""

    def down(a: int, b: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 3, stride=2, padding=1), InstanceNorm2d(b), nn.ReLU(inplace=True)]

    first = nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect")
    return [
        first,
        InstanceNorm2d(width),
        nn.ReLU(inplace=True),
        *down(width, 2 * width),
        *down(2 * width, 4 * width),
    ]


def decoder(width: int) -> list[nn.Module]:
    """u2w, uw, c7s1-3: (N, 4 width, H / 4, W / 4) -> (N, 3, H, W) in [-1, 1]."""

    def up(a: int, b: int) -> list[nn.Module]:
        layer = nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1)
        return [layer, InstanceNorm2d(b), nn.ReLU(inplace=True)]

    return [
        *up(4 * width, 2 * width),
        *up(2 * width, width),
        nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"),
        nn.Tanh(),
    ]
