"""Content: distances between feature maps."""

from typing import Literal

from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

Norm = Literal["l1", "l2"]


def content(features: Tensor, target: Tensor, norm: Norm = "l1") -> Tensor:
    """CartoonGAN, equation 4, as a mean; "l2" is the ablation of its section 4.3."""
    return l1_loss(features, target) if norm == "l1" else mse_loss(features, target)
