"""Who else is in the picture: faces and people that nobody knows, found fast, so that they are blurred until known.

A face is followed only once the landmark network has confirmed it, which takes a while for small faces and never
happens for those upside down or cut by the border. Here a guess is enough that a second look bears out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.detector import SIZE as SEEN
from toonstream.faces.detector import Detector
from toonstream.faces.face import Face
from toonstream.faces.framing import half_side
from toonstream.faces.segmenter import SIZE, Segmenter
from toonstream.faces.square import MARGIN as WHOLE
from toonstream.faces.square import Square
from toonstream.frame import Frame, Rect
from toonstream.live.search import BEYOND, NEARER, Head, Search, inside

CONFIDENCE, STILL_THERE = 0.5, 0.35
"""The detector's score from which somebody may be there, and from which somebody found before still is; the tracker
takes up faces from a higher one."""

FILLED = 0.4
"""The largest box that is taken for a face, in shares of its square's side: larger faces are found in larger squares,
and what fills a small one is mostly a wall."""

SURE_SCORE = 0.7
"""The detector's score from which a guess needs no second look."""

SEGMENTED = 0.25
"""For a weak guess that is too large for a closer look: the share of it that the segmenter has to call a person. It
does not miss one so large."""

SEARCHES = 2
"""Squares that the detector searches in a frame while any is due, beside a spot where something small is new."""

CALM_SECONDS = 0.12
"""Seconds from one square to the next while none is due: all squares take turns."""

PATIENCE_SECONDS = 0.03
"""Added to such waits in a frame in which the known faces were looked for: that takes long enough by itself."""

TWIN = 0.1
"""How far beyond the border a face may be found, in sides of its square: further out it is one's own mirror image."""

MEET_SECONDS = 0.25
"""How often the landmarks of a face are looked for, so that it becomes a known one."""

KEPT_SECONDS, GROWTH = 0.25, 4.0
"""How long a face is blurred after it was last found, and how much the blur grows meanwhile, in its own sizes a
second."""

REACH = 0.7
"""How far around a face is blurred, in sides of its square: the head."""

PERSON, SURE = 0.4, 0.75
"""The segmenter's likelihood from which a place is a person's, and the likelihood that each person has to reach
somewhere: plants and furniture do not."""

PERSON_SECONDS, CALM_PERSON_SECONDS = 0.09, 0.29
"""Seconds from one segmentation to the next while a square is due, and while none is."""

LEAST = 1 / 600
"""The smallest share of the picture that is taken for a person."""

MARGIN = 0.15
"""How far the blur reaches beyond somebody who was segmented, in their longer side."""

CHIN, SHOULDERS = 0.5, 2.2
"""A hand is a known person's from CHIN below the face's middle and up to SHOULDERS beside it, in half sides of the
framing."""

HEAD = 1.4
"""Reach of a head with its hair from the face's middle, in half sides of the framing."""


class Guess(NamedTuple):
    """What the detector takes for a face, and its score, 0 to 1."""

    square: Square
    score: float


@dataclass
class Suspect:
    """A face that nobody knows, and when it was last found, looked for, and given to be met."""

    square: Square
    found: float
    checked: float
    met: float = -1e9

    def rect(self, now: float, width: int, height: int) -> Rect:
        reach = REACH * self.square.side * (1 + GROWTH * (now - self.found))
        middle = np.array([self.square.x, self.square.y])
        return Rect.around(np.stack([middle - reach, middle + reach]), 0, width, height)


