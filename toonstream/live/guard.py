"""The real face never shows: what was found once is a cartoon, held, blurred or a still, and never bare again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.composite import Toon, composite
from toonstream.faces.face import Face
from toonstream.faces.framing import half_side
from toonstream.frame import Frame, Patch, Pixels, Rect
from toonstream.live.look import Sight
from toonstream.live.views import stamped
from toonstream.picture import copy, planes

ON_LOST = ("hold", "blur", "pass")

HOLD_SECONDS = 0.5
"""How long the last picture stands still when a face is lost."""

BLUR_SECONDS = 2.5
"""From when on, after nobody was seen for so long, a still takes the place of the blurred picture."""

HEAD = 1.4
"""Reach of a head with its hair from the face's middle, in half sides of the framing: what is blurred of it."""

SPEED = 8.0
"""How fast a lost head may have got elsewhere, in half sides of the framing a second: about what somebody who jumps
up from the chair does."""

CELLS = 2
"""Averages that are left of a face across half a side of the framing: nobody is known by so few."""

CELLS_UNSEEN = 8
"""The same across the picture's shorter side while nobody knows how large the faces are."""

GONE_SECONDS, GONE_TIMES, GONE_LEAST = 60.0, 10.0, 2.0
"""While others are seen, a lost face is taken to have left after so many seconds; one that was seen for a moment only,
as what is no face is at times, after so many times as long as it was seen, but not sooner than the last."""


@dataclass(eq=False)
class Person:
    """A face that was found: where and when it was last seen; pixels and seconds."""

    identity: int
    since: float
    seen_at: float
    middle: NDArray[np.float64]
    half_side: float
    seen_for: float = 0.0

    def reach(self, now: float) -> float:
        """How far from where it was last seen some of the head may be by now."""
        return self.half_side * (HEAD + SPEED * (now - self.seen_at))

    def could_be(self, other: "Person", now: float) -> bool:
        """Whether `other`, who came after this one was lost, may be the same."""
        apart = float(np.hypot(*(other.middle - self.middle)))
        return other.since > self.seen_at and apart < self.reach(now)


@dataclass(frozen=True)
class Cover:
    """A square to blur: its middle and half its side in pixels, and the side of the cells that are averaged."""

    middle: NDArray[np.float64]
    reach: float
    cell: float


