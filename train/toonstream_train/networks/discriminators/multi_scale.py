"""MUNIT's discriminators (Huang et al.: Multimodal Unsupervised Image-to-Image Translation, ECCV 2018, B.2)."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d


class MultiScale(nn.Module):
    """One network of d64, d128, d256, d512 and no norm for the picture, and for each halving of it (Wang et al. 2018).

    (N, 3, H, W) in [-1, 1] -> for each scale, the finest first, logits (N, 1, h, w).
    """

    def __init__(self, width: int = 64, layers: int = 4, scales: int = 3) -> None:
        super().__init__()

        def patches() -> nn.Sequential:
            widths = [3, *(width * 2**i for i in range(layers))]
            stack: list[nn.Module] = []
            for a, b in pairwise(widths):
                stack += [nn.Conv2d(a, b, 4, 2, 1, padding_mode="reflect"), nn.LeakyReLU(0.2, inplace=True)]
            return nn.Sequential(*stack, nn.Conv2d(widths[-1], 1, 1))

        self.scales = nn.ModuleList([patches() for _ in range(scales)])

    def forward(self, x: Tensor) -> list[Tensor]:
        logits = []
        for i, patches in enumerate(self.scales):
            x = avg_pool2d(x, 3, 2, 1, count_include_pad=False) if i else x
            logits.append(patches(x))
        return logits