class Strangers:
    """To be called with every frame of a source, in order.

    people: (SIZE, SIZE) over the whole frame, 1 where the segmenter last saw a person; None where it has not looked.
    """

    def __init__(self) -> None:
        self._detector = Detector(STILL_THERE)
        self._segmenter = Segmenter()
        self._search: Search | None = None
        self._suspects: list[Suspect] = []
        self._persons: list[Rect] = []
        self._segmented = self._searched = -1e9
        self._at_spot = False  # whether a spot was looked at in the last frame
        self.people: NDArray[np.uint8] | None = None

    def __call__(self, frame: Frame, faces: Sequence[Face], looked: bool = True) -> list[Rect]:
        """Where somebody may be who is none of the `faces`; looked: whether these were looked for in this frame."""
        if self._search is None or self._search.size != (frame.width, frame.height):
            self._search = Search(frame.width, frame.height)
            self.forget()
        now = frame.seconds
        seen = [face for face in faces if face.confidence == 1]
        heads = [(face.landmarks.mean(0).astype(np.float64), half_side(face.points)) for face in seen]
        self._search.note(frame, heads)
        for gone in (one for one in self._suspects if now - one.found >= KEPT_SECONDS):
            self._search.expect(gone.square)
        alert = self._search.due or len(seen) < len(faces)
        suspects = [one for one in self._suspects if 0 <= now - one.found < KEPT_SECONDS]
        patience = PATIENCE_SECONDS if looked else 0.0
        turn = not 0 <= now - self._searched < CALM_SECONDS + patience
        spot = None if alert and self._at_spot else self._search.spot()
        self._at_spot = spot is not None  # in every second frame at most where something moves all the time
        for _ in range((SEARCHES if alert else bool(suspects) + turn) + self._at_spot):
            again = [one for one in suspects if one.checked < now]
            if spot:
                rect, spot = spot, None
            elif again:
                oldest = min(again, key=lambda one: one.checked)
                oldest.checked = now
                rect = _around(oldest.square, frame)
            else:
                rect, self._searched = self._search.next(), now
            for guess in self._look(frame, rect):
                same = next((one for one in suspects if _is_same(one.square, guess.square)), None)
                if same:
                    same.square, same.found = guess.square, now
                elif guess.score < CONFIDENCE or _is_known(guess.square, heads):
                    continue
                elif self._is_likely(frame, guess, heads):
                    suspects.append(Suspect(guess.square, now, now))
        self._suspects = [one for one in suspects if not _is_known(one.square, heads)]
        if not 0 <= now - self._segmented < (PERSON_SECONDS if alert else CALM_PERSON_SECONDS) + patience:
            self._segment(frame, heads)
        return [*(one.rect(now, frame.width, frame.height) for one in self._suspects), *self._persons]

    def to_meet(self, now: float) -> Square | None:
        """Somebody found in the last frame, at that time, whose landmarks are worth looking for."""
        waiting = [one for one in self._suspects if one.found == now and now - one.met >= MEET_SECONDS]
        if not waiting:
            return None
        longest = min(waiting, key=lambda one: one.met)
        longest.met = now
        return longest.square

    def _segment(self, frame: Frame, heads: Sequence[Head]) -> NDArray[np.uint8]:
        """The people in the frame, as in `people`; looked for once."""
        if self.people is None or self._segmented != frame.seconds:
            self._segmented = frame.seconds
            likely = self._segmenter(frame, Rect(0, 0, frame.width, frame.height))
            self.people = (likely > PERSON).astype(np.uint8)
            self._persons = unknown_people(likely, heads, frame.width, frame.height)
        return self.people

    def _is_likely(self, frame: Frame, guess: Guess, heads: Sequence[Head]) -> bool:
        """Whether a weak guess is borne out: by a look from nearer or, if it is too large for that, the segmenter."""
        square = guess.square
        if guess.score >= SURE_SCORE:
            return True
        if NEARER * square.side < min(frame.width, frame.height):
            nearer = self._look(frame, _around(square, frame))
            return any(one.score >= CONFIDENCE and _is_same(one.square, square) for one in nearer)
        unknown = self._segment(frame, heads).copy()
        for middle, half in heads:
            unknown[_cells(middle, HEAD * half, frame)] = 0
        return float(unknown[_cells(np.array([square.x, square.y]), square.side / WHOLE / 2, frame)].mean()) > SEGMENTED

    def forget(self) -> None:
        """The next frame may show anything."""
        self._suspects, self._persons = [], []
        self._segmented = self._searched = -1e9
        self.people = None

    def close(self) -> None:
        """Frees the networks; it cannot be called after that."""
        self._detector.close()
        self._segmenter.close()

    def _look(self, frame: Frame, rect: Rect) -> list[Guess]:
        """The faces in a square of the frame; in one that reaches beyond it, those that the border cuts."""
        found = self._detector(_mirrored(frame, rect))
        most = (1 if rect.width == min(frame.width, frame.height) else FILLED) * WHOLE * SEEN
        likely = (face for face in found if face.square.side < most)
        placed = [Guess(face.square.placed(rect.width / SEEN, rect.left, rect.top), face.score) for face in likely]
        beyond = inside(rect, frame.width, frame.height) != rect
        return [guess for guess in placed if not beyond or _is_cut(guess.square, frame)]


