"""Aug-Portrait: the face of a photo in the shape, and amid the hair, of a portrait (Xiao et al.: PDA, section 3.2)."""

import cv2
import torch
from torch import Tensor

from toonstream.faces.mesh import BROWS, CONTOUR, EYES, MOUTH, NOSE_BASE, OVAL
from toonstream_train.data.dataset import Batch
from toonstream_train.drawing.common.shapes import fill
from toonstream_train.networks.blocks.spline import warp

FEATURES = [*CONTOUR, *(p for eye in EYES for p in eye[::4]), *(p for brow in BROWS for p in brow[:5:2])]
FEATURES += [1, *NOSE_BASE[::4], *MOUTH[::5]]
"""Points of the mesh that a face is warped by."""
SOFT = 0.012  # of the side: the rim over which the face goes over into the portrait


def aug_portrait(photos: Batch, portraits: Batch) -> Tensor:
    """(B, 3, S, S): each portrait with a photo's face, warped to the portrait's by landmarks, in place of its own.

    Both have points of 478. The mask is the portrait's oval (figure 8e).
    """
    faces = warp(photos.pictures, photos.points[478][:, FEATURES], portraits.points[478][:, FEATURES])
    size = portraits.pictures.shape[2]
    masks = []
    for oval in portraits.points[478][:, OVAL].cpu().numpy():
        masks.append(torch.from_numpy(cv2.GaussianBlur(fill(oval, (size, size)), (0, 0), SOFT * size)))
    mask = torch.stack(masks)[:, None].to(faces)
    return mask * faces + (1 - mask) * portraits.pictures
