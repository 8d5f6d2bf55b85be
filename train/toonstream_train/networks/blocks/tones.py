"""Flat tones by construction: a generator's lightness in steps, as a cel is painted."""

import torch
from torch import Tensor, nn

LUMA = (0.299, 0.587, 0.114)
SPREAD = 0.6  # a step in deviations of the face's lightness: some five tones on a face
SMALLEST, LARGEST = 0.08, 0.28  # a step, where 2 is from black to white
EDGE = 0.25  # share of a step over which one tone goes over into the next: no flicker, no jagged contours


class Tones(nn.Module):
    """(N, 3, H, W) in [-1, 1] -> the same picture, its lightness in soft steps that follow the face's own range.

    The middle of the crop says what that is; its mean lies amid a tone, so that most of a cheek is of one. A regression
    cannot learn such steps: where a contour is uncertain by some pixels, it draws the gradient between its places.
    Gradients pass as if there were no steps, so that training moves the lightness beneath.
    """

    def forward(self, x: Tensor) -> Tensor:
        light = (x * x.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        h, w = light.shape[2:]
        face = light[:, :, h // 4 : h - h // 4, w // 4 : w - w // 4]
        mean = face.mean((2, 3), keepdim=True)
        deviation = (face - mean).square().mean((2, 3), keepdim=True).sqrt()
        step = (SPREAD * deviation).clamp(SMALLEST, LARGEST)
        position = (light - mean) / step
        whole = torch.floor(position)
        rise = ((position - whole - 0.5) / EDGE + 0.5).clamp(0, 1)
        flat = mean + step * (whole + rise * rise * (3 - 2 * rise))
        out: Tensor = x + (flat - light).detach()
        return out