def unknown_people(likely: NDArray[np.float32], heads: Sequence[Head], width: int, height: int) -> list[Rect]:
    """Where in a frame of that size there is a person who has none of the heads; likely: as a Segmenter tells.

    A hand that is apart from its person is theirs where it is below the face and not far beside it.
    """
    count, labels, stats, middles = cv2.connectedComponentsWithStats((likely > PERSON).astype(np.uint8))
    scale = np.array([width, height]) / SIZE
    known: set[int] = set()
    for middle, half in heads:
        rect = Rect.around(np.stack([middle - 0.7 * half, middle + 0.7 * half]) / scale, 0, SIZE, SIZE)
        known |= set(np.unique(labels[rect.top : rect.bottom, rect.left : rect.right]).tolist())
    found = []
    for label in range(1, count):
        left, top, across, down, area = stats[label].tolist()
        at = middles[label] * scale
        near = any(abs(at[0] - m[0]) < SHOULDERS * half and at[1] > m[1] + CHIN * half for m, half in heads)
        if label in known or near or area < LEAST * SIZE * SIZE or likely[labels == label].max() < SURE:
            continue
        corners = np.array([[left, top], [left + across, top + down]]) * scale
        found.append(Rect.around(corners, round(MARGIN * float(np.ptp(corners, 0).max())), width, height))
    return found


def _cells(middle: NDArray[np.float64], reach: float, frame: Frame) -> tuple[slice, slice]:
    """Rows and columns of the segmenter's answer for so much of the frame around a place, in pixels."""
    scale = SIZE / np.array([frame.width, frame.height])
    area = Rect.around(np.stack([middle - reach, middle + reach]) * scale, 0, SIZE, SIZE)
    return slice(area.top, area.bottom), slice(area.left, area.right)


def _around(square: Square, frame: Frame) -> Rect:
    """The square to search around a face, NEARER times as large; of a face that the border cuts, partly outside."""
    side = min(round(NEARER * square.side), frame.width, frame.height)
    margin = round(BEYOND * side) if _is_cut(square, frame) else 0
    left = int(np.clip(square.x - side / 2, -margin, frame.width + margin - side))
    top = int(np.clip(square.y - side / 2, -margin, frame.height + margin - side))
    return Rect(left, top, left + side, top + side)


def _mirrored(frame: Frame, rect: Rect) -> NDArray[np.uint8]:
    """A square as the detector takes it, (SEEN, SEEN, 3) RGB; beyond the frame it shows the frame as in a mirror."""
    scale = SEEN / rect.width
    within = inside(rect, frame.width, frame.height)
    left, right = round((within.left - rect.left) * scale), round((within.right - rect.left) * scale)
    top, bottom = round((within.top - rect.top) * scale), round((within.bottom - rect.top) * scale)
    shown = frame.rgb(within, (right - left, bottom - top))
    if within == rect:
        return shown
    whole = cv2.copyMakeBorder(shown, top, SEEN - bottom, left, SEEN - right, cv2.BORDER_REFLECT)
    return np.asarray(whole, np.uint8)


def _is_cut(square: Square, frame: Frame) -> bool:
    """Whether the border cuts the face, and not merely its mirror image."""
    face, twin = square.side / WHOLE / 2, TWIN * square.side
    ways = [(square.x, frame.width), (square.y, frame.height)]
    crosses = any(at < face or at > length - face for at, length in ways)
    return crosses and all(-twin <= at <= length + twin for at, length in ways)


def _is_same(a: Square, b: Square) -> bool:
    return float(np.hypot(a.x - b.x, a.y - b.y)) < min(a.side, b.side) / 2


def _is_known(square: Square, heads: Sequence[Head]) -> bool:
    return any(float(np.hypot(square.x - x, square.y - y)) < half for (x, y), half in heads)
