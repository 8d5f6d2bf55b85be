"""CycleGAN's networks (Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation, ICCV 2017, section 7.2)."""

import torch
from torch import Tensor, nn

from toonstream_train.networks.cartoongan import Residual


def norm(width: int) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(width)


class Generator(nn.Module):
    """c7s1-64, d128, d256, nine R256 (for 256 pixels and more), u128, u64, c7s1-3: 11.4 M weights.

    (N, 3, H, W) in [-1, 1] -> the same; H and W multiples of 4.
    """

    def __init__(self, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        self.architecture = {"name": "cyclegan", "width": width, "blocks": blocks}

        def down(a: int, b: int) -> list[nn.Module]:
            return [nn.Conv2d(a, b, 3, stride=2, padding=1), norm(b), nn.ReLU(inplace=True)]

        def up(a: int, b: int) -> list[nn.Module]:
            layer = nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1)
            return [layer, norm(b), nn.ReLU(inplace=True)]

        self.body = nn.Sequential(
            nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect"),
            norm(width),
            nn.ReLU(inplace=True),
            *down(width, 2 * width),
            *down(2 * width, 4 * width),
            *(Residual(4 * width, norm) for _ in range(blocks)),
            *up(4 * width, 2 * width),
            *up(2 * width, width),
            nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


class Discriminator(nn.Module):
    """C64-C128-C256-C512, each logit of a patch of 70 pixels. (N, 3, H, W) in [-1, 1] -> logits (N, 1, h, w)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()

        def conv(a: int, b: int, stride: int = 2) -> list[nn.Module]:
            return [nn.Conv2d(a, b, 4, stride, 1), norm(b), nn.LeakyReLU(0.2, inplace=True)]

        self.body = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            *conv(width, 2 * width),
            *conv(2 * width, 4 * width),
            *conv(4 * width, 8 * width, 1),
            nn.Conv2d(8 * width, 1, 4, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.body(x)
        return logits


class Pool(nn.Module):
    """The last pictures made, for a discriminator that remembers (section 4): a module, so that checkpoints have it."""

    def __init__(self, size: int, side: int) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, 3, side, side))
        self.register_buffer("held", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def forward(self, made: Tensor) -> Tensor:
        """The pictures (N, 3, side, side), each kept, and half of them exchanged for one kept earlier."""
        pictures, held = self.get_buffer("pictures"), self.get_buffer("held")
        out = []
        for picture in made.detach():
            count = int(held)
            if count < len(pictures):
                pictures[count] = picture
                held += 1
                out.append(picture)
                continue
            # torch's numbers, whose state is in every checkpoint
            place = int(torch.randint(0, 2 * len(pictures), ()))
            if place < len(pictures):
                out.append(pictures[place].clone())
                pictures[place] = picture
            else:
                out.append(picture)
        return torch.stack(out)
