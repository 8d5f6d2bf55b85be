"""Faces through a file's frames. A file can wait: not every frame needs a look where its neighbours have had one."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from toonstream.faces.face import Face
from toonstream.faces.tracker import Tracker
from toonstream.frame import Frame
from toonstream.picture import planes

LOOKS_PER_SECOND = 15
"""Heads turn little in a fifteenth of a second, and what a face does meanwhile the generator sees for itself."""

CUT = 24
"""Mean change of a plane's values, 0 to 255, from one frame to the next that makes a new scene."""


def follow(tracker: Tracker, frames: Iterable[Frame], rate: Fraction | None) -> Iterator[tuple[Frame, list[Face]]]:
    """Every frame with its faces, the largest first; `rate` is the frames' nominal rate a second.

    Faces are looked for about fifteen times a second and at every cut; those of the frames in between lie between.
    """
    step = max(1, round((rate or 0) / LOOKS_PER_SECOND))
    waiting: list[Frame] = []
    before: list[Face] = []
    last: Frame | None = None
    for frame in frames:
        if last is None or is_cut(last, frame):
            yield from ((held, before) for held in waiting)
            tracker.forget()
            waiting, before = [], tracker(frame)
            yield frame, before
        elif len(waiting) + 1 < step:
            waiting.append(frame)
        else:
            after = tracker(frame)
            for count, held in enumerate(waiting, 1):
                yield held, between(before, after, count / step)
            yield frame, after
            waiting, before = [], after
        last = frame
    yield from ((held, before) for held in waiting)


def between(before: list[Face], after: list[Face], share: float) -> list[Face]:
    """The faces at `share` (0 to 1) of the way between two looks; one seen in either is there in between."""
    earlier = {face.identity: face for face in before}
    faces = [_blend(earlier.pop(face.identity), face, share) if face.identity in earlier else face for face in after]
    return faces + list(earlier.values())


def _blend(a: Face, b: Face, share: float) -> Face:
    landmarks = a.landmarks + np.float32(share) * (b.landmarks - a.landmarks)
    return Face(a.identity, landmarks, a.confidence + share * (b.confidence - a.confidence))


def is_cut(a: Frame, b: Frame) -> bool:
    """Whether b shows another scene than a, by a grid of some thousand of their values."""
    first, second = planes(a.picture)[0], planes(b.picture)[0]
    if first.shape != second.shape:
        return True
    step = max(1, round((first.shape[0] * first.shape[1] / 2000) ** 0.5))
    change = np.abs(first[::step, ::step].astype(np.int16) - second[::step, ::step])
    return bool(change.mean() > CUT)
