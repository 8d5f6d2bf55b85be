"""The chart: shapes lie where the landmarks lie, to a fraction of a pixel."""

import numpy as np
import pytest
from support.drawn_face import CLOSED, EYE_CENTRES, SIDE, SKINS, face

from toonstream.faces.chart import EMPTY, PLANES, REACH, catch_lights, chart
from toonstream.faces.mesh import IRISES, UPPER_LIDS

FACE, EYES, LINES, _, ACROSS, DOWN = range(6)


def middle(plane):
    """The centre of what is drawn, in pixels of the crop."""
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
    weight = plane.astype(float) / plane.sum()
    return 2 * np.array([((x + 0.5) * weight).sum(), ((y + 0.5) * weight).sum()])


def test_planes_and_their_values():
    _, mesh = face(SKINS["pale"])
    planes = chart(mesh, SIDE)
    assert planes.shape == (SIDE // 2, SIDE // 2, len(PLANES))
    assert planes.dtype == np.uint8
    left, right = (int(v) // 2 for v in EYE_CENTRES[0])
    assert planes[right, left, EYES] == 255  # the pupil
    assert planes[right, left + 6, EYES] == 96  # the white beside the iris
    assert planes[right + 10, left, EYES] == 0
    assert planes[85, 64, FACE] == 128
    assert planes[49, left, FACE] == 255  # a brow
    forehead = [planes[y // 2, 64, FACE] for y in (40, 54, 68, 82)]  # from its top to the brows
    np.testing.assert_allclose(forehead, [128 * (y + 1 - 38) / 60 for y in (40, 54, 68, 82)], atol=4)
    assert planes[2, 2].tolist() == list(EMPTY)


def test_it_follows_the_landmarks_by_fractions_of_a_pixel():
    _, mesh = face(SKINS["pale"])
    before = chart(mesh, SIDE)
    for step in (0.25, 0.5, 1.3):
        after = chart(mesh + np.array([step, -step], np.float32), SIDE)
        shift = middle(after[..., FACE]) - middle(before[..., FACE])
        np.testing.assert_allclose(shift, (step, -step), atol=0.2)


def test_places_within_an_eye():
    _, mesh = face(SKINS["pale"])  # its irises have a radius of 7 pixels
    planes = chart(mesh, SIDE)
    for x, y in EYE_CENTRES:
        for dx, dy in ((0, 0), (6, 0), (-6, 2), (0, -4)):
            place = planes[int(y + dy) // 2, int(x + dx) // 2].astype(int)
            at = 2 * np.array([int(x + dx) // 2, int(y + dy) // 2]) + 1 - (x, y)
            np.testing.assert_allclose(place[[ACROSS, DOWN]], 128 + 127 * at / (7 * REACH), atol=2)


def test_a_closed_eye_has_a_lid_and_no_iris():
    _, mesh = face(SKINS["pale"], CLOSED)
    planes = chart(mesh, SIDE)
    assert planes[..., LINES].max() == 255
    opened = chart(face(SKINS["pale"])[1], SIDE)
    assert (planes[..., EYES] > 96).sum() < (opened[..., EYES] > 96).sum() / 3


def test_an_open_eye_has_two_lights_below_its_lid():
    _, mesh = face(SKINS["pale"])  # lids 8 pixels from the irises' centres, whose radius is 7
    planes = chart(mesh, SIDE)
    for eye, lid, (x, y) in zip(IRISES, UPPER_LIDS, EYE_CENTRES, strict=True):
        large, small = catch_lights(mesh[eye], mesh[lid])
        np.testing.assert_allclose(large, (x - 0.384 * 7, y - 0.432 * 7, 2.1), atol=1e-3)
        np.testing.assert_allclose(small, (x + 0.456 * 7, y + 0.504 * 7, 0.144 * 7), atol=1e-3)
        lowered = catch_lights(mesh[eye], mesh[lid] + np.array([0, 6], np.float32))
        assert lowered[0, 1] == pytest.approx(y - 8 + 6 + 0.384 * 7, abs=1e-3)
        assert planes[int(large[1]) // 2, int(large[0]) // 2, LINES] > 160
    shut = chart(face(SKINS["pale"], CLOSED)[1], SIDE)
    beside = np.s_[int(y + 3) // 2, int(x + 3) // 2, LINES]
    assert shut[beside] < planes[beside] / 2


def test_it_is_the_same_at_every_size():
    _, mesh = face(SKINS["pale"])
    large = chart(2 * mesh, 2 * SIDE).reshape(SIDE // 2, 2, SIDE // 2, 2, len(PLANES)).mean((1, 3))
    assert np.abs(large - chart(mesh, SIDE)).mean() < 1.5


def test_it_needs_the_whole_mesh():
    with pytest.raises(ValueError, match="478 landmarks"):
        chart(np.zeros((468, 2), np.float32), SIDE)
