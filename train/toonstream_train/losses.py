"""Pure functions of tensors. Pictures are (B, 3, H, W) in [-1, 1], logits (B, 1, h, w), results scalars."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, l1_loss, mse_loss, relu, softplus

ADVERSARIAL = ("log", "squares", "hinge")


def judge(kind: str, real: Tensor, fakes: Sequence[Tensor]) -> Tensor:
    """What the discriminator minimises, its logits for real pictures and for each sort of fake given.

    "log" is the original (Goodfellow et al. 2014; CartoonGAN eq. 3 negated), "squares" LSGAN (Mao et al. 2017),
    "hinge" of Lim and Ye 2017.
    """
    if kind == "log":
        return softplus(-real).mean() + sum((softplus(f).mean() for f in fakes), torch.zeros_like(real[0, 0, 0, 0]))
    if kind == "squares":
        return (real - 1).square().mean() + sum((f.square().mean() for f in fakes), torch.zeros_like(real[0, 0, 0, 0]))
    return relu(1 - real).mean() + sum((relu(1 + f).mean() for f in fakes), torch.zeros_like(real[0, 0, 0, 0]))


def fool(kind: str, fake: Tensor) -> Tensor:
    """What the generator minimises; for "log" the non-saturating form -log D of the same fixed point."""
    if kind == "log":
        return softplus(-fake).mean()
    return (fake - 1).square().mean() if kind == "squares" else -fake.mean()


def content(features: Tensor, target: Tensor, norm: str = "l1") -> Tensor:
    """CartoonGAN eq. 4: distance of feature maps; "l2" is its ablation of section 4.3."""
    return l1_loss(features, target) if norm == "l1" else mse_loss(features, target)


def total_variation(x: Tensor) -> Tensor:
    across, down = gradients(x)
    return across.abs().mean() + down.abs().mean()


def colour(x: Tensor, target: Tensor, cell: int = 16) -> Tensor:
    """l1 between means over cells: the colours of a place stay, its texture is free."""
    return l1_loss(avg_pool2d(x, cell), avg_pool2d(target, cell))


def drawing(x: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """l1 on pixels and on their differences, which is where the lines are; weight (B, 1, H, W) says what matters."""
    pixels = ((x - target).abs() * weight).mean()
    lines = sum(
        ((a - b).abs() * weight[:, :, : a.shape[2], : a.shape[3]]).mean()
        for a, b in zip(gradients(x), gradients(target), strict=True)
    )
    return pixels + lines


def steady(x: Tensor, again: Tensor, margin: int = 8) -> Tensor:
    """l1 between two pictures that should be one, away from the border."""
    inner = slice(margin, -margin)
    return l1_loss(x[:, :, inner, inner], again[:, :, inner, inner])


def gradients(x: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbours, across and down."""
    return x[:, :, :, 1:] - x[:, :, :, :-1], x[:, :, 1:] - x[:, :, :-1]


def displacement(found: Tensor, taught: Tensor, weight: Tensor) -> Tensor:
    """Mean distance, in tens of pixels, of places (B, 2, h, w) in pixels from those that were taught.

    weight: (B, 1, H, W), how much each place of the picture counts.
    """
    cells = avg_pool2d(weight, weight.shape[3] // found.shape[3])
    return (cells * (found - taught).abs()).sum() / (20 * cells.sum())


def features_weight(landmarks: Tensor, size: int, strength: float) -> Tensor:
    """(B, 1, size, size): 1, and up to 1 + strength around eyes, nose and mouth. landmarks (B, 5, 2) in pixels."""
    eyes = (landmarks[:, 0] - landmarks[:, 1]).norm(dim=1)[:, None, None, None]
    spots = torch.cat([landmarks[:, :3], landmarks[:, 3:].mean(1, keepdim=True)], 1)
    pixels = torch.arange(size, device=landmarks.device) + 0.5
    across = (pixels - spots[:, :, 0, None]).square()[:, :, None, :]
    down = (pixels - spots[:, :, 1, None]).square()[:, :, :, None]
    near = torch.exp(-(across + down) / (2 * (0.3 * eyes).square()))
    return 1 + strength * near.amax(1, keepdim=True)
