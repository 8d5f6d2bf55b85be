"""Cartoons are sharpened: edges grow steep, without halos, and what is nearly flat becomes flat."""

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.sharpen import sharpened


def edge(*values: int) -> NDArray[np.uint8]:
    """A picture whose columns go from the first value to the last, with those in between at its middle."""
    row = np.array([values[0]] * 10 + list(values[1:-1]) + [values[-1]] * 10, np.uint8)
    return np.repeat(np.tile(row, (16, 1))[..., None], 3, 2)


def test_a_soft_edge_becomes_steep() -> None:
    soft = edge(200, 175, 125, 75, 50)
    steep = sharpened(soft, 4)
    assert np.array_equal(steep, np.repeat(steep[8:9, :, :1], 3, 2).repeat(16, 0))
    # by hand: 175 and 75 differ from means of 155 and 95 by 20, of which 16 count; and 200 and 50 bound all
    assert list(steep[8, 9:14, 0]) == [200, 200, 125, 50, 50]
    assert list(sharpened(soft, 0.5)[8, 9:14, 0]) == [200, 183, 125, 67, 50]


def test_no_pixel_gets_darker_or_lighter_than_its_neighbours() -> None:
    random = np.random.default_rng(0)
    picture = cv2.resize(random.integers(0, 256, (12, 12, 3), np.uint8), (64, 64), interpolation=cv2.INTER_CUBIC)
    made, square = sharpened(picture, 8), np.ones((3, 3))
    assert (made >= cv2.erode(picture, square)).all()
    assert (made <= cv2.dilate(picture, square)).all()
    gradient = [np.abs(np.diff(one.astype(int), axis=1)).max() for one in (picture, made)]
    assert gradient[1] > 1.3 * gradient[0]


def test_faint_texture_goes_and_edges_beside_it_stay() -> None:
    noise = np.random.default_rng(0).integers(-3, 4, (64, 64, 1))
    picture = (noise + np.where(np.arange(64) < 32, 60, 120)[:, None]).astype(np.uint8).repeat(3, 2)
    made = sharpened(picture, 1)
    for side in (np.s_[:, 4:28], np.s_[:, 36:60]):
        assert made[side].std() < 0.5 * picture[side].std()
    assert abs(np.diff(made[:, 30:34, 0].astype(int).mean(0))[1] - 60) < 8


def test_flat_paint_slopes_and_crisp_edges_stay() -> None:
    slope = np.repeat(np.tile(np.arange(0, 200, 4, dtype=np.uint8), (16, 1))[..., None], 3, 2)
    assert np.array_equal(sharpened(slope, 4)[:, 4:-4], slope[:, 4:-4])
    assert np.array_equal(sharpened(edge(200, 50), 4), edge(200, 50))


def test_a_gain_of_0_leaves_a_picture_as_it_is() -> None:
    assert np.array_equal(sharpened(edge(200, 175, 125, 75, 50), 0), edge(200, 175, 125, 75, 50))
