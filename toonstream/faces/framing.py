"""The one framing: five points of a face give the canonical crop, the same for training data, video and metrics."""

import numpy as np
from numpy.typing import NDArray

LEFT_EYE, RIGHT_EYE, NOSE, LEFT_MOUTH, RIGHT_MOUTH = range(5)
"""Order of the five points; left and right are the picture's."""

# The crop's half side is the larger of these multiples of two lengths, so that it holds under yaw (which shortens the
# first) and pitch (which shortens the second). Faces of photographs are framed by the second: chin and some hair in
# view. Anime faces, with their wide-set eyes, by the first: most of their pictures fill the crop.
HALF_SIDE_PER_EYE_DISTANCE = 1.5
HALF_SIDE_PER_EYE_TO_MOUTH = 1.7
CENTRE_BELOW_EYES = 0.08  # of the way from the eyes to the mouth

LOWEST_CHIN, FURTHEST = 0.97, 0.75
"""Where in a crop the chin lies at most, in its sides, and how small a face becomes for it at most."""


def framing(points: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """The similarity that takes picture coordinates to the upright, square crop of `size` pixels.

    points: (5, 2), the centres of the eyes, the tip of the nose, the corners of the mouth, in pixels, the origin at
    the picture's top-left corner and pixel centres at +0.5. Returns (2, 3): crop = M @ (x, y, 1), in the same
    convention. Raises ValueError where eyes and mouth fall together.
    """
    left, right, _, mouth_left, mouth_right = (np.asarray(points, np.float64) @ (1, 1j)).tolist()  # x + iy
    eyes, mouth = (left + right) / 2, (mouth_left + mouth_right) / 2
    across, down = right - left, mouth - eyes
    half = max(HALF_SIDE_PER_EYE_DISTANCE * abs(across), HALF_SIDE_PER_EYE_TO_MOUTH * abs(down))
    # Upright is what eye line and eye-to-mouth line agree on: one of them alone turns under yaw or with the mouth.
    axis = across - 1j * down
    if half < 1e-6 or abs(axis) < 1e-6:
        raise ValueError("the five points of a face fall together")
    turn = size / (2 * half) * axis.conjugate() / abs(axis)
    shift = (1 + 1j) * size / 2 - turn * (eyes + CENTRE_BELOW_EYES * down)
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def with_chin(matrix: NDArray[np.float64], chin: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """A `framing`, from far enough away that a chin, (2,) in the picture, lies in it: a smile lifts what it goes by."""
    below = apply(matrix, chin[None])[0, 1] - size / 2
    nearer = min(max((LOWEST_CHIN - 0.5) * size / max(below, 1e-6), FURTHEST), 1.0)
    out: NDArray[np.float64] = nearer * matrix + np.array([[0, 0, 1], [0, 0, 1]]) * (1 - nearer) * size / 2
    return out


def half_side(points: NDArray[np.floating]) -> float:
    """Half the side of a face's canonical crop, in the picture's pixels."""
    return 0.5 / float(np.hypot(*framing(points, 1)[0, :2]))


def apply(matrix: NDArray[np.floating], points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Points (N, 2) taken through a (2, 3) matrix."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)


def invert(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """The (2, 3) matrix of the way back."""
    (a, b, x), (c, d, y) = matrix.tolist()
    back: NDArray[np.float64] = np.array([[d, -b, b * y - d * x], [-c, a, c * x - a * y]]) / (a * d - b * c)
    return back


def compose(second: NDArray[np.floating], first: NDArray[np.floating]) -> NDArray[np.float64]:
    """The (2, 3) matrix that does what `first` does, then what `second` does."""
    return np.hstack([second[:, :2] @ first[:, :2], (second[:, :2] @ first[:, 2] + second[:, 2])[:, None]])


def similarity(points: NDArray[np.floating], to: NDArray[np.floating]) -> NDArray[np.float64]:
    """The turn, scale and shift, (2, 3), that take points (N, 2) nearest to others (least squares)."""
    middle, target = points.mean(0), to.mean(0)
    x, y = (points - middle).astype(np.float64).T
    u, v = (to - target).astype(np.float64).T
    spread = float((x * x + y * y).sum())
    a, b = float((x * u + y * v).sum()) / spread, float((x * v - y * u).sum()) / spread
    linear = np.array([[a, -b], [b, a]])
    return np.hstack([linear, (target - linear @ middle)[:, None]])


def opencv(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """The same map for OpenCV, whose coordinates have pixel centres at whole numbers."""
    shifted = np.asarray(matrix, np.float64).copy()
    shifted[:, 2] += shifted[:, :2] @ (0.5, 0.5) - 0.5
    return shifted
