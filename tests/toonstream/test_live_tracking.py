"""Which live frames are looked at, and what the others show."""

from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest

from toonstream.faces.face import Face
from toonstream.frame import Frame
from toonstream.live.tracking import LiveTracker

RATE = 30


class Seer:
    """A Toonifier that sees one face, which moves on by so many pixels a second, and notes what it is asked for."""

    def __init__(self, speed: float = 0.0) -> None:
        self.speed = speed
        self.confidence = 1.0
        self.seen: list[int] = []
        self.cuts = 0

    def see(self, frame: Frame, search: bool) -> list[Face]:
        self.seen.append(frame.index)
        return [Face(1, place(self.speed * frame.seconds), self.confidence)]

    def cut(self) -> None:
        self.cuts += 1

    def reset(self) -> None: ...


def place(x: float) -> np.ndarray:
    """Landmarks of a face some hundred pixels wide, so far to the right."""
    landmarks = np.random.default_rng(0).random((478, 2), np.float32) * 100
    landmarks[:, 0] += np.float32(x)
    return landmarks


def frames(indices: Iterable[int], grey: int = 90, pause: float = 0.0, contrast: int = 40) -> list[Frame]:
    ground = np.random.default_rng(grey).integers(grey - contrast, grey + contrast, (48, 64, 1), np.uint8).repeat(3, 2)
    times = [1 + pause + index / RATE for index in indices]
    return [
        Frame.from_rgb(ground.copy(), round(time * 1e6), Fraction(1, 1_000_000), index)
        for index, time in zip(indices, times, strict=True)
    ]


def test_calm_faces_are_looked_at_in_every_second_frame_and_move_on_in_between():
    seer = Seer(speed=6)
    tracker = LiveTracker(seer)
    for frame in frames(range(9)):
        observation = tracker(frame)
        (face,) = observation.faces
        assert face.confidence == 1
        assert observation.detected == (frame.index in (0, 1, 3, 5, 7))
        assert np.allclose(face.landmarks, place(6 * frame.seconds), atol=1e-3)
    assert seer.seen == [0, 1, 3, 5, 7]


@pytest.mark.parametrize("change", [{"speed": 300.0}, {"confidence": 0.5}])
def test_others_are_looked_at_in_every_frame(change):
    seer = Seer()
    vars(seer).update(change)
    tracker = LiveTracker(seer)
    for frame in frames(range(6)):
        tracker(frame)
    assert seer.seen == list(range(6))


def test_where_we_are_slow_a_calm_face_may_have_moved():
    seer = Seer()
    tracker = LiveTracker(seer)
    for frame in frames([0, 1, 7, 8, 14, 74]):
        tracker(frame)
    assert seer.seen == [0, 1, 7, 14, 74]


def test_after_a_pause_of_the_source_a_face_may_be_anywhere_but_not_where_we_were_slow():
    seer = Seer()
    tracker = LiveTracker(seer)
    for frame in [*frames(range(3)), *frames([40, 80, 120])]:
        tracker(frame)
    assert seer.cuts == 0
    tracker(*frames([121], pause=2))
    assert seer.cuts == 1
    assert seer.seen[-1] == 121


def test_a_new_scene_is_looked_at_but_what_moved_on_while_we_were_slow_is_none():
    seer = Seer()
    tracker = LiveTracker(seer)
    for frame in [*frames(range(2)), *frames([12], grey=180)]:
        tracker(frame)
    assert seer.cuts == 0
    tracker(*frames([13], grey=60))
    assert seer.cuts == 1
    assert seer.seen[-1] == 13


@pytest.mark.parametrize("contrast", [40, 1])
def test_a_face_that_shows_too_little_is_looked_at_in_every_frame(contrast):
    """In the dark nothing tells that it has gone."""
    seer = Seer()
    tracker = LiveTracker(seer)
    for frame in frames(range(9), grey=40, contrast=contrast):
        tracker(frame)
    assert (seer.seen == list(range(9))) == (contrast == 1)
