"""The residual block of CartoonGAN and CycleGAN."""

from collections.abc import Callable

from torch import Tensor, nn

from toonstream_train.networks.blocks.norm import BatchNorm


class ResidualBlock(nn.Module):
    """Two convolutions and the element-wise sum (Johnson et al. 2016); the ReLU after the first alone."""

    def __init__(self, width: int, norm: Callable[[int], nn.Module] = BatchNorm) -> None:
        super().__init__()
        self.body = nn.Sequential(
            reflected(width),
            norm(width),
            nn.ReLU(inplace=True),
            reflected(width),
            norm(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


def reflected(width: int) -> nn.Conv2d:
    """A convolution of 3x3 before a norm, padded by reflection."""
    return nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=False)
