"""A style's proportions: what the warp moves, and that landmarks and pixels move alike."""

import numpy as np
import pytest
from support.drawn_face import SIDE, SKINS, face
from toonstream_train.drawing import LOOKS

from toonstream.faces.crop import resample
from toonstream.faces.mesh import BROW_ENDS, BROWS, EYES, IRISES, OVAL
from toonstream.faces.shape import CELLS, Shape, displacements, moved

LARGE_EYES = Shape(eyes=(1.3, 1.5), apart=0.05, nose=(0.1, 0.2), mouth=(0.1, 0.0), jaw=0.1, chin=0.04)


def test_the_default_shape_moves_nothing():
    _, mesh = face(SKINS["pale"])
    field = displacements(mesh, Shape(), SIDE)
    assert field.shape == (CELLS, CELLS, 2)
    assert not field.any()
    np.testing.assert_array_equal(moved(mesh, field, SIDE), mesh)


def test_eyes_grow_by_the_factors_of_the_shape():
    _, mesh = face(SKINS["pale"])
    place = moved(mesh, displacements(mesh, Shape(eyes=(1.2, 1.6)), SIDE), SIDE)
    for eye in EYES:
        before, after = (points[eye].max(0) - points[eye].min(0) for points in (mesh, place))
        growth = after / before
        assert 1.1 < growth[0] < 1.2  # the factors are those of its middle; the growth fades outward
        assert 1.45 < growth[1] < 1.6
    np.testing.assert_allclose(place[OVAL], mesh[OVAL], atol=0.5)


def test_lifted_brows_rise_at_their_inner_ends_and_leave_irises_where_they_are():
    _, mesh = face(SKINS["pale"])
    mesh[BROW_ENDS] = (112, 98), (144, 98)
    up = mesh[:, 1] - moved(mesh, displacements(mesh, Shape(brows=0.2), SIDE), SIDE)[:, 1]
    assert (up[BROW_ENDS] > 2).all()
    for brow, iris in zip(BROWS, IRISES, strict=True):
        outer = max(brow, key=lambda point: abs(mesh[point, 0] - SIDE / 2))
        assert up[outer] < 0.5 * up[BROW_ENDS].min()
        assert abs(up[iris[0]]) < 0.1


def test_pixels_move_as_landmarks_do():
    crop, mesh = face(SKINS["brown"])
    field = displacements(mesh, LARGE_EYES, SIDE)
    warped = resample(crop, np.eye(2, 3), SIDE, field)
    place = moved(mesh, field, SIDE)
    for eye in EYES:  # the whites and irises of the drawn eyes against their dark surroundings
        for picture, points in ((crop, mesh), (warped, place)):
            left, top = points[eye].min(0)
            right, bottom = points[eye].max(0)
            bright = np.argwhere(picture[90:150, :, 2].astype(int) > 140)[:, ::-1] + (0.5, 90.5)
            inside = bright[np.abs(bright[:, 0] - (left + right) / 2) < 30]
            assert abs(inside[:, 1].min() - top) < 1.5
            assert abs(inside[:, 1].max() - bottom) < 1.5


@pytest.mark.parametrize("look", LOOKS)
def test_the_warp_is_the_same_at_every_size_and_has_no_folds(look):
    _, mesh = face(SKINS["pale"])
    shape = LOOKS[look].shape
    small, large = displacements(mesh, shape, SIDE), displacements(2 * mesh, shape, 2 * SIDE)
    np.testing.assert_allclose(large, 2 * small, atol=1e-3)
    right, down = np.gradient(small / (SIDE / CELLS), axis=(1, 0))
    jacobian = (1 + right[..., 0]) * (1 + down[..., 1]) - right[..., 1] * down[..., 0]
    assert jacobian.min() > 0.1


def test_a_card_that_is_wrong_is_told():
    assert Shape.from_card({"eyes": [1.2, 1.3], "jaw": 0.1}) == Shape(eyes=(1.2, 1.3), jaw=0.1)
    assert Shape.from_card({}) == Shape()
    for table in (
        {"ears": 1.0},
        {"eyes": 1.2},
        {"jaw": [1, 2]},
        {"jaw": "wide"},
        {"chin": True},
        {"jaw": float("nan")},
    ):
        with pytest.raises(ValueError, match=r"\[shape\]"):
            Shape.from_card(table)
