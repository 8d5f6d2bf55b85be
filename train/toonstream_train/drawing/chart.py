"""Charts: where the places of a drawing lie on the mean face, by the landmarks of both."""

import numpy as np
from numpy.typing import NDArray

STIFFNESS = 1e-3
"""How little a landmark that is off pulls at the rest."""

FARTHEST = 0.5
"""Beyond the landmarks a chart is a guess; none says more than this of a half side."""


def chart(mesh: NDArray[np.float32], mean: NDArray[np.float32], cells: int) -> NDArray[np.float32]:
    """(cells, cells, 2): where the middles of a crop's cells lie on the mean face, across and down in [-1, 1].

    A thin-plate spline (Bookstein 1989) takes each landmark of `mesh` (N, 2) to the same one of `mean`, both in [-1, 1]
    of their crops; least bent between them.
    """
    count = len(mesh)
    affine = np.concatenate([np.ones((count, 1)), mesh], 1)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(mesh, mesh) + STIFFNESS * np.eye(count)
    system[:count, count:], system[count:, :count] = affine, affine.T
    solved = np.linalg.solve(system, np.concatenate([mean - mesh, np.zeros((3, 2))]))

    middles = (np.arange(cells) + 0.5) * (2 / cells) - 1
    places = np.stack(np.meshgrid(middles, middles), 2).reshape(-1, 2)
    terms = np.concatenate([_kernel(places, mesh), np.ones((len(places), 1)), places], 1)
    offsets = (terms @ solved).clip(-FARTHEST, FARTHEST)
    out: NDArray[np.float32] = (places + offsets).reshape(cells, cells, 2).astype(np.float32)
    return out


def _kernel(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    squares = np.square(a[:, None].astype(np.float64) - b[None]).sum(2)
    out: NDArray[np.float64] = 0.5 * squares * np.log(squares + 1e-18)
    return out
