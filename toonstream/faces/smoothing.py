"""Smoothing that stills a still face and follows a moving one."""

import math

import numpy as np
from numpy.typing import NDArray


class OneEuro:
    """The One Euro filter (Casiez, Roussel, Vogel, CHI 2012) over a set of points, with lengths in units of the face.

    A point at rest is smoothed down to `rest` Hz; `gain` Hz are added for each unit of speed (face sizes a second). The
    speed is itself smoothed at `speed` Hz, as in the paper. A moving point lags by about speed / (2 pi cutoff), which
    the gain bounds to 1 / (2 pi gain) of the face's size. Beyond the paper: what a measured speed exceeds `sudden` by
    counts at once. No noise is so fast, and a lid that falls must not wait for its speed to be believed.
    """

    def __init__(self, rest: float = 0.8, gain: float = 60.0, speed: float = 1.5, sudden: float = 0.2) -> None:
        self.rest, self.gain, self.speed, self.sudden = rest, gain, speed, sudden
        self._points: NDArray[np.float64] | None = None
        self._velocity: NDArray[np.float64] | None = None

    def __call__(self, points: NDArray[np.floating], seconds: float, unit: float) -> NDArray[np.float64]:
        """The smoothed points (N, 2) in pixels; `seconds` since the last call, `unit` the face's size in pixels."""
        measured = np.asarray(points, np.float64)
        if self._points is None or self._velocity is None or seconds <= 0:
            self._points, self._velocity = measured, np.zeros_like(measured)
            return measured
        velocity = (measured - self._points) / (seconds * unit)
        self._velocity = self._velocity + _weight(self.speed, seconds) * (velocity - self._velocity)
        sudden = np.linalg.norm(velocity, axis=1, keepdims=True) - self.sudden
        cutoff = self.rest + self.gain * np.maximum(np.linalg.norm(self._velocity, axis=1, keepdims=True), sudden)
        self._points = self._points + _weight(cutoff, seconds) * (measured - self._points)
        return self._points


def _weight(cutoff: float | NDArray[np.float64], seconds: float) -> float | NDArray[np.float64]:
    """The share of a new value in a first-order low pass of `cutoff` Hz."""
    rate = 2 * math.pi * cutoff * seconds
    return rate / (rate + 1)
