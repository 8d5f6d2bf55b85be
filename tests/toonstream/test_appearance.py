"""Eyes and mouths between two looks: a blink of three frames and a word show in those frames, in files and live."""

from collections.abc import Sequence
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from support import CLIP

from toonstream.faces.appearance import SIZE, Appearance
from toonstream.faces.face import Face
from toonstream.faces.follow import follow
from toonstream.faces.mesh import IRISES
from toonstream.faces.tracker import Tracker
from toonstream.frame import Frame, Rect
from toonstream.live.tracking import LiveTracker
from toonstream.orientation import Orientation

EYES_OPEN, EYES_SHUT, MOUTH_OPEN, MOUTH_SHUT = 32, 36, 44, 52
"""Frames of the clip."""


class Seer(Tracker):
    """A tracker, or the part of a Toonifier that live video needs, which notes the frames that it looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[int] = []

    def __call__(self, frame: Frame, search: bool = True) -> list[Face]:
        self.looks.append(frame.index)
        return super().__call__(frame, search)

    see = __call__


def followed(pictures: Sequence[np.ndarray], live: bool) -> tuple[list[np.ndarray], list[int]]:
    """The landmarks of each picture's one face, at 30 a second, and which pictures were looked at."""
    frames = [Frame.from_rgb(picture, i, Fraction(1, 30), i) for i, picture in enumerate(pictures)]
    with Seer() as seer:
        if live:
            tracker = LiveTracker(seer)
            seen = [tracker(frame).faces for frame in frames]
        else:
            seen = [faces for _, faces in follow(seer, frames, Fraction(30))]
    assert [len(faces) for faces in seen] == [1] * len(frames)
    return [face.landmarks for (face,) in seen], seer.looks


def eyes(landmarks: np.ndarray) -> float:
    """How far the lids are apart, in widths of the eye, on average."""
    left, right = (
        np.hypot(*(landmarks[a] - landmarks[b])) / np.hypot(*(landmarks[c] - landmarks[d]))
        for a, b, c, d in ((159, 145, 33, 133), (386, 374, 362, 263))
    )
    return float(left + right) / 2


def mouth(landmarks: np.ndarray) -> float:
    """How far the lips are apart, in widths of the mouth."""
    return float(np.hypot(*(landmarks[13] - landmarks[14])) / np.hypot(*(landmarks[78] - landmarks[308])))


@pytest.fixture(scope="module")
def clip() -> list[np.ndarray]:
    with av.open(CLIP) as container:
        return [f.to_ndarray(format="rgb24") for _, f in zip(range(72), container.decode(video=0), strict=False)]


def still(clip: list[np.ndarray], order: Sequence[int]) -> list[np.ndarray]:
    """Frames of the clip in that order, each with noise of its own."""
    rng = np.random.default_rng(0)
    return [np.clip(clip[i] + rng.normal(0, 2, clip[i].shape), 0, 255).astype(np.uint8) for i in order]


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("start", [9, 10, 11, 12])
def test_a_blink_of_three_frames_shuts_the_eyes_in_those_frames(clip, live, start):
    pictures = still(clip, [EYES_OPEN] * start + [EYES_SHUT] * 3 + [EYES_OPEN] * 6)
    landmarks, looks = followed(pictures, live)
    shut = [i for i, one in enumerate(landmarks) if eyes(one) < 0.2]
    assert shut == [start, start + 1, start + 2]
    assert max(eyes(one) for one in landmarks[start : start + 3]) < 0.14
    assert min(eyes(one) for i, one in enumerate(landmarks) if i not in shut) > 0.26
    assert len(looks) < 0.8 * len(pictures)


@pytest.mark.parametrize("live", [False, True])
def test_a_word_moves_the_lips_in_its_frames(clip, live):
    pictures = still(clip, [MOUTH_SHUT] * 11 + [MOUTH_OPEN] * 3 + [MOUTH_SHUT] * 6)
    landmarks, looks = followed(pictures, live)
    assert [i for i, one in enumerate(landmarks) if mouth(one) > 0.1] == [11, 12, 13]
    assert min(mouth(one) for one in landmarks[11:14]) > 0.17
    assert len(looks) < 0.8 * len(pictures)


