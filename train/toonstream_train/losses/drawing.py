"""Losses against a teacher's drawing of the same photo."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from toonstream_train.losses.total import total
from toonstream_train.networks.blocks.layers import mean_colours


def drawing(x: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """l1 on pixels and on their gradients, which is where the lines are; weight (B, 1, H, W)."""
    off = x - target  # and its gradients are those of x less those of the target
    pixels = (off.abs() * weight).mean()
    lines = sum((a.abs() * weight[:, :, : a.shape[2], : a.shape[3]]).mean() for a in gradients(off))
    return pixels + lines


def local_contrast(x: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """l1 between mean absolute gradients in windows of 8 pixels: how much is drawn near each place, wherever it lies.

    Where a line's place is not sure, l1 on pixels prefers none, or a blurred one. x, target (B, C, H, W), weight
    (B, 1, H, W).
    """
    losses = []
    for a, b in zip(gradients(x), gradients(target), strict=True):
        where = weight[:, :, : a.shape[2], : a.shape[3]]
        near = avg_pool2d(torch.cat([a.abs() - b.abs(), where], 1), 8, 4)
        losses.append((near[:, :-1].abs() * near[:, -1:]).mean())
    return total(losses)


def tones(x: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """l1 between means in windows of 16 pixels: colours of hair and skin, which small errors of one sign add up to.

    x, target (B, C, H, W), weight (B, 1, H, W).
    """
    return avg_pool2d((x - target) * weight, 16, 8).abs().mean()


def part_colours(x: Tensor, target: Tensor, masks: Tensor) -> Tensor:
    """l1 between mean colours under each mask, and twice that between their chroma: the colour of an iris, of a face.

    Pixel by pixel, l1 prefers the median of what may be: a grey for irises that may be blue or brown. x, target
    (B, 3, H, W), masks (B, K, H / 2, W / 2) in 0 to 1.
    """
    off = mean_colours(avg_pool2d(x - target, 2), masks)
    return off.abs().mean() + 2 * (off - off.mean(2, keepdim=True)).abs().mean()


def gradients(x: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbouring pixels, across and down."""
    return x[:, :, :, 1:] - x[:, :, :, :-1], x[:, :, 1:] - x[:, :, :-1]


def edge_aware_smoothness(x: Tensor, photo: Tensor, edge: float = 0.1) -> Tensor:
    """Mean absolute gradient, weighted by exp(-gradient / edge) of the photo (Godard et al. 2017, section 3.2).

    So x is smooth where the photo is; at the photo's edges lines are free.
    """
    weights = ((-g.abs().mean(1, keepdim=True) / edge).exp() for g in gradients(photo))
    across, down = ((g.abs() * w).mean() for g, w in zip(gradients(x), weights, strict=True))
    return across + down
