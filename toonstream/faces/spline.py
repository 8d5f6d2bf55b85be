"""The warp between landmarks and where they are moved to: a polyharmonic spline (Cole et al., CVPR 2017, appendix).

`toonstream_train.networks.blocks.spline` is the same for training, with gradients.
"""

import numpy as np
from numpy.typing import NDArray

RIDGE = 1e-6
"""On the diagonal: two points that fall together would make the system singular."""
MARGIN = 0.25
"""Of the crop's side, by which the points that stay where they are lie outside it."""

Floats = NDArray[np.float32]


def displacements(source: NDArray[np.floating], target: NDArray[np.floating], size: int, cells: int) -> Floats:
    """What a backward warp adds at the middles of cells x cells cells of a crop, so that `source` comes to `target`.

    source, target: (n, 2) in pixels of the crop, of `size` pixels a side. Returns (cells, cells, 2) in crop pixels.
    """
    ticks = np.array([-MARGIN, 0.5, 1 + MARGIN])
    frame = np.array([(x, y) for x in ticks for y in ticks if (x, y) != (0.5, 0.5)])
    centres = np.vstack([target / size, frame])
    values = np.vstack([(source - target) / size, np.zeros_like(frame)])
    middles = (np.arange(cells) + 0.5) / cells
    x, y = np.meshgrid(middles, middles)
    field = polyharmonic(centres, values, np.stack([x.ravel(), y.ravel()], 1))
    return np.asarray(size * field.reshape(cells, cells, 2), np.float32)


def polyharmonic(
    centres: NDArray[np.float64], values: NDArray[np.float64], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The thin-plate spline, r^2 log r with a linear part, through `values` (n, k) at `centres` (n, 2).

    places: (m, 2), of about the size of 1, as the centres. Returns (m, k).
    """
    count, linear = len(centres), _linear(centres)
    kernel = _kernel(centres, centres) + RIDGE * np.eye(count)
    system = np.block([[kernel, linear], [linear.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.vstack([values, np.zeros((3, values.shape[1]))]))
    out: NDArray[np.float64] = _kernel(places, centres) @ weights[:count] + _linear(places) @ weights[count:]
    return out


def _kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    square = np.square(a[:, None] - b[None]).sum(2)
    out: NDArray[np.float64] = square * np.log(np.maximum(square, 1e-12)) / 2  # r^2 log r
    return out


def _linear(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([np.ones((len(points), 1)), points])
