"""Masks of people: made now and then, and where the head is in every frame."""

from fractions import Fraction

import numpy as np
import pytest

from toonstream.faces import framing, person
from toonstream.faces.face import Face
from toonstream.faces.mesh import EYES, MOUTH_CORNERS, NOSE_TIP
from toonstream.faces.person import PersonMasks
from toonstream.frame import Frame, Rect

SIDE = 256


class Round:
    """A segmenter that takes what is white for a person, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frame: Frame, rect: Rect) -> np.ndarray:
        self.calls += 1
        return frame.rgb(rect, (SIDE, SIDE))[..., 0] / np.float32(255)

    def close(self) -> None: ...


@pytest.fixture
def masks(monkeypatch) -> PersonMasks:
    monkeypatch.setattr(person, "Segmenter", Round)
    return PersonMasks()


def face_at(x: float, y: float, scale: float = 1.0, turn: float = 0.0, identity: int = 1) -> Face:
    """A face whose crop reaches 34 pixels, or `scale` as many, from about (x, y)."""
    points = np.random.default_rng(0).uniform(-30, 30, (478, 2))
    points[EYES[0]], points[EYES[1]] = (-10, -10), (10, -10)
    points[NOSE_TIP], points[MOUTH_CORNERS[0]], points[MOUTH_CORNERS[1]] = (0, 0), (-8, 10), (8, 10)
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return Face(identity, (points @ rotation.T + (x, y)).astype(np.float32))


def disc(x: float, y: float, radius: float = 20.0, seconds: float = 0.0) -> Frame:
    rows, columns = np.mgrid[:200, :320] + 0.5
    inside = np.hypot(columns - x, rows - y) < radius
    picture = np.repeat(np.where(inside, 255, 0).astype(np.uint8)[..., None], 3, 2)
    return Frame.from_rgb(picture, round(seconds * 1000), Fraction(1, 1000), round(30 * seconds))


def middle(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    weights = mask / mask.sum(dtype=np.float64)
    return float((columns * weights).sum()), float((rows * weights).sum())


def test_a_mask_shows_the_person_in_the_frames_own_place(masks):
    [mask] = masks(disc(90, 110), [face_at(100, 100)])
    seen = mask.through(np.eye(2, 3), 200)
    assert middle(seen) == pytest.approx((90, 110), abs=0.3)
    assert seen.sum(dtype=float) / 255 == pytest.approx(np.pi * 20**2, rel=0.02)


def test_at_the_frames_border_a_mask_covers_what_there_is(masks):
    [mask] = masks(disc(4, 190), [face_at(4, 190)])
    seen = mask.through(np.eye(2, 3), 200)
    assert seen[190, 4] == 255
    assert seen[190, 40] == 0


def test_between_two_runs_a_mask_moves_turns_and_grows_with_the_head(masks):
    masks(disc(100, 100), [face_at(100, 100)])
    [mask] = masks(disc(0, 0, seconds=0.03), [face_at(104, 99, scale=1.1, turn=0.1)])
    assert masks._segmenter.calls == 1
    seen = mask.through(np.eye(2, 3), 200)
    assert middle(seen) == pytest.approx((104, 99), abs=0.3)
    assert seen.sum(dtype=float) / 255 == pytest.approx(np.pi * 22**2, rel=0.02)


@pytest.mark.parametrize(("step", "calls"), [(0.0, 4), (1.5, 7)])
def test_a_calm_heads_mask_lives_twice_as_long(masks, step, calls):
    for index in range(20):
        x = 60 + step * index
        masks(disc(x, 100, seconds=index / 30), [face_at(x, 100)])
    assert masks._segmenter.calls == calls


@pytest.mark.parametrize(("step", "calls"), [(0.0, 5), (0.35, 11), (1.5, 11)])
def test_masks_that_are_renewed_ahead_are_there_when_they_are_needed(masks, step, calls):
    """Heads that stay, that have gone some way only in the frame when a mask gets old, and that move on."""
    for index in range(21):
        x, seconds = 60 + step * index, index / 30
        before = masks._segmenter.calls
        masks(disc(x, 100, seconds=seconds), [face_at(x, 100)])
        assert masks._segmenter.calls == before + (index == 0)
        masks.renew(disc(x, 100, seconds=seconds), [face_at(x, 100)])
    assert masks._segmenter.calls == calls


def test_a_mask_renewed_ahead_moves_with_the_head(masks):
    for index in range(3):
        frame, face = disc(100 + 2 * index, 100, seconds=index / 30), face_at(100 + 2 * index, 100)
        masks(frame, [face])
        masks.renew(frame, [face])
    assert masks._segmenter.calls == 2
    [mask] = masks(disc(0, 0, seconds=0.1), [face_at(106, 100)])
    assert masks._segmenter.calls == 2
    assert middle(mask.through(np.eye(2, 3), 200)) == pytest.approx((106, 100), abs=0.3)


def test_a_jump_a_newcomer_and_another_video_get_new_masks(masks):
    def calls(seconds: float, *faces: Face) -> int:
        before = masks._segmenter.calls
        masks(disc(100, 100, seconds=seconds), list(faces))
        return int(masks._segmenter.calls - before)

    assert calls(1.0, face_at(100, 100)) == 1
    assert calls(1.03, face_at(100, 100), face_at(200, 100, identity=2)) == 1
    assert calls(1.06, face_at(115, 100)) == 1
    assert calls(0.5, face_at(115, 100)) == 1  # the clock was set back
    assert calls(0.53, face_at(115, 100)) == 0
    masks.forget()
    assert calls(0.56, face_at(115, 100)) == 1


def test_pictures_without_a_time_are_segmented_each(masks):
    for _ in range(2):
        picture = Frame.from_rgb(disc(100, 100).rgb(), None, Fraction(1, 30), 0)
        masks(picture, [face_at(100, 100)])
    assert masks._segmenter.calls == 2


def test_what_is_segmented_reaches_half_as_far_again_as_the_crop(masks):
    [mask] = masks(disc(100, 100), [face_at(100, 100)])
    corners = framing.apply(framing.invert(mask.matrix), np.array([[0, 0], [SIDE, SIDE]]))
    assert np.ptp(corners[:, 0]) == pytest.approx(3 * framing.half_side(face_at(100, 100).points), abs=4)
