"""CartoonGAN's generator and discriminator (Chen, Lai, Liu: CartoonGAN, CVPR 2018, section 3.1 and figure 2)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from toonstream_train.networks.blocks.norm import BatchNorm


class Residual(nn.Module):
    """Two convolutions and the element-wise sum (Johnson et al. 2016); the ReLU after the first alone."""

    def __init__(self, width: int, norm: Callable[[int], nn.Module] = BatchNorm) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=False),
            norm(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=False),
            norm(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Generator(nn.Module):
    """Flat k7n64s1, down to n128 and n256, `blocks` residual blocks, up to n128 and n64, k7n3: 11.1 M weights.

    (N, 3, H, W) in [-1, 1] -> the same; H and W multiples of 4.
    """

    def __init__(self, width: int = 64, blocks: int = 8) -> None:
        super().__init__()
        self.architecture = {"name": "cartoongan", "width": width, "blocks": blocks}

        def flat(a: int, b: int) -> list[nn.Module]:
            return [nn.Conv2d(a, b, 3, padding=1, bias=False), BatchNorm(b), nn.ReLU(inplace=True)]

        def down(a: int, b: int) -> list[nn.Module]:
            return [nn.Conv2d(a, b, 3, stride=2, padding=1), *flat(b, b)]

        def up(a: int, b: int) -> list[nn.Module]:
            return [nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1), *flat(b, b)]

        self.body = nn.Sequential(
            nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect", bias=False),
            BatchNorm(width),
            nn.ReLU(inplace=True),
            *down(width, 2 * width),
            *down(2 * width, 4 * width),
            *(Residual(4 * width) for _ in range(blocks)),
            *up(4 * width, 2 * width),
            *up(2 * width, width),
            nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


class Discriminator(nn.Module):
    """Patch level: k3n32s1; k3n64s2, k3n128s1; k3n128s2, k3n256s1; k3n256s1; k3n1; leaky ReLU 0.2.

    (N, 3, H, W) in [-1, 1] -> logits (N, 1, H/4, W/4). With `spectral` every layer is held to Lipschitz 1 (Miyato et
    al. 2018), in place of batch norm. With `beside` it is given a photo as well, of what each picture shows, and judges
    both together.
    """

    def __init__(self, width: int = 32, *, spectral: bool = False, beside: bool = False) -> None:
        super().__init__()

        def conv(a: int, b: int, stride: int = 1, *, normed: bool = True) -> list[nn.Module]:
            layer = nn.Conv2d(a, b, 3, stride=stride, padding=1)
            if spectral:
                return [spectral_norm(layer), nn.LeakyReLU(0.2, inplace=True)]
            return [layer, *([BatchNorm(b)] if normed else []), nn.LeakyReLU(0.2, inplace=True)]

        last = nn.Conv2d(8 * width, 1, 3, padding=1)
        self.body = nn.Sequential(
            *conv(6 if beside else 3, width, normed=False),
            *conv(width, 2 * width, 2, normed=False),
            *conv(2 * width, 4 * width),
            *conv(4 * width, 4 * width, 2, normed=False),
            *conv(4 * width, 8 * width),
            *conv(8 * width, 8 * width),
            spectral_norm(last) if spectral else last,
        )

    def forward(self, x: Tensor, photo: Tensor | None = None) -> Tensor:
        logits: Tensor = self.body(x if photo is None else torch.cat([x, photo], 1))
        return logits
