"""The face networks beside MediaPipe's own graph, on the same pictures."""

import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from toonstream.faces.detector import Detector
from toonstream.faces.landmarker import Landmarker
from toonstream.frame import Frame

mediapipe = pytest.importorskip("mediapipe", reason="needs mediapipe: pip install '.[reference]'")
from mediapipe.tasks.python import BaseOptions, vision  # noqa: E402

TESTS = Path(__file__).parents[1]
MODEL = TESTS / "reference" / "face_landmarker.task"
CONFIDENCE = 0.5  # MediaPipe's default


def image(rgb: np.ndarray) -> "mediapipe.Image":
    return mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(rgb))


@pytest.fixture(scope="module")
def their_detector() -> Iterator[vision.FaceDetector]:
    with zipfile.ZipFile(MODEL) as archive:
        model = BaseOptions(model_asset_buffer=archive.read("face_detector.tflite"))
    options = vision.FaceDetectorOptions(base_options=model, min_detection_confidence=CONFIDENCE)
    with vision.FaceDetector.create_from_options(options) as detector:
        yield detector


@pytest.fixture(scope="module")
def their_landmarker() -> Iterator[vision.FaceLandmarker]:
    options = vision.FaceLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(MODEL)), num_faces=3)
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        yield landmarker


def pictures() -> Iterator[np.ndarray]:
    """Squares of 384 pixels: the sample's head, two of them small, tilted heads, a mirrored one, none."""
    with av.open(TESTS / "sample" / "talking-head.mp4") as clip:
        heads = [f.to_ndarray(format="rgb24")[30:414, 120:504] for f in list(clip.decode(video=0))[::30]]
    yield from heads
    small = [cv2.resize(head, (192, 192), interpolation=cv2.INTER_AREA) for head in heads[:2]]
    two = np.full((384, 384, 3), 128, np.uint8)
    two[:192, :192], two[192:, 192:] = small[0], small[1][:, ::-1]
    yield two
    for degrees in (-30, 20):
        turn = cv2.getRotationMatrix2D((192, 192), degrees, 1)
        yield cv2.warpAffine(heads[0], turn, (384, 384), borderMode=cv2.BORDER_REPLICATE)
    yield heads[0][:, ::-1]
    yield np.random.default_rng(0).integers(0, 256, (384, 384, 3), np.uint8)


def test_the_detector_finds_the_same_boxes_and_points(their_detector):
    detector = Detector(CONFIDENCE)
    for rgb in pictures():
        picture = cv2.resize(rgb, (128, 128), interpolation=cv2.INTER_AREA)
        theirs = their_detector.detect(image(picture)).detections
        ours = detector(picture)
        assert [face.score for face in ours] == pytest.approx([f.categories[0].score for f in theirs], abs=1e-4)
        for face, their in zip(ours, theirs, strict=True):
            points = np.array([(p.x, p.y) for p in their.keypoints]) * 128
            assert np.abs(face.points - points).max() < 0.01
            box = their.bounding_box  # rounded to whole pixels
            width, height = face.box[2:] - face.box[:2]
            assert (*face.box[:2], width, height) == pytest.approx(
                (box.origin_x, box.origin_y, box.width, box.height), abs=1
            )


def test_the_landmarks_lie_within_half_a_pixel_of_256(their_landmarker):
    detector, landmarker = Detector(CONFIDENCE), Landmarker()
    for rgb in pictures():
        frame = Frame.from_rgb(rgb, None, Fraction(1), 0)
        side = rgb.shape[0]
        theirs = their_landmarker.detect(image(rgb)).face_landmarks
        small = cv2.warpAffine(rgb, np.eye(2, 3) * 128 / side, (128, 128))  # as MediaPipe does it
        squares = [face.square.placed(side / 128, 0, 0) for face in detector(small)]
        found = [(square, landmarker(frame, square)) for square in squares]
        ours = [(square, landmarks) for square, landmarks in found if landmarks is not None]
        assert len(ours) == len(theirs)
        for square, landmarks in ours:
            near = min((np.array([(p.x, p.y) for p in f]) * side for f in theirs), key=lambda f: distance(f, landmarks))
            # MediaPipe takes a pixel's corner for its centre: half a pixel of the picture less half one of the crop.
            shift = (square.side / 256 - 1) / 2
            assert distance(near - shift, landmarks) * 256 / square.side < 0.5


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over the landmarks."""
    return float(np.linalg.norm(a - b, axis=1).mean())
