"""How shapes and strokes are put on paper with subpixel edges."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import LIP_LOWER_INNER, LIP_LOWER_OUTER, LIP_UPPER_INNER, LIP_UPPER_OUTER

Points = NDArray[np.float32]
Floats = NDArray[np.float32]

CANVAS = 512
"""Side of the paper; drawings are made at this size and then reduced, which smooths every edge."""

SHIFT = 4  # fractional bits of OpenCV's drawing


def curve(points: Points, count: int = 40, closed: bool = False) -> Points:
    """A smooth (Catmull-Rom) curve through `points` (N, 2): (count, 2), evenly spaced in the parameter."""
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
        spans = len(points)
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
        spans = len(points) - 1
    at = np.linspace(0, spans, count, endpoint=not closed)
    index = np.minimum(at.astype(int), spans - 1)
    t = (at - index)[:, None]
    p0, p1, p2, p3 = (padded[index + offset] for offset in range(4))
    out = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    smooth: Points = out.astype(np.float32)
    return smooth


def face_width(landmarks: Points) -> float:
    """From ear to ear, in pixels."""
    return float(np.hypot(*(landmarks[454] - landmarks[234])))


def lip_edges(landmarks: Points) -> tuple[Points, Points, Points, Points]:
    """Outer edges of the upper and the lower lip, then the inner ones, each (40, 2) from left to right."""
    edges = (LIP_UPPER_OUTER, LIP_LOWER_OUTER, LIP_UPPER_INNER, LIP_LOWER_INNER)
    upper_out, lower_out, upper_in, lower_in = (curve(landmarks[edge]) for edge in edges)
    return upper_out, lower_out, upper_in, lower_in


def fill(outline: Points, shape: tuple[int, int]) -> Floats:
    """Coverage (H, W), 0 to 1, of the polygon `outline` (N, 2); pixel centres lie at +0.5."""
    mask = np.zeros(shape, np.uint8)
    fixed = np.round((outline - 0.5) * (1 << SHIFT)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, SHIFT)
    out: Floats = mask.astype(np.float32) / np.float32(255)
    return out


def grown(mask: Floats, size: int) -> Floats:
    """A coverage (H, W) grown by half of `size`, an odd number of pixels, all around."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    # In bytes, which coverage is drawn in anyway, it takes a quarter of the time.
    whole = cv2.dilate(np.round(mask * 255).astype(np.uint8), kernel)
    out: Floats = whole.astype(np.float32) / np.float32(255)
    return out


def stroke(path: Points, widths: NDArray[np.floating], shape: tuple[int, int]) -> Floats:
    """Coverage (H, W) of a pen stroke along `path` (N, 2), `widths` (N,) pixels wide."""
    tangent = np.gradient(path, axis=0)
    length = np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-6)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / length[:, None]
    offset = normal * (np.asarray(widths)[:, None] / 2)
    mask = np.zeros(shape, np.uint8)
    left, right = path + offset, path - offset
    # Quad by quad: the outline of a bent stroke may cross itself, and a polygon with even-odd filling would gap there.
    for i in range(len(path) - 1):
        quad = np.stack([left[i], left[i + 1], right[i + 1], right[i]])
        cv2.fillConvexPoly(mask, np.round((quad - 0.5) * (1 << SHIFT)).astype(np.int32), 255, cv2.LINE_AA, SHIFT)
    out: Floats = mask.astype(np.float32) / np.float32(255)
    return out


def disc(centre: NDArray[np.floating], radius: float, shape: tuple[int, int]) -> Floats:
    """Coverage (H, W) of a disc, by distance, so that its edge is exact to a fraction of a pixel."""
    out = np.zeros(shape, np.float32)
    x0, y0 = np.maximum(np.floor(centre - radius - 2).astype(int), 0)
    x1, y1 = np.ceil(centre + radius + 2).astype(int)
    if x1 <= x0 or y1 <= y0:
        return out
    part = out[y0:y1, x0:x1]
    y, x = np.mgrid[0 : part.shape[0], 0 : part.shape[1]]
    distance = np.hypot(x + x0 + 0.5 - centre[0], y + y0 + 0.5 - centre[1])
    part[:] = np.clip(radius + 0.5 - distance, 0, 1)
    return out


def around(points: Points, margin: int = 40) -> tuple[tuple[slice, slice], Points]:
    """The window of the paper that holds `points` (N, 2) and `margin` pixels more, and its origin (x, y)."""
    low = np.clip(np.floor(points.min(0)).astype(int) - margin, 0, CANVAS - 1)
    high = np.clip(np.ceil(points.max(0)).astype(int) + margin, low + 1, CANVAS)
    return (slice(low[1], high[1]), slice(low[0], high[0])), low.astype(np.float32)
