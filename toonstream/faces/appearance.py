"""Whether eyes or a mouth look different than at the last detection: by templates, far cheaper than detecting."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.face import Face
from toonstream.faces.mesh import EYES, MOUTH
from toonstream.faces.square import LEFT_EYE_CORNER, RIGHT_EYE_CORNER
from toonstream.frame import Frame, Pixels, Rect

SIZE, MARGIN = 26, 4
"""Pixels of the side of what is searched for a template, and of the margin around that: as far as it may have moved."""

SMALLEST = 12
"""Pixels of the frame from which a template shows anything."""

REACH = (EYES[0], 0.38), (EYES[1], 0.38), (MOUTH, 0.6)
"""Landmarks of each part, and half the side of what is searched for it, in distances of the eyes' outer corners."""

CHANGE = 0.08, 0.08, 0.1
"""One minus the correlation from which each part has changed."""

NOISE = 4.0
"""Standard deviation of brightness, of 255, at which a template may be mere noise: it has to change twice as much."""

TELLING = 0.75
"""A template's `most` up to which it tells a face from another place; darker or flatter ones do not."""


class Template(NamedTuple):
    """One part of one face at the last detection."""

    rect: Rect
    picture: Pixels
    """The template itself: the middle of the rectangle, without the margin."""
    most: float
    """One minus the correlation up to which it has not changed."""

    def changed(self, frame: Frame, share: float) -> bool:
        """Whether it looks different in this frame, but for its place, the light and noise."""
        found = cv2.matchTemplate(frame.grey(self.rect, SIZE), self.picture, cv2.TM_CCOEFF_NORMED)
        _, peak, _, (x, y) = cv2.minMaxLoc(found)
        peak += _beyond(found[y, max(x - 1, 0) : x + 2]) + _beyond(found[max(y - 1, 0) : y + 2, x])
        return 1 - peak > share * self.most


class Appearance:
    """What the eyes and mouths of a frame's faces looked like.

    telling: whether each face shows enough for `changed` to notice that it has gone; one that is tiny, or in the dark,
    does not.
    """

    def __init__(self, frame: Frame, faces: list[Face]) -> None:
        each = [_templates(frame, face) for face in faces]
        self._templates = [template for templates in each for template in templates]
        self.telling = all(any(template.most < TELLING for template in templates) for templates in each)

    def changed(self, frame: Frame, share: float = 1.0) -> bool:
        """Whether one of them looks different in this frame: a blink, a word, a hand, or a face that moved away.

        share: of the usual change, from which on it is one.
        """
        return any(template.changed(frame, share) for template in self._templates)


def _templates(frame: Frame, face: Face) -> list[Template]:
    width = float(np.hypot(*(face.landmarks[RIGHT_EYE_CORNER] - face.landmarks[LEFT_EYE_CORNER])))
    templates = []
    for (part, reach), change in zip(REACH, CHANGE, strict=True):
        centre = face.landmarks[part].mean(0)
        corners = np.stack([centre - reach * width, centre + reach * width])
        rect = Rect.around(corners, 0, frame.width, frame.height)
        if min(rect.width, rect.height) >= SMALLEST:
            middle = frame.grey(rect, SIZE)[MARGIN:-MARGIN, MARGIN:-MARGIN]
            templates.append(Template(rect, middle, change * (1 + NOISE**2 / max(float(middle.var()), 1e-3))))
    return templates


def _beyond(three: NDArray[np.float32]) -> float:
    """How much higher than the middle one of three values the parabola through them peaks."""
    if len(three) < 3:
        return 0.0
    before, peak, after = three.tolist()
    bend = 2 * peak - before - after
    return (after - before) ** 2 / (8 * bend) if bend > 0 else 0.0
