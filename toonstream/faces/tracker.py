"""Follows every face of a video: found once, then kept, with its landmarks smoothed and its identity stable."""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from toonstream.faces import framing
from toonstream.faces.crop import crop
from toonstream.faces.face import Face, five_points
from toonstream.faces.framing import half_side
from toonstream.faces.networks import Landmarker
from toonstream.faces.pick import Pick
from toonstream.faces.search import Search
from toonstream.faces.smoothing import OneEuro
from toonstream.frame import Frame

CROP_SIZE = 288  # pixels of the crop in which a face is followed
CROP_MARGIN = 1.35  # its side in sides of the framing's: what the landmark network sees, and room to move
DRIFT = 0.1  # how far a face may drift in its crop, in sides of the crop
GROWTH = 1.2  # how much larger or smaller it may get there
TILT = 0.25  # how far it may tilt there, in radians
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
    view: "View"
    landmarks: NDArray[np.float64]  # smoothed, as last seen
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))  # pixels a second
    unseen: float = 0.0
    smooth: OneEuro = field(default_factory=OneEuro)

    @property
    def points(self) -> NDArray[np.float64]:
        return five_points(self.landmarks)

    @property
    def half_side(self) -> float:
        return half_side(self.points)

    def follow(self, frame: Frame, seconds: float) -> NDArray[np.float64] | None:
        """This frame's measured landmarks, looked for where the face is expected."""
        landmarks = self.view.look(frame, self.points + self.velocity * seconds)
        if landmarks is None:
            return None
        growth = half_side(five_points(landmarks)) / self.half_side
        return landmarks if 1 / SUDDEN < growth < SUDDEN else None

    def see(self, measured: NDArray[np.float64], seconds: float) -> None:
        before = self.landmarks.mean(0)
        self.landmarks = self.smooth(measured, seconds, 2 * self.half_side)
        self.unseen = 0.0
        if seconds > 0:
            self.velocity = 0.5 * self.velocity + 0.5 * (self.landmarks.mean(0) - before) / seconds

    def miss(self, seconds: float) -> None:
        self.unseen += seconds
        self.velocity *= 0.0  # a covered face mostly stays; one that drifts on would tear off


class View:
    """The crop in which a landmark network follows one face.

    The network remembers where in its crop the face was. So the crop stays where it is as long as the face is well
    inside; where it moved along at every frame, the two would chase each other.
    """

    def __init__(self) -> None:
        self._landmarker = Landmarker()
        self._matrix: NDArray[np.float64] | None = None  # from the frame to the crop

    def look(self, frame: Frame, points: NDArray[np.floating]) -> NDArray[np.float64] | None:
        """Landmarks of the face around five expected points, (478, 2) in pixels of the frame, or None."""
        matrix = framing.framing(points, CROP_SIZE) / CROP_MARGIN
        matrix[:, 2] += CROP_SIZE / 2 * (1 - 1 / CROP_MARGIN)
        moved = self._matrix is None or not _near(matrix, self._matrix)
        if moved or self._matrix is None:
            self._matrix = matrix
        picture = crop(frame, self._matrix, CROP_SIZE)
        found = self._landmarker(picture)
        if moved and found is not None:
            found = self._landmarker(picture)  # the first look started from where the face was in the old crop
        return None if found is None else framing.apply(framing.invert(self._matrix), found)

    def close(self) -> None:
        self._landmarker.close()


def _near(wanted: NDArray[np.float64], current: NDArray[np.float64]) -> bool:
    """Whether a crop still fits where `wanted` would be the best one."""
    a, b = wanted[0, :2], current[0, :2]
    growth = float(np.hypot(*a) / np.hypot(*b))
    tilt = np.arctan2(a[1], a[0]) - np.arctan2(b[1], b[0])
    centre = framing.apply(framing.invert(wanted), np.array([[CROP_SIZE / 2, CROP_SIZE / 2]]))
    drift = np.abs(framing.apply(current, centre)[0] / CROP_SIZE - 0.5).max()
    return bool(1 / GROWTH < growth < GROWTH and abs(np.sin(tilt)) < TILT and np.cos(tilt) > 0 and drift < DRIFT)


