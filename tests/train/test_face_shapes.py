"""How far faces are from cartoons in shape."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.drawn_face import SKINS, face
from support.training import tiny_pack
from toonstream_train.evaluation.face_shapes import landmark_discrepancy, shape_distances

from toonstream.faces.mesh import CONTOUR
from toonstream.faces.shape import Shape, displacements, moved

MESHES = face(SKINS["pale"])[1] + np.random.default_rng(0).normal(0, 1, (40, 1, 2)).astype(np.float32)


def test_discrepancy_by_hand() -> None:
    """The two cartoons are 10 apart, which is the bandwidth; each kernel is exp of minus half a squared share of it."""
    faces, cartoons = np.array([[[0.0, 0]], [[3, 4]]]), np.array([[[0.0, 0]], [[0, 10]]])
    across = (1 + math.exp(-0.5) + math.exp(-0.125) + math.exp(-0.225)) / 4
    expected = math.exp(-0.125) + math.exp(-0.5) - 2 * across
    assert landmark_discrepancy(faces, cartoons) == pytest.approx(expected)
    unknown = np.array([[[np.nan, 0]]])
    assert landmark_discrepancy(np.concatenate([unknown, faces]), cartoons) == pytest.approx(expected)
    assert math.isnan(landmark_discrepancy(faces, np.concatenate([unknown, cartoons[:1]])))


def test_it_has_no_bias() -> None:
    """Over many pairs of sets of one kind its mean is nought."""
    random = np.random.default_rng(0)
    found = [landmark_discrepancy(random.normal(size=(4, 3, 2)), random.normal(size=(12, 3, 2))) for _ in range(400)]
    assert abs(np.mean(found)) < 3 * np.std(found) / 20


def test_the_warp_to_a_shape_brings_faces_to_cartoons_of_it() -> None:
    slim = Shape(jaw=0.15, chin=0.06)
    photos = replace(tiny_pack(20), points={5: tiny_pack(20).points[5], 478: MESHES[:20]})
    drawn = [moved(mesh, displacements(mesh, slim, 256), 256)[CONTOUR] for mesh in MESHES[20:]]
    cartoons = replace(tiny_pack(20), points={5: photos.points[5], 17: np.stack(drawn)})
    found = shape_distances(photos, cartoons, {"slim": slim, "plain": Shape()})
    assert found["photo"] == found["plain"]
    assert found["photo"] > 0.5
    assert abs(found["slim"]) < 0.1
    assert shape_distances(photos, replace(cartoons, points={5: photos.points[5]}), {"slim": slim}) == {}
    assert shape_distances(replace(photos, points={5: photos.points[5]}), cartoons, {"slim": slim}) == {}
