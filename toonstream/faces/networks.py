"""mediapipe's face detector and landmark networks, out of the one model file that the package carries."""

import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from io import BytesIO
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import UserError

MODEL = "face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"

DETECTOR_SIZE = 128
"""Pixels that the detector sees of any picture; it finds faces from about a tenth of them."""


@cache
def _model() -> bytes:
    data = (resources.files("toonstream") / "models" / MODEL).read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise UserError(f"{MODEL}: the face model is damaged; reinstall toonstream")
    return data


@cache
def _vision() -> Any:
    # Imported late, since it takes a while, and without matplotlib and sounddevice, which take longer than the rest:
    # only mediapipe's drawing of landmarks and its microphone need them, and neither is used here.
    stubs = {name: ModuleType(name) for name in ("matplotlib", "matplotlib.pyplot", "sounddevice")}
    stubs = {name: stub for name, stub in stubs.items() if name not in sys.modules}
    sys.modules.update(stubs)
    try:
        from mediapipe.tasks.python import vision
    finally:
        for name in stubs:
            del sys.modules[name]
    # Collected as garbage they would close, which waits for a thread of theirs: in the midst of an import, forever.
    # Whoever holds one of ours closes it.
    for network in (vision.FaceDetector, vision.FaceLandmarker):
        network.__del__ = lambda self: None
    return vision


@contextmanager
def _quietly() -> Iterator[None]:
    """mediapipe writes notes on itself to standard error, which nobody can act on and no setting stops."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _image(rgb: NDArray[np.uint8]) -> Any:
    import mediapipe

    return mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(rgb))


def _base_options(model: bytes) -> Any:
    from mediapipe.tasks.python import BaseOptions

    return BaseOptions(model_asset_buffer=model)


class Detector:
    """Finds faces, roughly, wherever they are in a picture."""

    def __init__(self, confidence: float) -> None:
        vision = _vision()
        with zipfile.ZipFile(BytesIO(_model())) as archive:
            network = archive.read("face_detector.tflite")
        options = vision.FaceDetectorOptions(base_options=_base_options(network), min_detection_confidence=confidence)
        with _quietly():
            self._detector = vision.FaceDetector.create_from_options(options)

    def __call__(self, rgb: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """Each face's two eyes (the picture's left first) and mouth, (3, 2), in pixels of `rgb`, (H, W, 3) uint8."""
        height, width = rgb.shape[:2]
        found = self._detector.detect(_image(rgb)).detections
        return [np.array([[p.x * width, p.y * height] for p in (f.keypoints[i] for i in (0, 1, 3))]) for f in found]

    def close(self) -> None:
        self._detector.close()


class Landmarker:
    """Follows one face through a sequence of crops, in each of which it stands upright and about in the middle."""

    # The network's own smoothing knows one face only and lags; with frames this far apart it does nothing.
    STEP_MS = 1_000_000

    def __init__(self) -> None:
        vision = _vision()
        options = vision.FaceLandmarkerOptions(
            base_options=_base_options(_model()), running_mode=vision.RunningMode.VIDEO, num_faces=1
        )
        with _quietly():
            self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._clock = 0

    def __call__(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64] | None:
        """The face's (478, 2) landmarks in pixels of the crop, (H, W, 3) uint8, or None where there is no face."""
        self._clock += self.STEP_MS
        found = self._landmarker.detect_for_video(_image(rgb), self._clock).face_landmarks
        if not found:
            return None
        height, width = rgb.shape[:2]
        return np.array([(p.x * width, p.y * height) for p in found[0]])

    def close(self) -> None:
        self._landmarker.close()
