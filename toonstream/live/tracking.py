"""Faces through live frames: where nobody moves much, the face networks need not run on every frame."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.appearance import Appearance
from toonstream.faces.face import Face
from toonstream.faces.follow import is_calm, is_cut
from toonstream.frame import Frame, Rect
from toonstream.live.strangers import Strangers
from toonstream.toonifier import Toonifier

GAP_SECONDS = 0.5
"""A pause of the source after which a face may be anywhere."""

NEIGHBOURS_SECONDS = 0.1
"""How far apart two frames may be for a new scene to differ from mere movement, and for a calm face to be extrapolated:
a second later it may be anywhere, and its cartoon off its place."""

CHANGE = 0.4
"""Share of the change at which the networks run on a file's frame: live, no later frame corrects what was missed."""


@dataclass(frozen=True)
class Observation:
    """What was detected in a frame: its faces, the largest first."""

    faces: list[Face]
    detected: bool = True
    """Whether the networks ran on this frame; otherwise the faces are extrapolated."""
    strangers: list[Rect] = field(default_factory=list)
    """Where there may be a person who is none of them; LiveTracker.others looks for them."""
    people: NDArray[np.uint8] | None = None
    """Mask of people, square, over the whole frame: 1 where there is a person; None where it is unknown."""


class LiveTracker:
    """A frame's faces, the largest first; to be called with every frame, in order.

    After a frame of calm faces, those of the next one are extrapolated: half the work, and the delay stays low on
    machines that have just enough time. Never two frames in a row, nor where a face is covered or lost, nor where the
    frame comes late, nor where eyes or mouth look different (that may be a blink, or a face that jumped) or show too
    little to decide.
    """

    def __init__(self, toonifier: Toonifier, strangers: Strangers | None = None) -> None:
        self._toonifier = toonifier
        self._strangers = strangers
        self._last: Frame | None = None
        self._looks: list[tuple[float, list[Face]]] = []  # when, and the faces; the last two
        self._calm: Appearance | None = None  # of the last frame, if the networks ran on it and its faces were calm

    def __call__(self, frame: Frame) -> Observation:
        if self._last is not None and frame.scene != self._last.scene:
            self.forget()
            self._last = None
        return Observation(*self._faces(frame))

    def others(self, frame: Frame, observation: Observation) -> Observation:
        """What was detected, with who else is there; to be called after every look, while its faces may be drawn."""
        if self._strangers is None:
            return observation
        strangers = self._strangers(frame, observation.faces, observation.detected)
        if square := self._strangers.to_meet(frame.seconds):
            self._toonifier.meet(frame, square)
        return replace(observation, strangers=strangers, people=self._strangers.people)

    def _faces(self, frame: Frame) -> tuple[list[Face], bool]:
        """The frame's faces, and whether the networks ran on it."""
        last, self._last = self._last, frame
        now = frame.seconds
        if last is not None and _is_new(last, frame):
            self._toonifier.cut()
            self._looks, self._calm = [], None
        calm, self._calm = self._calm, None
        if calm and last is not None and now - last.seconds < NEIGHBOURS_SECONDS and not calm.changed(frame, CHANGE):
            (earlier, before), (later, after) = self._looks
            return onward(before, after, (now - later) / (later - earlier)), False
        faces = self._toonifier.see(frame, search=self._strangers is None)
        self._looks = [*self._looks[-1:], (now, faces)]
        if len(self._looks) == 2 and faces:
            (earlier, before), _ = self._looks
            if is_calm(before, faces, now - earlier):
                appearance = Appearance(frame, faces)
                self._calm = appearance if appearance.telling else None
        return faces, True

    def forget(self) -> None:
        """Drop all tracked faces, as after an error."""
        self._toonifier.reset()
        if self._strangers:
            self._strangers.forget()
        self._looks, self._calm = [], None


def onward(before: list[Face], after: list[Face], share: float) -> list[Face]:
    """The faces of `after`, extrapolated by `share` of their movement since `before`, which has the same faces.

    Only their place: a mouth or a lid moves back as often as on.
    """
    earlier = {face.identity: face.landmarks for face in before}
    ways = (face.landmarks.mean(0) - earlier[face.identity].mean(0) for face in after)
    return [
        replace(face, landmarks=face.landmarks + np.float32(share) * way) for face, way in zip(after, ways, strict=True)
    ]


def _is_new(last: Frame, frame: Frame) -> bool:
    """Whether a face may be anywhere in a frame, whatever the last processed one had: after a cut or a pause.

    Not where we were only too slow for the frames between: searching the whole picture would make us slower still.
    """
    seconds = frame.seconds - last.seconds
    if seconds > NEIGHBOURS_SECONDS:
        return seconds > GAP_SECONDS * (frame.index - last.index)
    return is_cut(last, frame)
