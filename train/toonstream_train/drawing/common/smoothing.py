"""Smoothing that keeps shapes: along the picture's own contours, and towards the calmest neighbour.

Pictures are float32 LAB (H, W, 3) as OpenCV makes it from floats: L 0 to 100, a and b about -127 to 127.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def to_lab(picture: NDArray[np.uint8]) -> Floats:
    """An RGB picture (H, W, 3) in LAB."""
    out: Floats = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return out


def blur(picture: Floats, sigma: float) -> Floats:
    """Gaussian blur; the border repeats."""
    out: Floats = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return out


def summed(picture: Floats) -> Floats:
    """The channels of (H, W, 3) added up, (H, W); NumPy's own sum is slow over so short an axis."""
    out: Floats = cv2.transform(picture, np.ones((1, picture.shape[2]), np.float32))
    return out


def grid(height: int, width: int) -> tuple[Floats, Floats]:
    """x and y of every pixel, each (H, W)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x, y


@dataclass(frozen=True)
class Flow:
    """The direction of contours at every pixel, and the paths that follow it."""

    normal_x: Floats
    """(H, W), the unit vector across the contour."""
    normal_y: Floats
    paths: tuple[tuple[Floats, Floats], ...]
    """Sampling positions (x, y), each (H, W), one pair a step: first along the contour, then against it."""

    def along(self, picture: Floats, sigma: float, step: float = 1.0) -> Floats:
        """Blur along the contours; `sigma` in units of the paths' step times `step`."""
        half = len(self.paths) // 2
        total: Floats = picture.copy()
        weights = 1.0
        for index, (x, y) in enumerate(self.paths):
            weight = float(np.exp(-0.5 * (((index % half) + 1) * step / sigma) ** 2))
            total += weight * cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            weights += weight
        return total / np.float32(weights)


def flow(picture: Floats, sigma: float = 2.5, steps: int = 5, length: float = 1.5) -> Flow:
    """Contours by the smoothed structure tensor of all three channels, and paths of `steps` times `length` pixels.

    Paths are followed at half the picture's size: directions change slowly.
    """
    height, width = picture.shape[:2]
    calm = blur(picture, 1.0)
    gx = cv2.Scharr(calm, cv2.CV_32F, 1, 0) / 32
    gy = cv2.Scharr(calm, cv2.CV_32F, 0, 1) / 32
    tensor = np.dstack([summed(gx * gx), summed(gx * gy), summed(gy * gy)])
    half = (max(width // 2, 1), max(height // 2, 1))
    xx, xy, yy = cv2.split(blur(cv2.resize(tensor, half, interpolation=cv2.INTER_AREA), sigma / 2))
    # Twice the angle of the strongest change.
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    tangent = np.stack([-np.sin(angle), np.cos(angle)], 2)
    x0, y0 = grid(half[1], half[0])
    fine_x, fine_y = grid(height, width)

    def whole(field: Floats) -> Floats:
        # Nearest: two directions of one line must not be averaged.
        out: Floats = cv2.resize(field, (width, height), interpolation=cv2.INTER_NEAREST)
        return out

    paths: list[tuple[Floats, Floats]] = []
    for sign in (1.0, -1.0):
        x, y, direction = x0, y0, np.float32(sign) * tangent
        for index in range(steps):
            if index:
                there = cv2.remap(tangent, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
                # The tensor knows lines, not arrows: go on the way one came.
                direction = there * np.copysign(np.float32(1), summed(there * direction))[..., None]
            x = (x + length / 2 * direction[..., 0]).astype(np.float32)
            y = (y + length / 2 * direction[..., 1]).astype(np.float32)
            paths.append((fine_x + whole(2 * (x - x0)), fine_y + whole(2 * (y - y0))))
    return Flow(
        whole(np.ascontiguousarray(tangent[..., 1])), whole(np.ascontiguousarray(-tangent[..., 0])), tuple(paths)
    )


def shifted(picture: Floats, dx: int, dy: int) -> Floats:
    """`picture` read at (x + dx, y + dy); the border repeats."""
    pad = max(abs(dx), abs(dy))
    height, width = picture.shape[:2]
    padded = cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    out: Floats = padded[pad + dy : pad + dy + height, pad + dx : pad + dx + width]
    return out


def calm_neighbour(picture: Floats, radius: float, power: int = 2) -> Floats:
    """Kuwahara's filter with eight soft sectors: each pixel takes the colour of the calmest side.

    Texture goes, edges become steps. A sector is a Gaussian set off by `radius`: two blurs and eight shifts do it.
    """
    sigma = 0.55 * radius
    mean = blur(picture, sigma)
    spread = summed(np.maximum(blur(picture * picture, sigma) - mean * mean, 0))
    # The small constant makes the choice soft where all sides are alike, so noise does not flip it.
    calmness: Floats = ((1 / (spread + np.float32(2.5))) ** power).astype(np.float32)
    weighted = mean * calmness[..., None]
    total = np.zeros_like(mean)
    weights = np.zeros_like(spread)
    for index in range(8):
        angle = 2 * np.pi * index / 8
        dx, dy = round(radius * np.cos(angle)), round(radius * np.sin(angle))
        total += shifted(weighted, dx, dy)
        weights += shifted(calmness, dx, dy)
    out: Floats = total / weights[..., None]
    return out


def smoothstep(values: Floats, low: float | Floats, high: float | Floats) -> Floats:
    """0 below `low`, 1 above `high`, a smooth rise between."""
    t = ((values - low) / (high - low)).clip(0, 1)
    out: Floats = (t * t * (3 - 2 * t)).astype(np.float32)
    return out