@pytest.mark.parametrize("live", [False, True])
def test_a_head_that_turns_blinks_and_talks_is_as_if_looked_at_in_every_frame(clip, live):
    with Tracker() as tracker:
        frames = [Frame.from_rgb(picture, i, Fraction(1, 30), i) for i, picture in enumerate(clip)]
        every = [tracker(frame)[0].landmarks for frame in frames]
    landmarks, looks = followed(clip, live)
    for opening, most in ((eyes, 0.05), (mouth, 0.08)):
        apart = [abs(opening(a) - opening(b)) for a, b in zip(every, landmarks, strict=True)]
        assert max(apart) < most
        assert np.mean(apart) < most / 5
    assert len(looks) < 0.8 * len(clip)


@pytest.mark.parametrize("live", [False, True])
def test_irises_keep_up_with_a_head_that_moves_half_a_face_a_second(clip, live):
    with Tracker() as tracker:
        start = tracker(Frame.from_rgb(clip[EYES_OPEN].copy(), 0, Fraction(1, 30), 0))[0].landmarks
    speed = np.ptp(start[:, 1]) / 2 / 30
    size = clip[EYES_OPEN].shape[1::-1]
    gone = speed * np.concatenate([np.zeros(8), np.arange(1, 25)])
    pictures = [cv2.warpAffine(clip[EYES_OPEN], np.float32([[1, 0, x], [0, 1, 0]]), size, borderMode=1) for x in gone]
    landmarks, _ = followed(pictures, live)
    irises = [ring[0] for ring in IRISES]
    behind = np.array([x - (one[irises, 0] - start[irises, 0]).mean() for x, one in zip(gone, landmarks, strict=True)])
    assert abs(behind[12:].mean()) < 0.3 * speed, behind
    assert np.ptp(behind[12:]) < 0.5 * speed, behind


def test_a_still_face_in_noise_gets_no_more_looks(clip):
    _, looks = followed(still(clip, [EYES_OPEN] * 15), live=False)
    assert looks == [0, 2, 6, 10, 14]


def face_on(picture: np.ndarray) -> Face:
    with Tracker() as tracker:
        return tracker(Frame.from_rgb(picture, 0, Fraction(1, 30), 0))[0]


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda picture: np.clip(0.8 * picture + 10, 0, 255), False),  # the light
        (lambda picture: np.roll(picture, (2, -3), (0, 1)), False),  # a small move
        (lambda picture: np.roll(picture, 60, 1), True),  # a jump
        (lambda picture: np.full_like(picture, 128), True),  # something before the lens
    ],
)
def test_what_counts_as_a_change(clip, change, differs):
    before = clip[EYES_OPEN]
    appearance = Appearance(Frame.from_rgb(before, 0, Fraction(1, 30), 0), [face_on(before)])
    now = change(before.astype(np.float32)).astype(np.uint8)
    assert appearance.changed(Frame.from_rgb(now, 1, Fraction(1, 30), 1)) is differs


def test_no_faces_never_change(clip):
    frame = Frame.from_rgb(clip[0], 0, Fraction(1, 30), 0)
    assert not Appearance(frame, []).changed(frame)


@pytest.mark.parametrize("orientation", [Orientation(), Orientation(True, False, True), Orientation(False, True, True)])
def test_grey_is_the_upright_rectangles_brightness(orientation):
    rgb = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    frame = Frame.from_rgb(rgb, 0, Fraction(1), 0, orientation)
    rect = Rect(4, 6, 4 + SIZE, 6 + SIZE)
    assert np.array_equal(frame.grey(rect, SIZE), frame.rgb(rect)[..., 1])
    with pytest.raises(ValueError, match="does not lie"):
        frame.grey(Rect(0, 0, 100, 10), SIZE)
