"""The generator for live use, conditional on a chart of the face's features."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from toonstream.faces.chart import FACE, IRIS, LIPS, OPENING, PLANES
from toonstream_train.networks.blocks.initial import zero
from toonstream_train.networks.blocks.layers import Residual, conv, mean_colours, up


class Painter(nn.Module):
    """A U-Net of three scales: width w at 1/2 of the input's resolution, 3w at 1/4, 4w at 1/8.

    Most weights are where places are few: a convolution of 4w channels at 1/8 costs what one of w does at 1/2. Nothing
    works at full resolution: the last layer gives four pixels each. Eyes, which are looked at first, get two layers
    more, on their part of the picture alone. The photo passes through one linear layer and shows as far as a mask says:
    flat skin is paint alone, a background the photo alone. The palette sees the whole face; its colours lie on top. A
    coarser scale ends in a linear layer: behind a ReLU a branch may die. There is no batch norm: with it, colours
    depend on what else is in the batch. Runtimes work on blocks of 16 channels, so a width that is no multiple of 16
    costs as much as the next one that is.

    image (N, 3, H, W) and chart (N, planes, H / 2, W / 2), both in [-1, 1] -> toon (N, 3, H, W) in about that range;
    H and W multiples of 8.
    """

    def __init__(self, width: int = 16, planes: int = len(PLANES)) -> None:
        super().__init__()
        self.architecture = {"name": "painter", "width": width, "planes": planes}
        w, w4, w8 = width, 3 * width, 4 * width
        self.palette = Palette(w4)
        self.image = nn.Conv2d(3, w, 5, 2, 2)
        self.chart = nn.Conv2d(planes, w, 3, padding=1)
        self.to4 = conv(w, w4, stride=2)
        self.at8 = nn.Sequential(conv(w4, w8, stride=2), Residual(w8), Residual(w8), nn.Conv2d(w8, w4, 1))
        self.at4 = nn.Sequential(Residual(w4), conv(w4, w4), nn.Conv2d(w4, w, 1))
        self.at2 = conv(w, w)
        self.paint = nn.Conv2d(w, 12, 3, padding=1)
        self.eyes = nn.Sequential(conv(w, w), conv(w, w), nn.Conv2d(w, 12, 3, padding=1))
        zero(self.eyes[-1])
        self.photo = nn.Conv2d(3, 12, 3, 2, 1)
        self.shown = nn.Conv2d(w, 12, 1)
        nn.init.constant_(self.shown.get_parameter("bias"), 2.0)  # at first most of it

    def forward(self, image: Tensor, chart: Tensor) -> Tensor:
        parts = face_parts(chart)
        fine, gain, colours = self.palette(image, parts)
        x2 = (self.image(image) + self.chart(chart)).relu()
        x4 = self.to4(x2)
        x4 = (x4 + up(self.at8(x4))) * gain + fine
        x2 = self.at2(x2 + up(self.at4(x4)))
        height, width = x2.shape[2:]
        top, bottom, left, right = around_eyes(height, width)
        eyes = self.eyes(x2[:, :, top:bottom, left:right])
        paint = self.paint(x2) + self.shown(x2).sigmoid() * self.photo(image)
        # From here on colours come last, as in the picture that is made of it: runtimes leave their blocks of 16
        # channels for that order at less cost than for another.
        eyes = pad(eyes.permute(0, 2, 3, 1), (0, 0, left, width - right, top, height - bottom))
        tints = parts.flatten(2).transpose(1, 2) @ colours
        return shuffled(paint.permute(0, 2, 3, 1) + eyes + tints.reshape(-1, height, width, 12))


class Palette(nn.Module):
    """The mean colours of a face's parts, mixed: what a painter needs to know of the whole before the first stroke.

    One tone of skin over a whole face, and the colour of an iris of five pixels, are beyond what convolutions find.

    image (N, 3, H, W), parts (N, 5, H / 2, W / 2) of `face_parts` -> what to add to features
    (N, width, 1, 1), what to multiply them by before, and what colour to lay on each part (N, 5, 12): red, green and
    blue for each of a place's four pixels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.Conv2d(36, 48, 1), nn.ReLU(), nn.Conv2d(48, 48, 1), nn.ReLU())
        self.fine, self.gain, self.colours = (nn.Conv2d(48, n, 1) for n in (width, width, 15))
        for layer in (self.fine, self.gain, self.colours):
            zero(layer)

    def forward(self, image: Tensor, parts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        small = image[:, :, ::2, ::2]
        means = mean_colours(small, parts)
        # The skin's light and its shadow, too.
        skin = parts[:, :1]
        light = 12 * (small[:, 1:2] - means[:, :1, 1, None, None])  # green has most of it
        sides = mean_colours(small, torch.cat([skin * light.sigmoid(), skin * (-light).sigmoid()], 1))
        # Blue eyes differ from brown ones by little beside light from dark.
        chroma = 8 * (means - means.mean(2, keepdim=True))
        mixed = self.mix(torch.cat([means, sides, chroma], 1).flatten(1)[..., None, None])
        colours = self.colours(mixed).reshape(-1, 3, 5).transpose(1, 2).repeat(1, 1, 4)
        return self.fine(mixed), 1 + self.gain(mixed), colours


def around_eyes(height: int, width: int) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of where a crop that its landmarks frame has both eyes, in warped faces too."""
    return 5 * height // 16, 10 * height // 16, 3 * width // 16, 13 * width // 16


def shuffled(x: Tensor) -> Tensor:
    """(N, h, w, 2 * 2 * 3) as (N, 3, 2 h, 2 w): rows, columns and colours of each place's four pixels.

    What `pixel_shuffle` does, but runtimes split and join rows at a third of the cost of moving axes.
    """
    n, h, w, _ = x.shape
    rows = [row.reshape(n, h, 1, 6 * w) for row in x.chunk(2, 3)]
    return torch.cat(rows, 2).reshape(n, 2 * h, 2 * w, 3).permute(0, 3, 1, 2)


def face_parts(chart: Tensor) -> Tensor:
    """Skin, brows, whites of the eyes, irises and lips as masks (N, 5, h, w), 0 to 1, by the values of the chart."""
    face, eye, line, mouth = ((chart[:, i : i + 1] + 1) / 2 for i in range(4))
    skin = (2 * face).clamp(max=1) * (1 - (3 * (eye + line + mouth)).clamp(max=1))
    brows = beyond(face, FACE)
    white = (3 * eye).clamp(max=1) * (1 - beyond(eye, OPENING)) * (1 - line)
    iris = beyond(eye, OPENING) * (1 - beyond(eye, IRIS)) * (1 - line)
    lips = (2 * mouth).clamp(max=1) * (1 - beyond(mouth, LIPS))
    return torch.cat([skin, brows, white, iris, lips], 1)


def beyond(plane: Tensor, value: int) -> Tensor:
    """Where a plane (0 to 1) has what lies within the shape of that value, 0 to 255."""
    return (8 * (plane - value / 255)).clamp(0, 1)
