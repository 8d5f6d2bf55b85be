"""The generator for live use, conditional on a chart of the face's features."""

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

from toonstream_train.networks.blocks.layers import Context, Residual, conv, up


class Painter(nn.Module):
    """A U-Net of four scales: width w at 1/2 and 1/4 of the input's resolution, 2w at 1/8, 4w at 1/16.

    Nothing works at full resolution, where a convolution costs most: the last layer gives four pixels each. Colours
    also pass straight through linear layers, so that the rest learns only what a painter would change. There is no
    batch norm: with it, colours depend on what else is in the batch. Runtimes work on blocks of 16 channels, so a width
    that is no multiple of 16 costs as much as the next one that is.

    image (N, 3, H, W) and chart (N, planes, H / 2, W / 2), both in [-1, 1] -> toon (N, 3, H, W) in about that range;
    H and W multiples of 16.
    """

    def __init__(self, width: int = 16, planes: int = 6) -> None:
        super().__init__()
        self.architecture = {"name": "painter", "width": width, "planes": planes}
        w, w8, w16, out = width, 2 * width, 4 * width, max(width, 12)
        self.image = nn.Conv2d(3, w, 5, 2, 2)
        self.chart = nn.Conv2d(planes, w, 3, padding=1)
        self.colour = nn.Conv2d(3, out, 3, 2, 1)
        self.to4 = nn.Sequential(conv(w, w, stride=2), conv(w, w))
        self.to8 = nn.Sequential(conv(w, w8, stride=2), Residual(w8))
        self.to16 = nn.Sequential(conv(w8, w16, stride=2), Residual(w16), Context(w16), Residual(w16), conv(w16, w8))
        self.at8 = nn.Sequential(Residual(w8), conv(w8, w))
        self.at4 = nn.Sequential(conv(w, w), conv(w, w))
        self.at2 = nn.Sequential(conv(w, w), nn.Conv2d(w, out, 3, padding=1))

    def forward(self, image: Tensor, chart: Tensor) -> Tensor:
        x2 = (self.image(image) + self.chart(chart)).relu()
        x4 = self.to4(x2)
        x8 = self.to8(x4)
        x8 = self.at8(x8 + up(self.to16(x8)))
        x4 = self.at4(x4 + up(x8))
        toon = self.at2(x2 + up(x4)) + self.colour(image)
        return pixel_shuffle(toon[:, :12], 2)
