"""Proportions by a network: the contour goes where it says, and the face follows."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from support.drawn_face import SIDE, SKINS, face
from toonstream_engines import Model
from toonstream_engines.errors import InputError

from toonstream.faces.learned_shape import FARTHEST, LearnedShape, proportions
from toonstream.faces.mesh import CONTOUR
from toonstream.faces.shape import CELLS, Shape, moved
from toonstream.faces.spline import displacements, polyharmonic

MESH = face(SKINS["pale"])[1]
MODEL = Model(Path("style/model.onnx"), "0" * 64, (), ())


def test_the_contour_goes_where_the_network_says() -> None:
    middle = np.float32(0.5)
    slim = LearnedShape(lambda contours: np.stack([middle + 0.9 * (contours[..., 0] - middle), contours[..., 1]], 2))
    field = slim.displacements(MESH, SIDE)
    assert field.shape == (CELLS, CELLS, 2)
    placed = moved(MESH, field, SIDE)
    np.testing.assert_allclose(placed[CONTOUR, 0], SIDE / 2 + 0.9 * (MESH[CONTOUR, 0] - SIDE / 2), atol=0.6)
    np.testing.assert_allclose(placed[CONTOUR, 1], MESH[CONTOUR, 1], atol=0.6)
    across = placed[133, 0] - placed[33, 0]
    assert 0.85 < across / (MESH[133, 0] - MESH[33, 0]) < 0.98  # an eye follows


def test_no_move_is_no_warp() -> None:
    assert abs(LearnedShape(lambda contours: contours).displacements(MESH, SIDE)).max() < 1e-3


@pytest.mark.parametrize("wild", [9.0, np.nan])
def test_what_a_network_makes_of_an_unknown_face_is_bounded(wild: float) -> None:
    field = LearnedShape(lambda contours: contours + np.float32(wild)).displacements(MESH, SIDE)
    assert np.isfinite(field).all()
    assert abs(field).max() < 1.5 * FARTHEST * SIDE


def test_the_spline_is_exact_at_its_points() -> None:
    random = np.random.default_rng(0)
    centres, values = random.random((17, 2)), random.random((17, 2))
    np.testing.assert_allclose(polyharmonic(centres, values, centres), values, atol=1e-3)
    points = random.random((17, 2)) * 64
    assert abs(displacements(points, points, 64, 8)).max() < 1e-6


def test_a_card_has_proportions_or_a_network() -> None:
    assert proportions(dataclasses.replace(MODEL, shape={"jaw": 0.1})) == Shape(jaw=0.1)
    for table in ({"network": "a.onnx"}, {"network": "a.onnx", "sha256": "0" * 64, "jaw": 0.1}):
        with pytest.raises(ValueError, match="either proportions or a network with its sha256"):
            proportions(dataclasses.replace(MODEL, shape=table))
    with pytest.raises(InputError, match=r"style/a\.onnx"):
        proportions(dataclasses.replace(MODEL, shape={"network": "a.onnx", "sha256": "0" * 64}))
