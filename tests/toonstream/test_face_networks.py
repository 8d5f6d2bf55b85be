"""The face networks' files, and what is computed around them: squares, and boxes of which many tell of one face."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from toonstream_engines.errors import UserError

from toonstream.faces import framing, network
from toonstream.faces.detector import Detector, merged, overlap
from toonstream.faces.landmarker import Landmarker
from toonstream.faces.network import SHA256, open_face_network
from toonstream.faces.segmenter import SIZE, Segmenter
from toonstream.faces.square import LEFT_EYE_CORNER, RIGHT_EYE_CORNER, Square
from toonstream.frame import Frame, Rect

CLIP = Path(__file__).parents[1] / "sample" / "talking-head.mp4"


@pytest.fixture(scope="module")
def frame() -> Frame:
    with av.open(CLIP) as clip:
        return Frame(next(clip.decode(video=0)), 0, 0, Fraction(1, 30))


def test_a_damaged_network_is_refused(monkeypatch):
    monkeypatch.setitem(network.SHA256, "face_detector", "0" * 64)
    with pytest.raises(UserError, match=r"face_detector\.onnx.*reinstall"):
        open_face_network("face_detector")


@pytest.mark.parametrize(("name", "size"), [("face_detector", 128), ("face_mesh", 256), ("selfie_segmentation", 256)])
def test_a_batch_gives_what_each_picture_gives(name, size):
    assert name in SHA256
    pictures = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
    net = open_face_network(name)
    both = net.run({"image": pictures})
    for i in range(2):
        for output, value in net.run({"image": pictures[i : i + 1]}).items():
            np.testing.assert_allclose(both[output][i], value[0], rtol=1e-4, atol=1e-3)


def test_overlap_of_boxes():
    box = np.float32([0, 0, 2, 2])
    others = np.float32([[0, 0, 2, 2], [1, 0, 3, 2], [1, 1, 3, 3], [2, 0, 4, 2], [5, 5, 6, 6]])
    assert overlap(box, others) == pytest.approx([1, 1 / 3, 1 / 7, 0, 0])


def test_boxes_of_one_face_are_averaged_by_their_scores():
    one, near, far = (np.arange(16, dtype=np.float32) for _ in range(3))
    one[:4], near[:4], far[:4] = (10, 10, 8, 8), (11, 10, 8, 8), (50, 50, 8, 8)
    near[4:] += 4
    first, second = merged(np.float32([0.6, 0.7, 0.9]), np.stack([near, far, one]))
    assert (first.score, second.score) == pytest.approx((0.9, 0.7))
    assert first.box == pytest.approx(np.array([6, 6, 14, 14]) + np.array([0.4, 0, 0.4, 0]))
    assert first.points.ravel() == pytest.approx(one[4:] + 4 * 0.4)
    assert second.box == pytest.approx([46, 46, 54, 54])


def test_a_square_turns_and_grows_with_the_face():
    landmarks = np.random.default_rng(0).uniform(100, 200, (478, 2))
    landmarks[LEFT_EYE_CORNER], landmarks[RIGHT_EYE_CORNER] = (120, 150), (180, 150)
    square = Square.of_landmarks(landmarks)
    low, high = landmarks.min(0), landmarks.max(0)
    assert square == pytest.approx((*(low + high) / 2, 1.5 * (high - low).max(), 0))
    turn = 2 * np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    x, y = turn @ square[:2] + (5, 6)
    assert Square.of_landmarks(landmarks @ turn.T + (5, 6)) == pytest.approx((x, y, 2 * square.side, 0.7))


def test_the_crop_of_a_square_is_upright():
    matrix = Square(100, 80, 40, np.pi / 2).matrix(256)
    corners = np.array([[100, 80], [120, 60], [120, 100]])  # centre; the crop's top left, bottom left ...
    assert framing.apply(matrix, corners) == pytest.approx(np.array([[128, 128], [0, 0], [256, 0]]))


def test_the_landmarks_of_a_face_lie_in_the_square_that_detector_and_landmarks_give(frame):
    [face] = Detector(0.6)(frame.rgb(Rect(80, 0, 560, 480), (128, 128)))
    square = face.square.placed(480 / 128, 80, 0)
    landmarks = Landmarker()(frame, square)
    assert landmarks is not None
    again = Square.of_landmarks(landmarks)
    assert np.hypot(again.x - square.x, again.y - square.y) < 0.1 * square.side
    assert again.side == pytest.approx(square.side, rel=0.2)
    eyes = framing.apply(again.matrix(1), landmarks[[LEFT_EYE_CORNER, RIGHT_EYE_CORNER]])
    assert eyes[0, 1] == pytest.approx(eyes[1, 1])
    assert eyes[0, 0] < 0.5 < eyes[1, 0]


def test_no_landmarks_where_there_is_no_face(frame):
    assert Landmarker()(frame, Square(60, 60, 100, 0)) is None


def test_the_segmenter_tells_the_head_from_the_wall(frame):
    mask = Segmenter()(frame, Rect(80, 0, 560, 480))
    assert mask.shape == (SIZE, SIZE)
    assert mask.dtype == np.float32
    assert mask[60:110, 90:170].min() > 0.9  # the face
    assert mask[:110, :50].max() < 0.1  # the wall
    assert np.count_nonzero((mask < 0.1) | (mask > 0.9)) > 0.95 * mask.size


def test_the_segmenter_finds_nobody_in_grey():
    grey = Frame.from_rgb(np.full((64, 96, 3), 128, np.uint8), None, Fraction(1), 0)
    assert Segmenter()(grey, Rect(0, 0, 96, 64)).max() < 0.5
