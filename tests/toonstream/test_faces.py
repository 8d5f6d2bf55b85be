"""Faces through time, on a real face: found, followed, kept apart, held and given up."""

from fractions import Fraction
from functools import partial

import av
import cv2
import numpy as np
import pytest
from support import CLIP, live_rig
from support.live_rig import sample_head

from toonstream.faces.follow import between, follow
from toonstream.faces.framing import half_side
from toonstream.faces.search import Search, squares
from toonstream.faces.tracker import HOLD_SECONDS, Tracker
from toonstream.frame import Frame

scene = partial(live_rig.scene, canary=False, size=(640, 360))


@pytest.fixture(scope="module")
def tracker():
    with Tracker() as tracker:
        yield tracker


@pytest.fixture(autouse=True)
def _afresh(tracker):
    tracker.forget()


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    return sample_head()


def frames(pictures, rate=30):
    return [Frame.from_rgb(p, i, Fraction(1, rate), i) for i, p in enumerate(pictures)]


def test_finds_the_head_in_every_frame_of_a_clip(tracker):
    with av.open(CLIP) as clip:
        pictures = [f.to_ndarray(format="rgb24") for f in list(clip.decode(video=0))[:60:3]]
    seen = [tracker(frame) for frame in frames(pictures, 10)]
    assert [[(f.identity, f.confidence) for f in faces] for faces in seen] == [[(seen[0][0].identity, 1.0)]] * 20


