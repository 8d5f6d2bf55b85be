"""The proportions of drawn faces: the `Shape` that brings photos' meshes as near to cartoons' as a smooth warp can."""

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import EYES, IRISES
from toonstream.faces.shape import CELLS, Shape, displacements, moved
from toonstream_train.data.pack import SIZE, spread

FACES = 48
"""Photos that are measured, spread over all."""
STEPS = 12
"""Of Gauss and Newton; five are enough mostly."""
SMOOTHEST = 0.12
"""The least determinant that the warp's Jacobian may have: at 0 it folds, and what grows there eightfold is a smear."""
LEAST = np.array([1.0, 1.0, 0.0, -0.3, -0.4, -0.3, -0.3, -0.1, -0.1])
MOST = np.array([2.0, 3.5, 0.12, 0.4, 0.5, 0.4, 0.4, 0.3, 0.2])
"""Bounds of what is fitted, in the order of `shape`: eyes, apart, nose, mouth, jaw, chin."""
TOLERANCE = np.array([0.02, 0.06, 0.015, 0.02, 0.02, 0.03, 0.02, 0.03, 0.02, 0.02, 0.02])
"""How much a unit of misfit is, in the order of `measures`."""
CALM = 1.0
"""How strongly each number is held at what changes nothing, beside the measures: in shares of its range."""

Numbers = NDArray[np.float64]


def fitted_shape(photos: NDArray[np.float32], cartoons: NDArray[np.float32]) -> Shape:
    """The proportions of a style, from meshes (N, 478, 2) and (M, 478, 2) in pixels of crops of SIZE.

    It brings the median `measures` of the moved photos as near to the cartoons' as it can without a fold in any.
    """
    some = photos[spread(len(photos), FACES)]
    target = np.median([measures(mesh) for mesh in cartoons], axis=0)
    still = np.array([1.0, 1.0, *[0.0] * 7])

    def misfit(values: Numbers) -> Numbers:
        fields = [displacements(mesh, shape(values), SIZE) for mesh in some]
        found = [measures(moved(mesh, field, SIZE)) for mesh, field in zip(some, fields, strict=True)]
        return np.concatenate(
            [
                (np.median(found, axis=0) - target) / TOLERANCE,
                CALM * (values - still) / (MOST - LEAST),
                [20 * max(0.0, 1.2 * SMOOTHEST - min(map(smoothness, fields)))],
            ]
        )

    values, damping = still, 1e-2
    at = misfit(values)
    for _ in range(STEPS):
        step = 0.01 * (MOST - LEAST)
        slope = np.stack([(misfit(values + move) - at) / move.sum() for move in np.diag(step)], 1)
        normal = slope.T @ slope
        for _ in range(6):
            moved_by = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -slope.T @ at)
            tried = np.clip(values + moved_by, LEAST, MOST)
            there = misfit(tried)
            if there @ there < at @ at:
                break
            damping *= 4
        else:
            break
        gained, values, at, damping = at @ at - there @ there, tried, there, damping / 4
        if gained < 1e-3 * (at @ at):
            break
    while min(smoothness(displacements(mesh, shape(values), SIZE)) for mesh in some) < SMOOTHEST:
        values = still + 0.95 * (values - still)
    return shape(values.round(3))


def shape(values: Numbers) -> Shape:
    """Of nine numbers, in the order of its fields."""
    e0, e1, apart, n0, n1, m0, m1, jaw, chin = (float(value) for value in values)
    return Shape(eyes=(e0, e1), apart=apart, nose=(n0, n1), mouth=(m0, m1), jaw=jaw, chin=chin)


def smoothness(field: NDArray[np.float32]) -> float:
    """The least determinant of the Jacobian of the backward warp of displacements (CELLS, CELLS, 2), at SIZE pixels.

    It is 1 where nothing changes, less where the cartoon shows a place larger, and 0 or less where the warp folds.
    """
    cell = SIZE / CELLS
    (xy, xx), (yy, yx) = (np.gradient(field[..., axis], cell) for axis in (0, 1))
    return float(((1 + xx) * (1 + yy) - xy * yx).min())


def measures(mesh: NDArray[np.floating]) -> Numbers:
    """What a face's proportions are, in its widths: of the eyes width, height, iris and distance, the nose's length and
    width, the mouth's width, height and place, the jaw's width, and how far below the eyes the chin is. mesh: (478, 2).
    """

    def apart(i: int, j: int) -> float:
        return float(np.hypot(*(mesh[i] - mesh[j])))

    width = apart(454, 234)
    eyes, centres = [], []
    for outline, iris in zip(EYES, IRISES, strict=True):
        points, ring = mesh[outline], mesh[iris]
        along = points[8] - points[0]
        across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
        eyes.append((np.hypot(*along), np.ptp(points @ across), np.hypot(*(ring[1:] - ring[0]).T).mean()))
        centres.append(points.mean(0))
    middle = (centres[0] + centres[1]) / 2
    between = np.hypot(*(centres[0] - centres[1]))
    nose, mouth, chin = (float(np.hypot(*(mesh[part].mean(0) - middle))) for part in ([2], [13, 14], [152]))
    numbers = [*np.mean(eyes, 0), between, nose, apart(48, 278), apart(61, 291), apart(0, 17), mouth, apart(397, 172)]
    numbers.append(chin)
    return np.array([float(number) for number in numbers]) / width
