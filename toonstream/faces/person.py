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

    def __call__(self, frame: Frame, faces: list[Face]) -> list[Mask]:
        """A mask for each of the frame's faces, which covers the framing's crop and half as much again."""
        before, self._segmented = self._segmented, {}
        masks = []
        for face in faces:
            last = before.get(face.identity)
            mask = _moved(last, face, frame) if last else None
            if last is None or mask is None:
                mask = self._segment(frame, face)
                last = Segmented(mask, face, frame.seconds)
            self._segmented[face.identity] = last
            masks.append(mask)
        return masks

    def _segment(self, frame: Frame, face: Face) -> Mask:
        to_crop = framing.framing(face.points, 2)
        middle, reach = framing.apply(framing.invert(to_crop), np.ones((1, 2))), REACH * framing.half_side(face.points)
        rect = Rect.around(np.vstack([middle - reach, middle + reach]), 0, frame.width, frame.height)
        across, down = SIZE / rect.width, SIZE / rect.height
        matrix = np.array([[across, 0, -rect.left * across], [0, down, -rect.top * down]])
        return Mask(np.rint(255 * self._segmenter(frame, rect)).astype(np.uint8), matrix)

    def forget(self) -> None:
        """The next frame is another video's first."""
        self._segmented = {}

    def close(self) -> None:
        self._segmenter.close()


def _moved(last: Segmented, face: Face, frame: Frame) -> Mask | None:
    """The last mask where the head has taken it; None where it is time for a new one."""
    then, now = last.face.landmarks[RIGID], face.landmarks[RIGID]
    distance = float(np.hypot(*(now - then).T).max()) / framing.half_side(face.points)
    oldest = 0.0 if frame.pts is None or distance > FAR else CALM_SECONDS if distance < CALM else SECONDS
    if not 0 <= frame.seconds - last.seconds < oldest:
        return None
    return replace(last.mask, matrix=framing.compose(last.mask.matrix, framing.similarity(now, then)))
