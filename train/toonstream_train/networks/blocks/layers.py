"""What the networks for live use are made of."""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from toonstream_train.networks.blocks.initial import zero


def conv(a: int, b: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Zero padding: the cheapest there is, and a crop's border lies outside the matte."""
    return nn.Sequential(nn.Conv2d(a, b, kernel, stride, kernel // 2), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Near the identity at first, which is what batch norm is otherwise needed for."""

    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.Conv2d(width, width, 3, padding=1)
        last.weight.data *= 0.1
        self.body = nn.Sequential(conv(width, width), last)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Context(nn.Module):
    """Adds global context to every place: an artist's tones follow the range of the whole face."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, width, 1)
        zero(self.mix)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.mix(x.mean((2, 3), keepdim=True))
        return out


def up(x: Tensor) -> Tensor:
    """Twice as large, each value four times."""
    return interpolate(x, scale_factor=2.0)


def mean_around(x: Tensor, radius: int) -> Tensor:
    """Means of (N, C, H, W) in squares of that radius, of what lies within the picture. Two passes are far cheaper."""
    down = avg_pool2d(x, (2 * radius + 1, 1), 1, (radius, 0), count_include_pad=False)
    return avg_pool2d(down, (1, 2 * radius + 1), 1, (0, radius), count_include_pad=False)


def mean_colours(image: Tensor, masks: Tensor) -> Tensor:
    """The mean of an image (N, 3, h, w) under each mask (N, k, h, w): (N, k, 3); of the whole where a mask is empty."""
    # So small that no sum leaves the range of fp16.
    weights = (masks + 1e-4).flatten(2) / 64
    return weights @ image.flatten(2).transpose(1, 2) / weights.sum(2, keepdim=True)
