"""U-GAT-IT's discriminator (Kim, Kim, Kang, Lee: U-GAT-IT, ICLR 2020, section 2.1.2 and table 5)."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from toonstream_train.networks.blocks.attention import CAM


class Discriminator(nn.Module):
    """`downs` layers of stride 2 and one of stride 1, attention, the layer of logits; spectral norm throughout.

    5 downs make the global one, 3 the local one. (N, 3, H, W) in [-1, 1], sides of 3 * 2^downs at least -> logits
    (N, 1, h, w), and those of the attention (N, 2).
    """

    def __init__(self, width: int = 64, downs: int = 5) -> None:
        super().__init__()

        def conv(a: int, b: int, stride: int, *, bias: bool = True) -> nn.Module:
            return spectral_norm(nn.Conv2d(a, b, 4, stride, 1, bias=bias, padding_mode="reflect"))

        widths = [3, *(width * 2**i for i in range(downs + 1))]
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise(widths)):
            layers += [conv(a, b, 2 if i < downs else 1), nn.LeakyReLU(0.2, inplace=True)]
        self.body = nn.Sequential(*layers)
        self.attention = CAM(widths[-1], nn.LeakyReLU(0.2), spectral=True)
        self.last = conv(widths[-1], 1, 1, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        attended, by_attention = self.attention(self.body(x))
        return self.last(attended), by_attention