def test_a_video_is_seen_the_same_whatever_came_before(tracker, head, monkeypatch):
    """New faces are looked for in the same places: else a faint one is found in one run, and not in another."""
    places, look = [], Search._look
    monkeypatch.setattr(Search, "_look", lambda self, frame, rect: places.append(rect) or look(self, frame, rect))
    for _ in range(2):
        tracker.forget()
        places.append("begin")
        for frame in frames([scene((head, 320, 180, 0.8))] * 8):
            tracker(frame)
    first, second = places[1 : len(places) // 2], places[len(places) // 2 + 1 :]
    assert first == second
    assert len(first) > sum(map(len, squares(640, 360)))  # some after the first frame, too


def test_finds_a_face_of_30_pixels(tracker, head):
    faces = tracker(frames([scene((head, 500, 100, 30 / 160), size=(1280, 720))])[0])
    assert len(faces) == 1
    assert np.abs(faces[0].landmarks.mean(0) - (500, 100)).max() < 12
    assert 20 < np.ptp(faces[0].landmarks[:, 1]) < 42


@pytest.mark.parametrize("degrees", [-45, 45])
def test_finds_a_tilted_head(tracker, head, degrees):
    turn = cv2.getRotationMatrix2D((160, 160), degrees, 1)
    tilted = cv2.warpAffine(head, turn, (320, 320), borderMode=cv2.BORDER_REPLICATE)
    faces = tracker(frames([scene((tilted, 320, 180, 1.0))])[0])
    assert len(faces) == 1
    left, right = faces[0].points[:2]
    assert np.degrees(np.arctan2(left[1] - right[1], right[0] - left[0])) == pytest.approx(degrees, abs=8)


def test_two_faces_keep_their_identities_as_they_move(tracker, head):
    mirrored = np.ascontiguousarray(head[:, ::-1])
    paths = [scene((head, 150 + 6 * i, 180, 0.6), (mirrored, 480, 180 - 4 * i, 0.5)) for i in range(10)]
    seen = [tracker(frame) for frame in frames(paths)]
    moving, other = (face.identity for face in sorted(seen[0], key=lambda face: face.points[0, 0]))
    assert moving != other
    for i, faces in enumerate(seen):
        where = {face.identity: face.landmarks.mean(0) for face in faces}
        assert set(where) == {moving, other}
        assert where[moving][0] == pytest.approx(where_at_start(seen, moving)[0] + 6 * i, abs=4)
        assert where[other][1] == pytest.approx(where_at_start(seen, other)[1] - 4 * i, abs=4)


def where_at_start(seen, identity):
    return next(face.landmarks.mean(0) for face in seen[0] if face.identity == identity)


def test_faces_that_cross_do_not_swap(tracker, head):
    """One passes in front of the other, who is covered meanwhile."""
    mirrored = np.ascontiguousarray(head[:, ::-1])
    steps = range(130, 510, 9)
    paths = [scene((mirrored, 320, 180, 0.5), (head, x, 190, 0.55)) for x in steps]
    seen = [{f.identity: f.points[:, 0].mean() for f in tracker(frame)} for frame in frames(paths)]
    passing, staying = sorted(seen[0], key=lambda identity: seen[0][identity])
    for x, where in zip(steps, seen, strict=True):
        assert where[passing] == pytest.approx(x, abs=8)
        assert where.get(staying, 320) == pytest.approx(320, abs=10)  # half covered, it is seen less exactly
        assert set(where) <= {passing, staying}
    assert staying in seen[-1]


def test_what_the_landmark_network_doubts_is_no_new_face_but_one_that_was_lost_is_followed_again(
    tracker, head, monkeypatch
):
    run, score = tracker._landmarker._network.run, [0.8]
    monkeypatch.setattr(
        tracker._landmarker._network, "run", lambda inputs: {**run(inputs), "presence": np.float32(score)}
    )
    bare, covered = frames([scene((head, 320, 180, 0.8)), scene()])
    assert tracker(bare) == []
    tracker.forget()
    score[0] = 1.0
    [face] = tracker(bare)
    score[0] = 0.0
    assert tracker(covered)[0].confidence < 1
    score[0] = 0.8
    [again] = tracker(bare)
    assert (again.identity, again.confidence) == (face.identity, 1)


def test_a_covered_face_is_held_then_given_up_then_known_again(tracker, head):
    bare, covered = scene((head, 320, 180, 0.8)), scene()
    hidden = int(HOLD_SECONDS * 30)
    seen = [tracker(frame) for frame in frames([bare] * 3 + [covered] * (hidden + 3) + [bare] * 3)]
    before, held, gone, again = seen[2][0], seen[4][0], seen[hidden + 5], seen[-1][0]
    assert np.array_equal(held.landmarks, before.landmarks)
    assert 0 < held.confidence < 1
    assert gone == []
    assert again.identity == before.identity


def test_a_still_face_gives_a_still_crop(tracker, head):
    rng = np.random.default_rng(0)
    still = scene((head, 320, 180, 0.8))
    noisy = [np.clip(still + rng.normal(0, 3, still.shape), 0, 255).astype(np.uint8) for _ in range(24)]
    points = np.array([tracker(frame)[0].points for frame in frames(noisy)])[8:]
    assert np.abs(np.diff(points, axis=0)).max() < 0.25


def test_no_face_no_faces(tracker):
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    assert tracker(frames([noise])[0]) == []


def test_faces_between_two_looks_lie_between(tracker, head):
    pictures = [scene((head, 250 + 4 * i, 180, 0.7)) for i in range(5)]
    seen = list(follow(tracker, frames(pictures), Fraction(30)))
    assert [frame.index for frame, _ in seen] == list(range(5))
    x = [faces[0].landmarks[:, 0].mean() for _, faces in seen]
    assert np.diff(x) == pytest.approx([4] * 4, abs=1.0)
    assert x[1] == pytest.approx((x[0] + x[2]) / 2, abs=0.01)


def test_a_cut_is_no_way_between(tracker, head):
    dark = scene((head, 480, 180, 0.7)) // 3
    pictures = [scene((head, 160, 180, 0.7))] * 2 + [dark] * 2
    x = [faces[0].landmarks[:, 0].mean() for _, faces in follow(tracker, frames(pictures), Fraction(30))]
    assert x == pytest.approx([160, 160, 480, 480], abs=12)


def test_time_stamps_say_where_between(tracker, head):
    """A file of uneven rate: the face moves with the clock, not with the frames."""
    stamps = [0, 1, 4, 5, 6]  # in 60ths of a second
    pictures = [scene((head, 250 + 3 * t, 180, 0.7)) for t in stamps]
    uneven = [Frame.from_rgb(p, t, Fraction(1, 60), i) for i, (p, t) in enumerate(zip(pictures, stamps, strict=True))]
    x = np.array([faces[0].landmarks[:, 0].mean() for _, faces in follow(tracker, uneven, Fraction(60))])
    assert x - x[0] == pytest.approx(3 * np.array(stamps), abs=1.5)


@pytest.mark.parametrize("flash", [255, 128])
def test_a_flash_changes_nobody(tracker, head, flash):
    bare = scene((head, 320, 180, 0.7))
    pictures = [bare, bare, np.full_like(bare, flash), bare, bare]
    seen = [faces for _, faces in follow(tracker, frames(pictures), Fraction(10))]
    assert {face.identity for faces in seen for face in faces} == {seen[0][0].identity}


def test_a_face_seen_in_one_of_two_looks_is_there_in_between(tracker, head):
    [face] = tracker(frames([scene((head, 320, 180, 0.7))])[0])
    assert between([face], [], 0.5) == [face]
    assert between([], [face], 0.5) == [face]


def test_one_face_is_the_same_person_throughout(head):
    """The other comes nearer until she is the larger one."""
    scales = np.linspace(0.4, 0.9, 12)
    pictures = [scene((head, 150, 180, 0.6), (np.ascontiguousarray(head[:, ::-1]), 460, 180, s)) for s in scales]
    with Tracker(1) as tracker:
        seen = [faces for _, faces in follow(tracker, frames(pictures), Fraction(30))]
    assert len({face.identity for faces in seen for face in faces}) == 1
    assert all(faces[0].landmarks[:, 0].mean() == pytest.approx(150, abs=15) for faces in seen)


def test_one_face_of_another_scene_is_another_at_once(head):
    dark = scene((head, 480, 180, 0.7)) // 3
    with Tracker(1) as tracker:
        seen = list(follow(tracker, frames([scene((head, 160, 180, 0.7))] * 2 + [dark] * 2), Fraction(30)))
    assert [faces[0].landmarks[:, 0].mean() for _, faces in seen] == pytest.approx([160, 160, 480, 480], abs=12)


def test_the_largest_face_comes_first(tracker, head):
    faces = tracker(frames([scene((head, 150, 180, 0.4), (head, 450, 180, 0.8))])[0])
    assert half_side(faces[0].points) > half_side(faces[1].points)
