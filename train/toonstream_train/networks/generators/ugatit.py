"""U-GAT-IT's generator (Kim, Kim, Kang, Lee: U-GAT-IT, ICLR 2020, section 2.1.1 and table 4)."""

from torch import Tensor, nn
from torch.nn import InstanceNorm2d

from toonstream_train.networks.blocks.adalin import LIN, AdaLINResidual
from toonstream_train.networks.blocks.attention import CAM
from toonstream_train.networks.blocks.residual import ResidualBlock


class Generator(nn.Module):
    """Two layers down, `blocks` residual blocks, attention, `blocks` residual blocks with AdaLIN, two layers up.

    Scale and shift of AdaLIN come from the attended features' means, as in its authors' light version, so that every
    size of picture will do; the paper's come from all features, which fixes the size.
    (N, 3, H, W) in [-1, 1] -> the same; H and W multiples of 4.
    """

    def __init__(self, width: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.architecture = {"name": "ugatit", "width": width, "blocks": blocks}
        inner = 4 * width

        def conv(a: int, b: int, kernel: int, stride: int = 1) -> nn.Conv2d:
            return nn.Conv2d(a, b, kernel, stride, kernel // 2, padding_mode="reflect", bias=False)

        def down(a: int, b: int, kernel: int, stride: int) -> list[nn.Module]:
            return [conv(a, b, kernel, stride), InstanceNorm2d(b), nn.ReLU(inplace=True)]

        def up(a: int, b: int) -> list[nn.Module]:
            return [nn.Upsample(scale_factor=2.0), conv(a, b, 3), LIN(b), nn.ReLU(inplace=True)]

        self.encoder = nn.Sequential(
            *down(3, width, 7, 1),
            *down(width, 2 * width, 3, 2),
            *down(2 * width, inner, 3, 2),
            *(ResidualBlock(inner, InstanceNorm2d) for _ in range(blocks)),
        )
        self.attention = CAM(inner)
        self.style = nn.Sequential(
            nn.Linear(inner, inner, bias=False), nn.ReLU(), nn.Linear(inner, inner, bias=False), nn.ReLU()
        )
        self.gamma, self.beta = nn.Linear(inner, inner, bias=False), nn.Linear(inner, inner, bias=False)
        self.residual = nn.ModuleList(AdaLINResidual(inner) for _ in range(blocks))
        self.up = nn.Sequential(*up(inner, 2 * width), *up(2 * width, width), conv(width, 3, 7), nn.Tanh())

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The attended features (N, 4 width, H / 4, W / 4), and the logits (N, 2) that x is of the source domain."""
        attended, logits = self.attention(self.encoder(x))
        return attended, logits

    def decode(self, attended: Tensor) -> Tensor:
        """(N, 3, H, W) from what `encode` gives."""
        style = self.style(attended.mean((2, 3)))
        gamma, beta = self.gamma(style), self.beta(style)
        for block in self.residual:
            attended = block(attended, gamma, beta)
        out: Tensor = self.up(attended)
        return out

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x)[0])
