"""Attention by class activation maps (Kim et al.: U-GAT-IT, ICLR 2020, section 2.2)."""

from torch import Tensor

from toonstream_train.losses.adversarial import discriminator_loss


def cam_loss(source: Tensor, target: Tensor) -> Tensor:
    """-log eta(x) for pictures of the source domain and -log(1 - eta(x)) for those of the target; logits of eta."""
    return discriminator_loss("vanilla", source, [target])
