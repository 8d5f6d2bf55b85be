"""The parts of a face that local discriminators look at, by the face's five landmarks in pixels, (B, 5, 2)."""

import torch
from torch import Tensor

EYES, MOUTH = 40, 88
"""Rows of eyes and mouth in a crop of 128 pixels aligned as for Light CNN, which CP-GAN's are taken to be: its patches
are rows 16 to 48, 48 to 80 and 80 to 112."""


def bands(pictures: Tensor, landmarks: Tensor) -> Tensor:
    """CP-GAN, figure 3: eyes with brows, nose, and mouth, each padded in its place to the picture's size.

    (B, C, H, W) -> (3 B, C, H, W), each picture's three one after the other. They are as wide as the picture, of equal
    height, and lie between eyes and mouth as the paper's do; what is padded is 0, so that gradients come from the patch
    alone.
    """
    eyes, mouth = landmarks[:, :2, 1].mean(1), landmarks[:, 3:, 1].mean(1)
    row = (mouth - eyes) / (MOUTH - EYES)  # of the paper's rows, in pixels
    height = (32 * row).round()
    tops = (eyes - (EYES - 16) * row).round()[:, None] + height[:, None] * torch.arange(3, device=row.device)
    rows = torch.arange(pictures.shape[2], device=row.device)
    inside = (rows >= tops[:, :, None]) & (rows < tops[:, :, None] + height[:, None, None])
    return (pictures[:, None] * inside[:, :, None, :, None]).flatten(0, 1)
