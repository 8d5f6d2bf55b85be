"""What PDA's classifiers learn to tell from a good drawing: wrong faces, and lights taken over from a photo (3.1.2).

Pictures are (B, 3, S, S) in [-1, 1], landmarks the five points (B, 5, 2) in pixels.
"""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from toonstream_train.losses.colour import luma
from toonstream_train.networks.blocks.spline import warp
from toonstream_train.networks.heat_maps import heat_maps

PATCH = 0.36  # half the side of the eye's patch, in distances of the eyes
LEVELS = 0.75, 0.94  # quantiles of a skin's lightness that become black and white
EYE, MOUTH = 0.34, 0.3  # in distances of the eyes: around their centres and the corners of the mouth there is no skin


def structure(landmarks: Tensor, size: int, seen: Tensor | None = None) -> Tensor:
    """Heat maps (B, 2, size, size) in 0 to 1 of the centres of the eyes, and of the corners of the mouth.

    Eyes share a map, and so do corners: an abnormal face may have three eyes. seen: (B, 5), where not all are.
    """
    maps = heat_maps(landmarks, size, size)
    if seen is not None:
        maps = maps * seen[:, :, None, None]
    return torch.stack([maps[:, :2].amax(1), maps[:, 3:].amax(1)], 1)


def abnormal(pictures: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """Faces with an eye too many, at a random place (figure 5); and their `structure`."""
    count, size, device = len(pictures), pictures.shape[2], pictures.device
    eyes, mouth = landmarks[:, :2].mean(1), landmarks[:, 3:].mean(1)
    apart = torch.linalg.vector_norm(landmarks[:, 0] - landmarks[:, 1], dim=1)
    half = PATCH * apart
    middle = (eyes + mouth) / 2
    reach = torch.stack([0.6 * apart, 1.2 * torch.linalg.vector_norm(mouth - eyes, dim=1)], 1)
    place = middle + reach * (2 * torch.rand(count, 2, device=device) - 1)
    near = torch.linalg.vector_norm(place[:, None] - landmarks[:, :2], dim=2).amin(1) < 1.5 * half
    place = torch.where(near[:, None], middle, place)  # not where an eye is anyway
    eye = landmarks[torch.arange(count, device=device), torch.randint(0, 2, (count,), device=device)]

    move = (eye - place) * (2 / size)
    theta = torch.cat([torch.eye(2, device=device).expand(count, 2, 2), move[:, :, None]], 2)
    grid = affine_grid(theta, list(pictures.shape), align_corners=False)
    patch = grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    middles = torch.arange(size, device=device) + 0.5
    across, down = ((middles - place[:, axis, None]).abs() < half[:, None] for axis in (0, 1))
    covered = (across[:, None, None, :] & down[:, None, :, None]).to(pictures)
    seen = (landmarks - place[:, None]).abs().amax(2) > half[:, None]
    maps = structure(landmarks, size, seen)
    maps = torch.cat([torch.maximum(maps[:, :1], heat_maps(place[:, None], size, size)), maps[:, 1:]], 1)
    return pictures + covered * (patch - pictures), maps


def highlighted(pictures: Tensor, landmarks: Tensor, photos: Tensor, photo_landmarks: Tensor) -> Tensor:
    """Drawn faces with the highlights of photos, brought to their place and blended by the maximum (figure 7)."""
    where = bare(photo_landmarks, photos.shape[2])
    light = luma(photos)
    levels = []
    for one, mask in zip(light, where, strict=True):
        inside = one[mask > 0.5].float()
        levels.append(torch.quantile(inside if len(inside) else one.flatten().float(), inside.new_tensor(LEVELS)))
    low, high = torch.stack(levels).view(-1, 2, 1, 1, 1).unbind(1)
    lights = ((photos - low) / (high - low).clamp(min=0.05)).clamp(0, 1) * where
    moved = warp(lights, photo_landmarks, landmarks) * bare(landmarks, pictures.shape[2])
    return torch.maximum(pictures, 2 * moved - 1)


def bare(landmarks: Tensor, size: int) -> Tensor:
    """(B, 1, size, size) in 0 to 1, softly: the face's skin from the eyes down, without the forehead."""
    eyes, mouth = landmarks[:, :2].mean(1), landmarks[:, 3:].mean(1)
    height = torch.linalg.vector_norm(mouth - eyes, dim=1)[:, None]
    apart = torch.linalg.vector_norm(landmarks[:, 0] - landmarks[:, 1], dim=1)[:, None]
    middles = torch.arange(size, device=landmarks.device) + 0.5

    def away(points: Tensor) -> Tensor:
        """From each of (B, n, 2): (B, n, size, size) pixels."""
        x, y = (middles - points[..., axis, None] for axis in (0, 1))
        return (x.square()[:, :, None, :] + y.square()[:, :, :, None]).sqrt()

    def rise(x: Tensor) -> Tensor:
        return (x / 0.15).clamp(0, 1)

    unit = height[..., None, None]
    oval = rise(1.05 - away((eyes + mouth)[:, None] / 2) / unit)
    below = rise((middles - eyes[:, 1:]) / height + 0.1)[:, None, :, None]
    reach = torch.cat([EYE * apart, EYE * apart, MOUTH * apart, MOUTH * apart], 1)
    features = torch.cat([landmarks[:, :2], landmarks[:, 3:]], 1)
    clear = rise((away(features) / reach[..., None, None]) - 1).amin(1, keepdim=True)
    return oval * below * clear
