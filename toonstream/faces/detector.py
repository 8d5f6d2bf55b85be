"""Finds faces, roughly: BlazeFace (Bazarevsky et al., 2019), MediaPipe's short-range face detector."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.network import open_face_network
from toonstream.faces.square import MARGIN, Square

SIZE = 128
"""Pixels of the picture that the network sees, (SIZE, SIZE); it finds faces from about a tenth of that."""

SAME_FACE = 0.3  # boxes that overlap by more than this, intersection over union, are of one face


class Detection(NamedTuple):
    """box: left, top, right, bottom. points: (6, 2), eyes (the picture's left first), nose, mouth, ears; in pixels."""

    score: float
    box: NDArray[np.float32]
    points: NDArray[np.float32]

    @property
    def square(self) -> Square:
        """The square in which the landmark network looks for this face."""
        left, top, right, bottom = self.box.tolist()
        across = self.points[1] - self.points[0]
        angle = math.atan2(across[1], across[0])
        return Square((left + right) / 2, (top + bottom) / 2, MARGIN * max(right - left, bottom - top), angle)


class Detector:
    """Finds the faces of a small picture whose score is at least `confidence`, 0 to 1."""

    def __init__(self, confidence: float) -> None:
        self._network = open_face_network("face_detector")
        self._confidence = confidence

    def __call__(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """The faces of a picture, (SIZE, SIZE, 3) RGB, those with the highest scores first."""
        found = self._network.run({"image": picture[None]})
        scores, boxes = found["scores"][0], found["boxes"][0]
        likely = scores >= self._confidence
        return merged(scores[likely], boxes[likely])

    def close(self) -> None:
        self._network.close()


def merged(scores: NDArray[np.float32], boxes: NDArray[np.float32]) -> list[Detection]:
    """Weighted non-maximum suppression: boxes that overlap the best one are averaged with it, weighted by their scores.

    scores: (N,). boxes: (N, 16), of each its centre, width and height, then its six points.
    """
    order = np.argsort(-scores, kind="stable")
    scores, boxes = scores[order], boxes[order]
    centres, halves = boxes[:, :2], boxes[:, 2:4] / 2
    corners = np.hstack([centres - halves, centres + halves])
    detections = []
    while len(scores):
        same = overlap(corners[0], corners) > SAME_FACE
        same[0] = True
        weights = scores[same] / scores[same].sum()
        detections.append(
            Detection(float(scores[0]), weights @ corners[same], (weights @ boxes[same, 4:]).reshape(6, 2))
        )
        scores, boxes, corners = scores[~same], boxes[~same], corners[~same]
    return detections


def overlap(box: NDArray[np.floating], boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of a box with each of (N, 4): left, top, right, bottom."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    shared = sides.clip(0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return np.asarray(shared / (areas + (box[2:] - box[:2]).prod() - shared), np.float64)
