"""CycleGAN's discriminator (Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation, ICCV 2017, section 7.2)."""

from torch import Tensor, nn
from torch.nn import InstanceNorm2d


class Discriminator(nn.Module):
    """C64-C128-C256-C512, each logit of a patch of 70 pixels. (N, 3, H, W) in [-1, 1] -> logits (N, 1, h, w)."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()

        def conv(a: int, b: int, stride: int = 2) -> list[nn.Module]:
            return [nn.Conv2d(a, b, 4, stride, 1), InstanceNorm2d(b), nn.LeakyReLU(0.2, inplace=True)]

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
