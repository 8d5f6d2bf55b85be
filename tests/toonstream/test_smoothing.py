"""The One Euro filter: still faces still, moving ones on time."""

import numpy as np

from toonstream.faces.smoothing import OneEuro

FACE = 200.0  # pixels
NOISE = np.random.default_rng(0).normal(0, 0.3, (90, 20, 2))


def smoothed(points):
    smooth = OneEuro()
    return np.array([smooth(p, 1 / 30, FACE) for p in points])


def test_a_still_face_is_still():
    raw = NOISE + 100
    steps = np.abs(np.diff(smoothed(raw)[30:], axis=0)).mean() / np.abs(np.diff(raw[30:], axis=0)).mean()
    assert steps < 0.25


def test_a_moving_face_does_not_lag():
    path = 100 + 400 * np.arange(90)[:, None, None] / 30 * np.array([1.0, 0]) + NOISE  # two faces' widths a second
    lag = (path - smoothed(path))[45:, :, 0].mean()
    assert abs(lag) < 0.005 * FACE


def test_starts_where_the_face_is():
    first = NOISE[0] + 50
    assert np.array_equal(OneEuro()(first, 0.0, FACE), first)


def test_a_lid_that_falls_and_rises_is_there_at_once():
    path = np.full((40, 20, 2), 100.0)
    path[20:23, :, 1] += 0.03 * FACE
    assert np.abs(smoothed(path + NOISE[:40])[18:26] - path[18:26]).max() < 0.25 * 0.03 * FACE
