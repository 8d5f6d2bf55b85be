"""The one framing: where the crop lies, and that it moves with the face."""

import cv2
import numpy as np
import pytest

from toonstream.faces import framing

POINTS = np.array([[40.0, 50], [60, 50], [50, 60], [43, 71], [57, 71]])


def test_frames_photographs_by_eyes_and_mouth():
    matrix = framing.framing(POINTS, 256)
    half = 1.7 * 21  # eyes to mouth is 21; between the eyes 20, and 1.5 * 20 is less
    assert np.allclose(framing.apply(matrix, np.array([[50, 50 + 0.08 * 21]])), 128)
    assert np.allclose(matrix[:, :2], np.eye(2) * 256 / (2 * half))


def test_frames_wide_set_eyes_by_their_distance():
    wide = POINTS.copy()
    wide[:2, 0] = 20, 80
    assert framing.framing(wide, 100)[0, 0] == pytest.approx(100 / (2 * 1.5 * 60))


def test_a_smile_leaves_the_chin_in_the_crop():
    matrix = framing.framing(POINTS, 256)
    chins = framing.apply(framing.invert(matrix), 256 * np.array([[0.5, 0.9], [0.45, 1.06], [0.5, 3.0]]))
    assert np.array_equal(framing.with_chin(matrix, chins[0], 256), matrix)
    further = framing.with_chin(matrix, chins[1], 256)
    assert framing.apply(further, chins[1][None])[0, 1] == pytest.approx(0.97 * 256)
    assert np.allclose(framing.apply(further, framing.apply(framing.invert(matrix), np.full((1, 2), 128.0))), 128)
    assert np.allclose(framing.with_chin(matrix, chins[2], 256)[:, :2], 0.75 * matrix[:, :2])


def test_moves_turns_and_grows_with_the_face():
    angle, scale, shift = 0.7, 3.0, np.array([11.0, -5])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = POINTS @ turn.T + shift
    before = framing.apply(framing.framing(POINTS, 256), POINTS)
    after = framing.apply(framing.framing(moved, 256), moved)
    assert np.allclose(before, after)


def test_inverse_leads_back():
    matrix = framing.framing(POINTS, 256)
    assert np.allclose(framing.apply(framing.invert(matrix), framing.apply(matrix, POINTS)), POINTS)


def test_points_that_fall_together_are_refused():
    with pytest.raises(ValueError, match="fall together"):
        framing.framing(np.ones((5, 2)), 256)


def test_opencv_samples_pixel_centres():
    """Doubling a picture puts each pixel's centre in the middle of four: 1/4 and 3/4 between neighbours."""
    row = np.array([[0, 100]], np.float32)
    double = np.array([[2.0, 0, 0], [0, 2, 0]])
    wide = cv2.warpAffine(row, framing.opencv(double), (4, 1), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert np.allclose(wide[0], [0, 25, 75, 100], atol=1)


def test_two_matrices_in_one():
    first, second = np.array([[1.0, 2, 3], [4, 5, 6]]), np.array([[0.0, -1, 2], [1, 0, 5]])
    points = np.array([[1.0, 2], [3, -4]])
    once = framing.apply(framing.compose(second, first), points)
    assert np.allclose(once, framing.apply(second, framing.apply(first, points)))


def test_a_similarity_is_found_again_from_points():
    points = np.random.default_rng(0).random((20, 2))
    matrix = np.array([[1.2, -0.5, 7], [0.5, 1.2, -3]])
    assert np.allclose(framing.similarity(points, framing.apply(matrix, points)), matrix)
