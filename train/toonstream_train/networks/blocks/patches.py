"""The parts of a face that local discriminators look at, by the face's five landmarks in pixels, (B, 5, 2)."""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

EYES, MOUTH = 40, 88
"""Rows of eyes and mouth in a crop of 128 pixels aligned as for Light CNN, which CP-GAN's are taken to be: its patches
are rows 16 to 48, 48 to 80 and 80 to 112."""
PARTS = {"eyes": (32, 32), "nose": (28, 24), "mouth": (23, 40)}
"""Height and width of Landmark Assisted CycleGAN's patches (section 3.3.2), in pictures of 128 pixels."""


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


def parts(pictures: Tensor, landmarks: Tensor) -> dict[str, Tensor]:
    """Landmark Assisted CycleGAN's: both eyes, side by side; the nose; the mouth, from corner to corner.

    (B, C, S, S) -> by the names of PARTS (B, C, h, w), of sizes that grow with S. Gradients pass to the pictures, none
    to the landmarks.
    """
    landmarks, side = landmarks.detach(), pictures.shape[3]
    eye, nose, mouth = ((round(h * side / 128), round(w * side / 128)) for h, w in PARTS.values())
    corners = landmarks[:, 3:]
    between = (corners[:, 1, 0] - corners[:, 0, 0]).clamp(min=mouth[1] / 4)  # both may have been found in one place
    return {
        "eyes": torch.cat([cut(pictures, landmarks[:, i], eye) for i in (0, 1)], 3),
        "nose": cut(pictures, landmarks[:, 2], nose),
        "mouth": cut(pictures, corners.mean(1), mouth, between / mouth[1]),
    }


def cut(pictures: Tensor, centres: Tensor, size: tuple[int, int], scale: Tensor | None = None) -> Tensor:
    """Patches (B, C, *size) around centres (B, 2). scale: (B,), the picture's pixels for each of the patch's, or 1."""
    (height, width), (h, w) = size, pictures.shape[2:]
    scale = centres.new_ones(len(centres)) if scale is None else scale
    shares = scale[:, None] * scale.new_tensor([width / w, height / h])
    middles = 2 * centres / centres.new_tensor([w, h]) - 1
    theta = torch.cat([torch.diag_embed(shares), middles[:, :, None]], 2)
    grid = affine_grid(theta, [*pictures.shape[:2], height, width], align_corners=False)
    return grid_sample(pictures, grid.to(pictures), padding_mode="border", align_corners=False)
