"""Where the people are whose faces are drawn: segmented several times a second, moved with the head in between."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces import framing
from toonstream.faces.face import Face
from toonstream.faces.mesh import RIGID
from toonstream.faces.segmenter import SIZE, Segmenter
from toonstream.frame import Frame, Rect

REACH = 1.5
"""Half the side of what is segmented, in half sides of the framing's crop."""

SECONDS, CALM_SECONDS = 0.09, 0.19
"""Age at which a mask is renewed, and where the head has hardly moved: every third and sixth frame at 30 a second."""

CALM, FAR = 0.03, 0.3
"""How far a head has moved since its mask, in half sides of its crop, to be calm, and to need a new mask at once."""


@dataclass(frozen=True)
class Mask:
    """How likely each place belongs to a person, (SIZE, SIZE) uint8, 255 for sure; `matrix`, (2, 3), from the frame."""

    likely: NDArray[np.uint8]
    matrix: NDArray[np.float64]

    def through(self, matrix: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
        """What `matrix`, (2, 3) from the frame, shows of the mask in (size, size); beyond its border that repeats."""
        view = framing.opencv(framing.compose(matrix, framing.invert(self.matrix)))
        shown: NDArray[np.uint8] = cv2.warpAffine(
            self.likely, view, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return shown


@dataclass(frozen=True)
class Segmented:
    """A face as it was when its mask was made, and when that was."""

    mask: Mask
    face: Face
    seconds: float


class PersonMasks:
    """Gives the masks of faces, for the frames of one video in their order."""

    def __init__(self) -> None:
        self._segmenter = Segmenter()
        self._segmented: dict[int, Segmented] = {}
        self._renewed: float | None = None  # when, in seconds

    def __call__(self, frame: Frame, faces: list[Face]) -> list[Mask]:
        """A mask for each of the frame's faces, which covers the framing's crop and half as much again."""
        before, self._segmented = self._segmented, {}
        masks = []
        for face in faces:
            last = before.get(face.identity)
            fresh = last and frame.pts is not None and not _is_old(_way(last, face), frame.seconds - last.seconds)
            if last is None or not fresh:
                last = self._segment(frame, face)
            self._segmented[face.identity] = last
            masks.append(_moved(last, face))
        return masks

    def renew(self, frame: Frame, faces: list[Face]) -> None:
        """Makes the masks that would be too old in the next frame ahead, for the last call's frame and faces.

        The next frame is expected as long after this one as this one came after the last, and heads to move on.
        """
        before, self._renewed = self._renewed, frame.seconds
        step = 0.0 if before is None else frame.seconds - before
        segmented = self._segmented
        for face in faces:
            last = segmented.get(face.identity)
            age = frame.seconds - last.seconds if last else 0.0
            if last and age > 0 and _is_old(_way(last, face) * (age + step) / age, age + step):
                segmented[face.identity] = self._segment(frame, face)

    def _segment(self, frame: Frame, face: Face) -> Segmented:
        to_crop = framing.framing(face.points, 2)
        middle, reach = framing.apply(framing.invert(to_crop), np.ones((1, 2))), REACH * framing.half_side(face.points)
        rect = Rect.around(np.vstack([middle - reach, middle + reach]), 0, frame.width, frame.height)
        across, down = SIZE / rect.width, SIZE / rect.height
        matrix = np.array([[across, 0, -rect.left * across], [0, down, -rect.top * down]])
        mask = Mask(np.rint(255 * self._segmenter(frame, rect)).astype(np.uint8), matrix)
        return Segmented(mask, face, frame.seconds)

    def forget(self) -> None:
        """The next frame is another video's first."""
        self._segmented, self._renewed = {}, None

    def close(self) -> None:
        self._segmenter.close()


def _way(last: Segmented, face: Face) -> float:
    """How far the head has moved since, in half sides of its crop."""
    moves = face.landmarks[RIGID] - last.face.landmarks[RIGID]
    return float(np.hypot(*moves.T).max()) / framing.half_side(face.points)


def _is_old(way: float, age: float) -> bool:
    oldest = 0.0 if way > FAR else CALM_SECONDS if way < CALM else SECONDS
    return not 0 <= age < oldest


def _moved(last: Segmented, face: Face) -> Mask:
    """The mask where the head has taken it."""
    way = framing.similarity(face.landmarks[RIGID], last.face.landmarks[RIGID])
    return replace(last.mask, matrix=framing.compose(last.mask.matrix, way))