class Tracker:
    """Frame in, faces out, for the frames of one video in their order; `most` as Pick takes it."""

    def __init__(self, most: int | None = None) -> None:
        self._pick = Pick(most)
        self._search: Search | None = None
        self._tracks: list[Track] = []
        self._lost: list[Track] = []
        self._spare: list[View] = []
        self._people = 0
        self._frames = 0
        self._searched = 0
        self._since_onward = 0.0
        self._last: Frame | None = None

    def __call__(self, frame: Frame) -> list[Face]:
        """The frame's faces, the largest first."""
        if self._search is None or self._search.size != (frame.width, frame.height):
            self.forget()
            if self._search is not None:
                self._search.close()
            self._search = Search(frame.width, frame.height)
        self._frames += 1
        seconds = self._elapsed(frame)
        self._since_onward += seconds
        just_lost = self._follow(frame, seconds)
        if self._last is None or (just_lost and self._frames >= self._searched + SEARCH_REST):
            found, self._searched = self._search.everywhere(frame), self._frames
        elif not self._tracks or self._since_onward > SEARCH_SECONDS:
            found, self._since_onward = self._search.onward(frame), 0.0
        else:
            found = []
        for track in self._lost:
            found += self._search.around(frame, track.points.mean(0), 2 * track.half_side)
        for face in found:
            self._meet(frame, face)
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
        measured = [track.follow(frame, seconds) for track in self._tracks]
        self._part(measured)
        just_lost = False
        for track, landmarks in zip(self._tracks, measured, strict=True):
            if landmarks is not None:
                track.see(landmarks, seconds)
            else:
                just_lost |= track.unseen == 0
                track.miss(seconds)
        for track in [t for t in self._tracks if t.unseen >= HOLD_SECONDS]:
            self._tracks.remove(track)
            self._lost.append(track)
            self._spare.append(track.view)
        return just_lost

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

    def _meet(self, frame: Frame, found: NDArray[np.float64]) -> None:
        """Takes up a face that the search found, unless it is followed already."""
        points = np.stack([found[0], found[1], found.mean(0), found[2], found[2]])
        if any(self._same(points, track) for track in self._tracks if track.unseen == 0):
            return
        view = self._spare.pop() if self._spare else View()
        landmarks = view.look(frame, points)
        if landmarks is None or any(self._same(five_points(landmarks), t) for t in self._tracks if t.unseen == 0):
            self._spare.append(view)
            return
        points = five_points(landmarks)
        known = [t for t in self._tracks if t.unseen > 0] + self._lost
        known = [t for t in known if self._could_be(points, t)]
        if known:
            track = min(known, key=lambda t: float(np.hypot(*(t.points.mean(0) - points.mean(0)))))
            if track in self._tracks:
                self._spare.append(track.view)
            else:
                self._lost.remove(track)
                self._tracks.append(track)
            track.view, track.smooth, track.velocity = view, OneEuro(), np.zeros(2)
        else:
            self._people += 1
            track = Track(self._people, view, landmarks)
            self._tracks.append(track)
        track.see(landmarks, 0.0)

    @staticmethod
    def _same(points: NDArray[np.float64], track: Track) -> bool:
        apart = float(np.hypot(*(points.mean(0) - track.points.mean(0))))
        return apart < SAME_FACE * max(half_side(points), track.half_side)

    @staticmethod
    def _could_be(points: NDArray[np.float64], track: Track) -> bool:
        """Whether a face found here may be the lost one: near enough for the time that has gone by, and of its size."""
        size, lost = half_side(points), track.half_side
        apart = float(np.hypot(*(points.mean(0) - track.points.mean(0))))
        return 0.5 < size / lost < 2 and apart < lost * (1 + 2 * track.unseen)

    def cut(self) -> None:
        """The next frame shows another scene: no face is held on, but one that comes back is known again."""
        self._spare += [track.view for track in self._tracks]
        self._lost += self._tracks
        self._tracks, self._last = [], None
        self._pick.cut()

    def forget(self) -> None:
        """Drops all faces, not the networks: the next frame is another video's first."""
        self.cut()
        self._lost = []

    def close(self) -> None:
        """Frees the networks; a later call starts afresh."""
        for view in [track.view for track in self._tracks] + self._spare:
            view.close()
        if self._search is not None:
            self._search.close()
        self._search, self._tracks, self._lost, self._spare, self._last = None, [], [], [], None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
