"""MUNIT's networks (Huang et al.: Multimodal Unsupervised Image-to-Image Translation, ECCV 2018, appendix B.2).

A picture is a content code, (N, 4 width, H / 4, W / 4), and a style code, (N, size).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import InstanceNorm2d

from toonstream_train.networks.blocks import johnson
from toonstream_train.networks.blocks.adain import AdaINResidual
from toonstream_train.networks.blocks.residual import ResidualBlock


def content_encoder(width: int, blocks: int) -> nn.Sequential:
    """c7s1-64, d128, d256, four R256, with instance norm."""
    residuals = (ResidualBlock(4 * width, InstanceNorm2d) for _ in range(blocks))
    return nn.Sequential(*johnson.encoder(width), *residuals)


def style_encoder(width: int, size: int) -> nn.Sequential:
    """c7s1-64, d128, three d256, mean, fc8; without norms, which would take the style away."""

    def down(a: int, b: int) -> list[nn.Module]:
        return [nn.Conv2d(a, b, 4, 2, 1, padding_mode="reflect"), nn.ReLU(inplace=True)]

    w2, w4 = 2 * width, 4 * width
    return nn.Sequential(
        nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect"),
        nn.ReLU(inplace=True),
        *down(width, w2),
        *(layer for a in (w2, w4, w4) for layer in down(a, w4)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(w4, size),
    )


class Decoder(nn.Module):
    """Four R256 with AdaIN, whose parameters a small network makes of the style code; u128, u64, c7s1-3."""

    def __init__(self, width: int, blocks: int, size: int) -> None:
        super().__init__()
        w4 = 4 * width
        self.parameters_of = nn.Sequential(
            nn.Linear(size, w4),
            nn.ReLU(inplace=True),
            nn.Linear(w4, w4),
            nn.ReLU(inplace=True),
            nn.Linear(w4, blocks * 4 * w4),
        )
        self.blocks = nn.ModuleList([AdaINResidual(w4) for _ in range(blocks)])

        def up(a: int, b: int) -> list[nn.Module]:
            layer_norm = nn.GroupNorm(1, b)  # of all channels together: instance norm would undo AdaIN's means
            conv = nn.Conv2d(a, b, 5, padding=2, padding_mode="reflect")
            return [nn.Upsample(scale_factor=2.0), conv, layer_norm, nn.ReLU(inplace=True)]

        self.up = nn.Sequential(
            *up(w4, 2 * width),
            *up(2 * width, width),
            nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        """-> (N, 3, H, W) in [-1, 1]. style: (N, size), or (1, size) for all of them."""
        parameters = self.parameters_of(style).unflatten(1, (len(self.blocks), 4, -1))
        for i, block in enumerate(self.blocks):
            content = block(content, parameters[:, i])
        out: Tensor = self.up(content)
        return out


class MeanCode(nn.Module):
    """Moving average of the codes that it was shown: a module, so that checkpoints and styles hold it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("code", torch.zeros(1, size))
        self.register_buffer("shown", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def show(self, codes: Tensor) -> None:
        """codes: (N, size). Early on it forgets faster: the first codes are worth nothing."""
        code, shown = self.get_buffer("code"), self.get_buffer("shown")
        code.lerp_(codes.mean(0, keepdim=True).to(code), max(0.01, 9 / (10 + float(shown))))
        shown += 1

    def forward(self) -> Tensor:
        """(1, size)."""
        return self.get_buffer("code")


class Generator(nn.Module):
    """A photo's content, drawn in one style: that of the mean code of the cartoons.

    (N, 3, H, W) in [-1, 1] -> the same; H and W multiples of 4. parts: the photos' content encoder, the cartoons'
    decoder and their mean code, where they were trained.
    """

    def __init__(self, width: int = 64, blocks: int = 4, size: int = 8, parts: Sequence[nn.Module] = ()) -> None:
        super().__init__()
        self.architecture = {"name": "munit", "width": width, "blocks": blocks, "size": size}
        self.encoder, self.decoder, self.style = parts or (
            content_encoder(width, blocks),
            Decoder(width, blocks, size),
            MeanCode(size),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.decoder(self.encoder(x), self.style())
        return out
