"""CartoonGAN's generator (Chen, Lai, Liu: CartoonGAN, CVPR 2018, section 3.1 and figure 2)."""

from torch import Tensor, nn

from toonstream_train.networks.blocks.norm import BatchNorm
from toonstream_train.networks.blocks.residual import ResidualBlock


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
            *(ResidualBlock(4 * width) for _ in range(blocks)),
            *up(4 * width, 2 * width),
            *up(2 * width, width),
            nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out
