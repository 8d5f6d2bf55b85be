"""The real face never shows: what was found once is a cartoon, held, blurred or a still, and never bare again."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.composite import Toon, composite
from toonstream.faces.face import Face
from toonstream.faces.framing import half_side
from toonstream.frame import Frame, Patch, Pixels, Rect
from toonstream.live.strangers import HEAD
from toonstream.live.tracking import Observation
from toonstream.live.views import stamped
from toonstream.picture import copy, planes

ON_LOST = ("hold", "blur", "pass")

HOLD_SECONDS = 0.5
"""How long the last picture stands still when a face is lost."""

BLUR_SECONDS = 2.5
"""After nobody was seen for so long, a still takes the place of the blurred picture."""

SPEED = 8.0
"""How fast a lost head may have got elsewhere, in half sides of the framing a second: about what somebody who jumps
up from the chair does."""

CELLS = 2
"""Averages that are left of a face across half a side of the framing: nobody is known by so few."""

CELLS_OVER = 5
"""The same across the longer side of where a stranger may be."""

CELLS_UNSEEN = 8
"""The same across the picture's shorter side while nobody knows how large the faces are."""

GONE_SECONDS, GONE_TIMES, GONE_LEAST = 60.0, 10.0, 2.0
"""While others are seen, a lost face is taken to have left after GONE_SECONDS. One that was seen for a moment only may
have been no face: it has left after GONE_TIMES as long as it was seen, but not before GONE_LEAST seconds."""

EMPTY_SECONDS, EMPTY_SHARE = 1.5, 0.1
"""A lost face has left, too, when for EMPTY_SECONDS the segmenter has seen no stranger, and a person in no more than
EMPTY_SHARE of the place where the head was."""

SEGMENTED = 1 / 16
"""Half side of the smallest face whose person the segmenter never misses, in shares of the picture's shorter side."""

STAYED_SECONDS = 0.25
"""While the segmenter sees a person where a lost head was, the head is taken to have moved on for so long at most."""


@dataclass(eq=False)
class Person:
    """A face that was found: where and when it was last seen; pixels and seconds."""

    identity: int
    since: float
    seen_at: float
    middle: NDArray[np.float64]
    half_side: float
    seen_for: float = 0.0
    stayed: float = -1e9
    """When the segmenter last saw a person in its place, having seen one there ever since it was lost."""
    somebody: float = -1e9
    """When this may last have been a person in the picture, as far as the segmenter tells."""

    def reach(self, now: float) -> float:
        """How far from where it was last seen some of the head may be by now."""
        since = max(self.seen_at, self.stayed - STAYED_SECONDS)
        return self.half_side * (HEAD + SPEED * (now - since))

    def could_be(self, other: "Person", now: float) -> bool:
        """Whether `other`, who came after this one was lost, may be the same."""
        apart = float(np.hypot(*(other.middle - self.middle)))
        return other.since > self.seen_at and apart < self.reach(now)


@dataclass(frozen=True)
class Cover:
    """What to blur: two corners, in pixels, and the side of the cells that are averaged."""

    corners: NDArray[np.float64]
    cell: float


