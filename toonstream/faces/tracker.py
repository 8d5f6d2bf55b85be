"""Follows every face of a video: found once, then kept, with its landmarks smoothed and its identity stable."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from toonstream_engines.closeable import Closeable

from toonstream.faces.detector import Detector
from toonstream.faces.face import Face, five_points
from toonstream.faces.framing import half_side
from toonstream.faces.landmarker import PRESENT, Landmarker
from toonstream.faces.pick import Pick
from toonstream.faces.search import Search
from toonstream.faces.smoothing import OneEuro
from toonstream.faces.square import Square
from toonstream.frame import Frame

CONFIDENCE = 0.6  # the detector's score from which a new face is looked at
SURE = 0.9  # the landmark network's score at every look from which a new face is one: leaves make lower ones
REFINEMENTS = 2  # further looks at a new face: the detector's square is rough, that of its landmarks is better
SUDDEN = 1.3  # a face that seems so much larger or smaller than one look ago is partly covered
SEARCH_SECONDS = 0.08  # between two looks for new faces, at least, where some are followed already
SEARCH_REST = 10  # frames between two searches of the whole picture, which take as long as several frames
HOLD_SECONDS = 0.5  # how long a lost face keeps its place
RECALL_SECONDS = 2.0  # how long a lost face's identity waits for it
SAME_FACE = 0.5  # two faces nearer than this, in half sides of the framing, are one


@dataclass
class Track:
    """One face on its way through the frames; lengths in pixels, times in seconds."""

    identity: int
    landmarks: NDArray[np.float64]  # smoothed, as last seen
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))  # pixels a second
    unseen: float = 0.0
    smooth: OneEuro = field(default_factory=OneEuro)

    @property
    def centre(self) -> NDArray[np.float64]:
        return np.asarray(five_points(self.landmarks).mean(0), np.float64)

    @property
    def half_side(self) -> float:
        return half_side(five_points(self.landmarks))

    def see(self, measured: NDArray[np.float64], seconds: float) -> None:
        before = self.landmarks.mean(0)
        self.landmarks = self.smooth(measured, seconds, 2 * self.half_side)
        self.unseen = 0.0
        if seconds > 0:
            self.velocity = 0.5 * self.velocity + 0.5 * (self.landmarks.mean(0) - before) / seconds

    def see_again(self, measured: NDArray[np.float64]) -> None:
        """After a gap: nothing is smoothed across it."""
        self.smooth, self.velocity = OneEuro(), np.zeros(2)
        self.see(measured, 0.0)

    def miss(self, seconds: float) -> None:
        self.unseen += seconds
        self.velocity *= 0.0  # a covered face mostly stays; one that drifts on would tear off


class Tracker(Closeable):
    """Frame in, faces out, for the frames of one video in their order; `most` as Pick takes it."""

    def __init__(self, most: int | None = None) -> None:
        self._pick = Pick(most)
        self._detector = Detector(CONFIDENCE)
        self._landmarker = Landmarker()
        self._search: Search | None = None
        self._tracks: list[Track] = []
        self._lost: list[Track] = []
        self._people = 0
        self._frames = 0
        self._searched = 0
        self._since_onward = 0.0
        self._last: Frame | None = None

    def __call__(self, frame: Frame, search: bool = True) -> list[Face]:
        """The frame's faces, the largest first. search: for newcomers too, where some faces are followed already."""
        if self._search is None or self._search.size != (frame.width, frame.height):
            self.forget()
            self._search = Search(self._detector, frame.width, frame.height)
        self._frames += 1
        seconds = self._elapsed(frame)
        self._since_onward += seconds
        just_lost = self._follow(frame, seconds)
        if self._last is None or (just_lost and self._frames >= self._searched + SEARCH_REST):
            found, self._searched = self._search.everywhere(frame), self._frames
        elif not self._tracks or (search and self._since_onward > SEARCH_SECONDS):
            found, self._since_onward = self._search.onward(frame), 0.0
        else:
            found = []
        for track in self._unseen():
            found += self._search.around(frame, track.centre, 2 * track.half_side)
        for square in found:
            self.meet(frame, square)
        self._last = frame
        faces = [
            Face(t.identity, t.landmarks.astype(np.float32), max(0.0, 1 - t.unseen / HOLD_SECONDS))
            for t in self._tracks
        ]
        return self._pick(sorted(faces, key=lambda face: -half_side(face.points)), seconds)

    def _elapsed(self, frame: Frame) -> float:
        if self._last is None or frame.pts is None or self._last.pts is None:
            return 0.0 if self._last is None else 1 / 30
        seconds = float((frame.pts - self._last.pts) * frame.time_base)
        return min(seconds, 1.0) if seconds > 0 else 1 / 30

    def _follow(self, frame: Frame, seconds: float) -> bool:
        """Moves every track on to this frame; tells whether a face was lost in it."""
        for track in self._lost:
            track.unseen += seconds
        self._lost = [track for track in self._lost if track.unseen < RECALL_SECONDS]
        measured = [self._measure(frame, track, seconds) for track in self._tracks]
        self._part(measured)
        just_lost = False
        for track, landmarks in zip(self._tracks, measured, strict=True):
            if landmarks is not None:
                track.see(landmarks, seconds)
            else:
                just_lost |= track.unseen == 0
                track.miss(seconds)
        self._lost += [track for track in self._tracks if track.unseen >= HOLD_SECONDS]
        self._tracks = [track for track in self._tracks if track.unseen < HOLD_SECONDS]
        return just_lost

    def _measure(self, frame: Frame, track: Track, seconds: float) -> NDArray[np.float64] | None:
        """A track's landmarks in this frame, looked for where they are expected."""
        landmarks = self._landmarker(frame, Square.of_landmarks(track.landmarks + track.velocity * seconds))
        if landmarks is None:
            return None
        growth = half_side(five_points(landmarks)) / track.half_side
        return landmarks if 1 / SUDDEN < growth < SUDDEN else None

    def _part(self, measured: list[NDArray[np.float64] | None]) -> None:
        """Where two tracks see the same face, the one that jumped to it loses it."""
        for i, first in enumerate(measured):
            for j in range(i):
                second = measured[j]
                if first is None or second is None:
                    continue
                a, b = self._tracks[i], self._tracks[j]
                apart = np.hypot(*(first.mean(0) - second.mean(0)))
                if apart < SAME_FACE * min(half_side(five_points(first)), half_side(five_points(second))):
                    jump_a = np.hypot(*(first.mean(0) - a.landmarks.mean(0))) + a.unseen * a.half_side
                    jump_b = np.hypot(*(second.mean(0) - b.landmarks.mean(0))) + b.unseen * b.half_side
                    measured[i if jump_a > jump_b else j] = None
                    first = measured[i]

    def _unseen(self) -> list[Track]:
        return [track for track in self._tracks if track.unseen > 0] + self._lost

    def meet(self, frame: Frame, square: Square) -> None:
        """Takes up a face that was found in the frame, if it is one, unless it is followed already."""
        place, reach = np.array([square.x, square.y]), square.side / 2
        if self._is_followed(place, reach):
            return
        present = PRESENT if any(_could_be(place, reach, track) for track in self._unseen()) else SURE
        landmarks = self._landmarker(frame, square, present)
        for _ in range(REFINEMENTS):
            if landmarks is not None:
                landmarks = self._landmarker(frame, Square.of_landmarks(landmarks), present)
        if landmarks is None:
            return
        points = five_points(landmarks)
        centre, size = np.asarray(points.mean(0), np.float64), half_side(points)
        if self._is_followed(centre, size):
            return
        known = [track for track in self._unseen() if _could_be(centre, size, track)]
        if known:
            track = min(known, key=lambda t: float(np.hypot(*(t.centre - centre))))
            if track in self._lost:
                self._lost.remove(track)
                self._tracks.append(track)
            track.see_again(landmarks)
        else:
            self._people += 1
            self._tracks.append(Track(self._people, landmarks))
            self._tracks[-1].see(landmarks, 0.0)

    def _is_followed(self, centre: NDArray[np.float64], size: float) -> bool:
        """Whether a face found here, of this half side, is one that a track saw in this frame."""
        return any(
            float(np.hypot(*(centre - track.centre))) < SAME_FACE * max(size, track.half_side)
            for track in self._tracks
            if track.unseen == 0
        )

    def cut(self) -> None:
        """The next frame shows another scene: no face is held on, but one that comes back is known again."""
        self._lost += self._tracks
        self._tracks, self._last = [], None
        self._pick.cut()

    def forget(self) -> None:
        """Drops all faces: the next frame is another video's first, and seen as if none had come before."""
        self.cut()
        self._lost = []
        self._search, self._since_onward = None, 0.0

    def close(self) -> None:
        """Frees the networks; it cannot be called after that."""
        self._detector.close()
        self._landmarker.close()


def _could_be(centre: NDArray[np.float64], size: float, track: Track) -> bool:
    """Whether a face found here may be the lost one: near enough for the time that has gone by, and of its size."""
    lost = track.half_side
    apart = float(np.hypot(*(centre - track.centre)))
    return 0.5 < size / lost < 2 and apart < lost * (1 + 2 * track.unseen)
