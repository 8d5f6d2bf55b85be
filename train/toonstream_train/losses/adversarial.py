"""Adversarial losses. Logits are (B, 1, h, w), of any size.

vanilla: Goodfellow et al. 2014. lsgan: Mao et al. 2017. hinge: Lim and Ye 2017.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

FORMS = ("vanilla", "lsgan", "hinge")


def discriminator_loss(form: str, real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """What the discriminator minimises: the mean over its logits of real pictures, plus the mean of each kind of fake.

    With "vanilla" and the fakes [G(p), e] it is CartoonGAN's equation 3, negated.
    """
    zero = torch.zeros((), device=real.device)
    if form == "vanilla":
        return softplus(-real).mean() + sum((softplus(fake).mean() for fake in fakes), zero)
    if form == "lsgan":
        return (real - 1).square().mean() + sum((fake.square().mean() for fake in fakes), zero)
    return relu(1 - real).mean() + sum((relu(1 + fake).mean() for fake in fakes), zero)


def generator_loss(form: str, fake: Tensor) -> Tensor:
    """What the generator minimises; for "vanilla" the non-saturating -log D(G(p)), which has the same fixed point."""
    if form == "vanilla":
        return softplus(-fake).mean()
    return (fake - 1).square().mean() if form == "lsgan" else -fake.mean()
