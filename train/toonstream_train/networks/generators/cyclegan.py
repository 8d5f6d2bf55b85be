"""CycleGAN's generator (Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation, ICCV 2017, section 7.2)."""

from torch import Tensor, nn
from torch.nn import InstanceNorm2d

from toonstream_train.networks.blocks.johnson import decoder, encoder
from toonstream_train.networks.blocks.residual import ResidualBlock


class Generator(nn.Module):
    """c7s1-64, d128, d256, nine R256 (for 256 pixels and more), u128, u64, c7s1-3: 11.4 M weights.

    (N, 3, H, W) in [-1, 1] -> the same; H and W multiples of 4.
    """

    def __init__(self, width: int = 64, blocks: int = 9) -> None:
        super().__init__()
        self.architecture = {"name": "cyclegan", "width": width, "blocks": blocks}
        self.body = nn.Sequential(
            *encoder(width),
            *(ResidualBlock(4 * width, InstanceNorm2d) for _ in range(blocks)),
            *decoder(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out

    @property
    def middle(self) -> int:
        """How many layers of the body are its encoder: all down to, and with, half of the residual blocks."""
        return (len(self.body) + 1) // 2

    def encode(self, x: Tensor) -> Tensor:
        """The embedding, (N, 4 width, H / 4, W / 4)."""
        embedding: Tensor = self.body[: self.middle](x)
        return embedding

    def decode(self, embedding: Tensor) -> Tensor:
        """From the embedding to the picture: decode(encode(x)) is forward(x)."""
        out: Tensor = self.body[self.middle :](embedding)
        return out
