"""Paint, and the numbers that strokes and tones are made of."""

import numpy as np
from numpy.typing import NDArray

from toonstream_train.drawing.common.smoothing import Floats

INK = np.array([9.0, 5.0, 3.0], np.float32)
"""The darkest line, LAB: a warm near-black."""


def paint(paper: Floats, coverage: Floats, colour: NDArray[np.floating] | Floats) -> None:
    """Lays `colour` (3,) or (H, W, 3) on `paper` (H, W, 3), in place, where `coverage` (H, W) is."""
    paper += coverage[..., None] * (np.asarray(colour, np.float32) - paper)


def weighted(lab: Floats, weight: Floats) -> NDArray[np.float32]:
    """Mean colour (3,) of `lab` under `weight` (H, W)."""
    out: NDArray[np.float32] = (lab * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-3)
    return out


def ramp(value: float, low: float, high: float) -> float:
    """`smoothstep` of one number."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def taper(count: int, start: float, middle: float, end: float, peak: float = 0.5) -> NDArray[np.float64]:
    """Widths (count,) of a stroke that swells from `start` to `middle` at `peak` of its way and thins to `end`."""
    t = np.linspace(0, 1, count)
    rise = np.sin(np.clip(t / peak, 0, 1) * np.pi / 2)
    fall = np.sin(np.clip((1 - t) / (1 - peak), 0, 1) * np.pi / 2)
    return np.where(t < peak, start + (middle - start) * rise, end + (middle - end) * fall)