class Guard:
    """Makes the picture to show of each frame, its faces and their cartoons, for the frames of one source in order.

    on_lost: what is shown when a face that was found is lost. "hold": the last picture for a moment, then the live one
    with all places blurred where the face may be, then a still until it is found again. "blur": blurred at once, and no
    still. "pass": the picture as it is. picture: what was shown last: "live", "held", "blurred", "still".
    last: the last picture that may be shown again: one whose faces were looked for in it, not only expected.
    """

    def __init__(self, on_lost: str = "hold") -> None:
        self._on_lost = on_lost
        self._people: list[Person] = []
        self._last_time: float | None = None
        self.last: Frame | None = None
        self._shown: Frame | None = None
        self._whole: Frame | None = None
        self.picture = "blurred"

    def __call__(self, frame: Frame, sight: Sight | None, toons: Sequence[Toon]) -> Frame:
        """The picture to show. sight: None where looking failed. toons: of the faces that are drawn."""
        if self._on_lost == "pass":
            self.picture = "live"
            self.last = composite(frame, toons)
            return self.last
        now = frame.seconds
        seen = [face for face in sight.faces if face.confidence == 1] if sight else []
        lost = self._follow(seen, now)
        self.picture, shown = self._choose(frame, seen, lost, toons, now)
        if sight and not sight.looked:
            return shown
        self.last = shown
        if self.picture not in ("held", "still"):
            self._shown = shown
        if self.picture == "live":
            self._whole = shown
        return shown

    def _choose(
        self, frame: Frame, seen: list[Face], lost: list[Person], toons: Sequence[Toon], now: float
    ) -> tuple[str, Frame]:
        if not self._people:  # nobody was found yet, so that anybody may be anywhere
            return "blurred", blurred(frame, min(frame.width, frame.height) / CELLS_UNSEEN)
        hold = self._on_lost == "hold"
        if hold and self._shown and any(now - person.seen_at < HOLD_SECONDS for person in lost):
            return "held", stamped(self._shown, frame.index, frame.pts)
        if hold and self._whole and not seen and all(now - person.seen_at > BLUR_SECONDS for person in lost):
            return "still", stamped(self._whole, frame.index, frame.pts)
        drawn = {toon.face.identity for toon in toons if toon.matte is None}  # others have a matte of their own
        covers = [_cover(_person(face, now), now) for face in seen if face.identity not in drawn]
        covers += [_cover(person, now) for person in lost]
        live = composite(cover(frame, covers), toons)
        return "blurred" if lost else "live", live

    def _follow(self, seen: list[Face], now: float) -> list[Person]:
        """Takes note of who is seen; returns who is not."""
        passed = 0.0 if self._last_time is None else min(now - self._last_time, HOLD_SECONDS)
        self._last_time = now
        known = {person.identity: person for person in self._people}
        for face in seen:
            here = _person(face, now)
            before = known.get(face.identity)
            if before:
                here = replace(here, since=before.since, seen_for=before.seen_for + passed)
            known[face.identity] = here
        here_now = [known[face.identity] for face in seen]
        lost = [person for person in known.values() if person not in here_now]
        for person in list(lost):
            # A tracker that finds a face again far from where it was lost gives it a new number.
            again = next((other for other in here_now if person.could_be(other, now)), None)
            if again:
                again.since, again.seen_for = person.since, again.seen_for + person.seen_for
            if again or (here_now and _is_gone(person, now)):
                lost.remove(person)
        self._people = here_now + lost
        return lost


def _person(face: Face, now: float) -> Person:
    return Person(face.identity, now, now, face.landmarks.mean(0).astype(np.float64), half_side(face.points))


def _is_gone(person: Person, now: float) -> bool:
    return now - person.seen_at > min(GONE_SECONDS, max(GONE_LEAST, GONE_TIMES * person.seen_for))


def _cover(person: Person, now: float) -> Cover:
    return Cover(person.middle, person.reach(now), person.half_side / CELLS)


def cover(frame: Frame, covers: Sequence[Cover]) -> Frame:
    """The frame with squares blurred beyond recognition; the whole of it where one of them fills it."""
    patches = []
    for one in covers:
        corners = np.stack([one.middle - one.reach, one.middle + one.reach])
        if (corners[0] <= 0).all() and (corners[1] >= (frame.width, frame.height)).all():
            return blurred(frame, max(each.cell for each in covers))
        rect = Rect.around(corners, 0, frame.width, frame.height)
        few = max(1, round(rect.width / one.cell)), max(1, round(rect.height / one.cell))
        blur = cv2.resize(frame.rgb(rect, few), (rect.width, rect.height), interpolation=cv2.INTER_LINEAR)
        patches.append(Patch(rect, np.asarray(blur, np.uint8), np.full((rect.height, rect.width), 255, np.uint8)))
    return frame.blend(patches)


def blurred(frame: Frame, cell: float) -> Frame:
    """The whole frame made of averages over squares of `cell` pixels, and nothing else."""
    few = max(1, round(frame.picture.width / cell)), max(1, round(frame.picture.height / cell))
    picture = copy(frame.picture)
    for plane in planes(picture):
        height, width = plane.shape[:2]
        averages: Pixels = np.asarray(cv2.resize(plane, few, interpolation=cv2.INTER_AREA))
        blur = cv2.resize(averages, (width, height), interpolation=cv2.INTER_LINEAR)
        plane[:] = np.asarray(blur).reshape(plane.shape)
    return replace(frame, picture=picture)
