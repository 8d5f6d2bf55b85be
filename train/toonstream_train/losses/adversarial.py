"""Adversarial losses. Logits are (B, 1, h, w), of any size.

vanilla: Goodfellow et al. 2014. lsgan: Mao et al. 2017. hinge: Lim and Ye 2017. wasserstein: Arjovsky et al. 2017.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from toonstream_train.losses.total import total

Form = Literal["vanilla", "lsgan", "hinge", "wasserstein"]


def discriminator_loss(form: Form, real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """What the discriminator minimises: the mean over its logits of real pictures, plus the mean of each kind of fake.

    With "vanilla" and the fakes [G(p), e] it is CartoonGAN's equation 3, negated.
    """
    if form == "vanilla":
        of_each = [softplus(-real), *(softplus(fake) for fake in fakes)]
    elif form == "lsgan":
        of_each = [(real - 1).square(), *(fake.square() for fake in fakes)]
    elif form == "wasserstein":
        of_each = [-real, *fakes]
    else:
        of_each = [relu(1 - real), *(relu(1 + fake) for fake in fakes)]
    return total(values.mean() for values in of_each)


def generator_loss(form: Form, fake: Tensor) -> Tensor:
    """What the generator minimises; for "vanilla" the non-saturating -log D(G(p)), which has the same fixed point."""
    if form == "vanilla":
        return softplus(-fake).mean()
    return (fake - 1).square().mean() if form == "lsgan" else -fake.mean()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixture: Tensor) -> Tensor:
    """Mean of (|gradient of the critic| - 1)^2 between real and fake pictures (Gulrajani et al. 2017, equation 3).

    mixture: (B, 1, 1, 1) in 0 to 1, the share of the real one. A critic's value of a picture is its mean logit.
    """
    between = (mixture * real + (1 - mixture) * fake).detach().requires_grad_()
    values = critic(between).flatten(1).mean(1)
    (gradient,) = torch.autograd.grad(values.sum(), between, create_graph=True)
    norms: Tensor = torch.linalg.vector_norm(gradient.float().flatten(1), dim=1)
    return (norms - 1).square().mean()