class Guard:
    """Makes the picture to show of each frame, its faces and their cartoons, for the frames of one source in order.

    on_lost: what is shown when a face that was found is lost. "hold": the last picture for a moment, then the live one
    with all places blurred where the face may be, then a still until it is found again. "blur": blurred at once, and no
    still. "pass": the picture as it is. picture: what was shown last: "live", "bare", "held", "blurred", "still".
    last: the last picture that may be shown again: one whose faces were looked for in it, not only expected.
    """

    def __init__(self, on_lost: str = "hold") -> None:
        self._on_lost = on_lost
        self._people: list[Person] = []
        self._last_time: float | None = None
        self.last: Frame | None = None
        self._shown: Frame | None = None
        self._whole: Frame | None = None
        self._scene = 0
        self.picture = "blurred"

    def __call__(
        self, frame: Frame, observation: Observation | None, toons: Sequence[Toon], bare: Set[int] = frozenset()
    ) -> Frame:
        """The picture to show. observation: None where looking failed. toons: of the faces that are drawn.

        bare: identities of faces that the user wants to be seen as they are; a picture with one is "bare", and may be
        held like any other until `cover_up`.
        """
        if self._on_lost == "pass":
            self.picture = "bare" if bare else "live"
            self.last = composite(frame, toons)
            return self.last
        seen, lost = self.follow(frame, observation)
        strangers = observation.strangers if observation else []
        self.picture, shown = self._choose(frame, seen, lost, strangers, toons, bare, frame.seconds)
        if observation and not observation.detected:
            return shown
        self.last = shown
        if self.picture not in ("held", "still"):
            self._shown = shown
        if self.picture in ("live", "bare"):
            self._whole = shown
        return shown

    def follow(self, frame: Frame, observation: Observation | None) -> tuple[list[Face], list[Person]]:
        """Takes note of who is in a frame, also of one that is not shown; returns who is seen and who is lost."""
        if frame.scene != self._scene:
            self._scene, self._people = frame.scene, []
            self._shown = self._whole = None
        seen = [face for face in observation.faces if face.confidence == 1] if observation else []
        lost = self._follow(seen, frame.seconds)
        if observation and seen:
            lost = self._waited_for(lost, observation, seen, frame)
        return seen, lost

    def cover_up(self) -> None:
        """From now on no picture that was shown so far is shown again, unless blurred as a whole."""
        if self.last:
            self.last, self.picture = blurred(self.last, _unseen(self.last)), "blurred"
        self._shown = self._whole = None

    def _choose(
        self,
        frame: Frame,
        seen: list[Face],
        lost: list[Person],
        strangers: Sequence[Rect],
        toons: Sequence[Toon],
        bare: Set[int],
        now: float,
    ) -> tuple[str, Frame]:
        if not self._people:  # nobody was found yet, so that anybody may be anywhere
            return "blurred", blurred(frame, _unseen(frame))
        hold = self._on_lost == "hold"
        if hold and self._shown and any(now - person.seen_at < HOLD_SECONDS for person in lost):
            return "held", stamped(self._shown, frame.index, frame.pts)
        if hold and self._whole and not seen and all(now - person.seen_at > BLUR_SECONDS for person in lost):
            return "still", stamped(self._whole, frame.index, frame.pts)
        known = bare | {toon.face.identity for toon in toons if toon.matte is None}  # others have a matte of their own
        covers = [_cover(_person(face, now), now) for face in seen if face.identity not in known]
        covers += [_cover(person, now) for person in lost]
        covers += [_over(rect) for rect in strangers]
        live = composite(cover(frame, covers), toons)
        shows = "bare" if any(face.identity in bare for face in seen) else "live"
        return "blurred" if lost else shows, live

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

    def _waited_for(self, lost: list[Person], observation: Observation, seen: list[Face], frame: Frame) -> list[Person]:
        """Takes note of what the segmenter sees of those who are lost while others are seen; who is gone leaves."""
        if observation.people is None:
            return lost
        now, height, width = frame.seconds, *observation.people.shape
        scale = np.array([width / frame.width, height / frame.height])
        others = observation.people.copy()
        for face in seen:
            here = _person(face, now)
            area = Rect.around(_square(here, HEAD * here.half_side) * scale, 0, width, height)
            others[area.top : area.bottom, area.left : area.right] = 0
        for person in lost:
            area = Rect.around(_square(person, person.half_side) * scale, 0, width, height)
            there = float(others[area.top : area.bottom, area.left : area.right].mean()) > EMPTY_SHARE
            if there and now - max(person.seen_at, person.stayed) < HOLD_SECONDS:
                person.stayed = now
            small = person.half_side < SEGMENTED * min(frame.width, frame.height)
            if there or small or observation.strangers or person.somebody < person.seen_at:
                person.somebody = now
        gone = [person for person in lost if now - person.somebody > EMPTY_SECONDS]
        self._people = [person for person in self._people if person not in gone]
        return [person for person in lost if person not in gone]


def _person(face: Face, now: float) -> Person:
    return Person(face.identity, now, now, face.landmarks.mean(0).astype(np.float64), half_side(face.points))


def _is_gone(person: Person, now: float) -> bool:
    return now - person.seen_at > min(GONE_SECONDS, max(GONE_LEAST, GONE_TIMES * person.seen_for))


def _unseen(frame: Frame) -> float:
    """The side of the cells that are averaged where nobody knows how large the faces are."""
    return min(frame.width, frame.height) / CELLS_UNSEEN


def _cover(person: Person, now: float) -> Cover:
    return Cover(_square(person, person.reach(now)), person.half_side / CELLS)


def _square(person: Person, reach: float) -> NDArray[np.float64]:
    return np.stack([person.middle - reach, person.middle + reach])


def _over(rect: Rect) -> Cover:
    """Somebody may be there of whom less is known: a head alone, or all of a person."""
    corners = np.array([[rect.left, rect.top], [rect.right, rect.bottom]], np.float64)
    return Cover(corners, max(rect.width, rect.height) / CELLS_OVER)


def cover(frame: Frame, covers: Sequence[Cover]) -> Frame:
    """The frame with rectangles blurred beyond recognition; the whole of it where one of them fills it."""
    patches = []
    for one in covers:
        corners = one.corners
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
