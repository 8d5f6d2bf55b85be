"""CP-GAN's generator: the transformer network of Johnson et al. 2016 (Huang et al.: CP-GAN, section 4.1)."""

from functools import partial

from torch import Tensor, nn
from torch.nn import InstanceNorm2d

from toonstream_train.networks.blocks.residual import ResidualBlock

Norm = partial(InstanceNorm2d, affine=True)


class Generator(nn.Module):
    """k9n32s1, k3n64s2, k3n128s2, five residual blocks, two up-samplings to n64 and n32, k9n3: 1.7 M weights.

    (N, 3, H, W) in [-1, 1] -> about the same, unbounded; H and W multiples of 4. Norms have scale and shift; up is by
    repeating pixels before a convolution.
    """

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        self.architecture = {"name": "cp_gan", "width": width, "blocks": blocks}

        def conv(a: int, b: int, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
            return nn.Conv2d(a, b, kernel, stride, kernel // 2, padding_mode="reflect")

        def normed(b: int) -> list[nn.Module]:
            return [Norm(b), nn.ReLU(inplace=True)]

        w2, w4 = 2 * width, 4 * width
        self.body = nn.Sequential(
            *(conv(3, width, 9), *normed(width)),
            *(conv(width, w2, stride=2), *normed(w2)),
            *(conv(w2, w4, stride=2), *normed(w4)),
            *(ResidualBlock(w4, Norm) for _ in range(blocks)),
            *(nn.Upsample(scale_factor=2), conv(w4, w2), *normed(w2)),
            *(nn.Upsample(scale_factor=2), conv(w2, width), *normed(width)),
            conv(width, 3, 9),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out
