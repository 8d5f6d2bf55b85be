"""How far faces are from cartoons in shape, before and after a style's warp (PDA, section 4.5, table 3)."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from toonstream.faces.mesh import CONTOUR
from toonstream.faces.shape import Proportions, moved
from toonstream_train.data.contours import contour
from toonstream_train.data.pack import Pack

Points = NDArray[np.floating]


def shape_distances(photos: Pack, cartoons: Pack, shapes: Mapping[str, Proportions]) -> dict[str, float]:
    """By style `landmark_discrepancy` of the photos' contours in its proportions; "photo" is without them.

    shapes: by style. Empty where photos have no meshes or cartoons no contours.
    """
    aim = contour(cartoons)
    if aim is None or 478 not in photos.points:
        return {}
    side, meshes = photos.images.shape[1], photos.points[478]
    found = {"photo": meshes} | {
        name: np.stack([moved(mesh, shape.displacements(mesh, side), side) for mesh in meshes])
        for name, shape in shapes.items()
    }
    target = aim / cartoons.images.shape[1]
    return {name: landmark_discrepancy(points[:, CONTOUR] / side, target) for name, points in found.items()}


def landmark_discrepancy(faces: Points, cartoons: Points) -> float:
    """Squared maximum mean discrepancy (Gretton et al. 2012, equation 3: unbiased) of landmarks (N, K, 2), (M, K, 2).

    Under the kernel exp(-d^2 / (2 s^2)) of the distance d between all coordinates of two faces, whose bandwidth s is
    the median distance between two cartoons, so that the same cartoons measure all faces alike. The paper names no
    kernel. Faces with a coordinate that is not a number are left out; NaN where fewer than two of a kind are left.
    """
    x, y = (
        torch.from_numpy(points.reshape(len(points), -1)[np.isfinite(points).all((1, 2))]).double()
        for points in (faces, cartoons)
    )
    if min(len(x), len(y)) < 2:
        return float("nan")
    bandwidth = torch.pdist(y).median()

    def kernel(distances: torch.Tensor) -> float:
        return float(torch.exp(-(distances / bandwidth).square() / 2).mean())

    return kernel(torch.pdist(x)) + kernel(torch.pdist(y)) - 2 * kernel(torch.cdist(x, y))
