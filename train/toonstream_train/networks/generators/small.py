"""The family of small generators: plain convolutions and one mean, for live use on a CPU."""

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

from toonstream_train.networks.blocks.layers import Context, Residual, conv, up
from toonstream_train.networks.blocks.tones import Tones


class Small(nn.Module):
    """A U of four scales: width w, which is even, at 1/2 of the input's resolution, 1.5w at 1/4, 3w at 1/8, 6w at 1/16.

    Each scale costs about as much as the next; the coarse ones know what is hair and what is cheek, the sums across
    keep lines crisp. Nothing works at full resolution, where a convolution costs most: the last gives four pixels each.
    Colours pass straight through a linear layer, so that the rest learns only what an artist would change. There
    is no batch norm, with which colours depend on what else is in the batch.
    (N, 3, H, W) in [-1, 1] -> about the same range; H and W multiples of 16.
    """

    def __init__(self, width: int = 16, *, tones: bool = False) -> None:
        """tones: lightness in steps."""
        super().__init__()
        self.architecture = {"name": "small", "width": width, "tones": tones}
        w2, w4, w8 = 3 * width // 2, 3 * width, 6 * width
        self.to2 = conv(3, width, 5, 2)
        self.to4 = nn.Sequential(conv(width, w2, stride=2), conv(w2, w2))
        self.to8 = nn.Sequential(conv(w2, w4, stride=2), Residual(w4))
        self.to16 = nn.Sequential(conv(w4, w8, stride=2), Residual(w8), Context(w8), conv(w8, w4))
        self.at8 = nn.Sequential(Residual(w4), conv(w4, w2))
        self.at4 = nn.Sequential(conv(w2, w2), conv(w2, width))
        self.at2 = nn.Sequential(conv(width, width), nn.Conv2d(width, 12, 3, padding=1))
        self.colour = nn.Conv2d(3, 12, 4, 2, 1)
        self.tones = Tones() if tones else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x2 = self.to2(x)
        x4 = self.to4(x2)
        x8 = self.to8(x4)
        x8 = self.at8(x8 + up(self.to16(x8)))
        x4 = self.at4(x4 + up(x8))
        out: Tensor = self.tones(pixel_shuffle(self.at2(x2 + up(x4)) + self.colour(x), 2))
        return out
