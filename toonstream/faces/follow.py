"""Faces through a file's frames. A file can wait: not every frame needs a look where its neighbours have had one."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from toonstream.faces.appearance import Appearance
from toonstream.faces.face import Face
from toonstream.faces.framing import half_side
from toonstream.faces.tracker import Tracker
from toonstream.frame import Frame
from toonstream.picture import planes

SPACING, CALM_SPACING = Fraction(1, 15), Fraction(2, 15)
"""Seconds between two looks, and where nobody moves much; a frame in which eyes or mouth change has one of its own."""

CALM = 0.3
"""Speed up to which a face does not move much, in half sides of its crop a second."""

MOST_WAITING = 3
"""Frames that may wait for the next look: what waits takes memory."""

CUT_CHANGE, CUT_UNLIKE = 10.0, 0.06
"""Where a new scene begins, a frame's values differ from the last one's by more than the first on average (of 255, so
that moving about is no cut), and correlate with them by less than 1 minus the second (so that a light is none)."""


def follow(tracker: Tracker, frames: Iterable[Frame], rate: Fraction | None) -> Iterator[tuple[Frame, list[Face]]]:
    """Every frame with its faces, the largest first; `rate` is the frames' nominal rate a second.

    Faces are looked for about fifteen times a second, half as often while they are calm, at every cut, and at once
    where eyes or mouth change: a blink is over in three frames. Those of the frames in between lie between, by their
    time stamps.
    """

    def time(frame: Frame) -> Fraction:
        return frame.index / (rate or Fraction(30)) if frame.pts is None else frame.pts * frame.time_base

    waiting: list[Frame] = []
    before: list[Face] = []
    looked = last = appearance = None
    changed = False
    spacing = SPACING

    def look(frame: Frame) -> Iterator[tuple[Frame, list[Face]]]:
        nonlocal before, looked, appearance, spacing
        after = tracker(frame)
        spacing = SPACING
        if looked is not None:
            span = time(frame) - time(looked)
            for held in waiting:
                yield held, between(before, after, float((time(held) - time(looked)) / span))
            if not changed and is_calm(before, after, float(span)):
                spacing = CALM_SPACING
        yield frame, after
        waiting.clear()
        before, looked, appearance = after, frame, Appearance(frame, after)

    for frame in frames:
        if last is not None and is_cut(last, frame):
            if waiting:
                yield from look(waiting.pop())
            tracker.cut()
            looked = appearance = None
        # A frame waits where the next one will be nearer to the time for a look, and nothing has happened yet.
        changed = appearance is not None and appearance.changed(frame)
        if (
            not changed
            and looked is not None
            and last is not None
            and len(waiting) < MOST_WAITING
            and time(frame) + (time(frame) - time(last)) / 2 < time(looked) + spacing
        ):
            waiting.append(frame)
        else:
            if changed and waiting:  # until then all was as before
                yield from look(waiting.pop())
            yield from look(frame)
        last = frame
    if waiting:
        yield from look(waiting.pop())


def between(before: list[Face], after: list[Face], share: float) -> list[Face]:
    """The faces at `share` of the way from one look to the next (beyond 1: after it); one seen in either is there."""
    earlier = {face.identity: face for face in before}
    faces = [_blend(earlier.pop(face.identity), face, share) if face.identity in earlier else face for face in after]
    return faces + list(earlier.values())


def _blend(a: Face, b: Face, share: float) -> Face:
    landmarks = a.landmarks + np.float32(share) * (b.landmarks - a.landmarks)
    return Face(a.identity, landmarks, a.confidence + share * (b.confidence - a.confidence))


def is_calm(before: list[Face], after: list[Face], seconds: float) -> bool:
    """Whether two looks saw the same faces, none of them moving much."""
    earlier = {face.identity: face for face in before}
    if earlier.keys() != {face.identity for face in after} or any(face.confidence < 1 for face in after):
        return False
    moves = ((face.points - earlier[face.identity].points, half_side(face.points)) for face in after)
    return all(float(np.hypot(*move.T).max()) < CALM * reach * seconds for move, reach in moves)


def is_cut(a: Frame, b: Frame) -> bool:
    """Whether b shows another scene than a, by a grid of some thousand of their values."""
    first, second = planes(a.picture)[0], planes(b.picture)[0]
    if first.shape != second.shape:
        return True
    step = max(1, round((first.shape[0] * first.shape[1] / 2000) ** 0.5))
    x, y = (plane[::step, ::step].astype(np.float32).ravel() for plane in (first, second))
    if float(np.abs(x - y).mean()) < CUT_CHANGE:
        return False
    x, y = x - x.mean(), y - y.mean()
    spread = float(np.linalg.norm(x) * np.linalg.norm(y))
    return spread < x.size or float(x @ y) < (1 - CUT_UNLIKE) * spread  # to and from one flat shade, all is new
