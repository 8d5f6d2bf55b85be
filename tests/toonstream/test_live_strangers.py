"""Whom nobody knows: covered within a few frames of coming, and no longer than somebody is there."""

from fractions import Fraction

import numpy as np
import pytest
from support.bare import Show, laid
from support.live_rig import sample_head

from toonstream.bench.clip import photograph, portrait, windows
from toonstream.frame import Frame
from toonstream.live.strangers import SIZE, Search, unknown_people

WIDTH, HEIGHT = 960, 540


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    return sample_head()


def room() -> np.ndarray:
    """A wall that is lighter to the right."""
    return np.repeat(np.tile(np.linspace(90, 150, WIDTH), (HEIGHT, 1)).astype(np.uint8)[..., None], 3, 2)


@pytest.mark.parametrize(
    ("brow_to_chin", "turn", "x", "most"),
    [
        (60, 0, 780, 3),
        (60, 2, 780, 3),
        (60, 0, WIDTH - 2, 3),
        (60, 2, WIDTH - 2, 3),
        (30, 0, 780, 15),
        (30, 2, 780, 15),
        (30, 0, WIDTH - 2, 15),
        (30, 2, WIDTH - 2, 15),
    ],
    ids=[
        f"{size} px{where}{how}"
        for size in (60, 30)
        for where in ("", ", cut by the border")
        for how in ("", ", upside down")
    ],
)
def test_a_newcomer_beside_a_known_face_is_covered_soon(head, brow_to_chin, turn, x, most):
    show = Show()
    known = laid(room(), head, 300, 280, 440)
    for _ in range(5):
        show(known)
    assert show.guard.picture == "live"
    side = 2 * brow_to_chin
    came = laid(known, np.ascontiguousarray(np.rot90(head, turn)), x, 200, side)
    bare = [show.bare(came, came.copy(), x, 200, side) for _ in range(most + 3)]
    assert not any(bare[most:])


def test_the_square_that_changed_is_searched_first():
    search = Search(WIDTH, HEIGHT)
    before, after = room(), room()
    after[100:140, 800:840] = 250
    search.note(Frame.from_rgb(before, 0, Fraction(1, 30), 0), [])
    search.note(Frame.from_rgb(after, 1, Fraction(1, 30), 1), [])
    first = search.next()
    assert first.left <= 800
    assert first.right >= 840
    assert first.top <= 100
    assert first.bottom >= 140


def test_what_changes_in_a_known_head_has_nothing_searched():
    search = Search(WIDTH, HEIGHT)
    before, after = room(), room()
    after[100:140, 800:840] = 250
    head = np.array([820.0, 120.0]), 60.0
    for index, picture in enumerate([before, after]):
        search.note(Frame.from_rgb(picture, index, Fraction(1, 30), index), [head])
    assert search._changed.max() < 1


def test_a_person_with_a_known_head_is_known_with_their_hands():
    people = np.zeros((SIZE, SIZE), np.uint8)
    people[60:256, 40:110] = 1  # with a head at about (75, 80)
    people[150:180, 118:140] = 1  # a hand
    people[80:140, 200:230] = 1
    people[20:22, 220:222] = 1  # nothing
    heads = [(np.array([75.0, 80.0]) * 4, 30.0 * 4)]
    [rect] = unknown_people(people, heads, 4 * SIZE, 4 * SIZE)
    assert rect.left <= 800
    assert rect.right >= 920
    assert rect.top <= 320
    assert rect.bottom >= 560
    assert rect.width * rect.height < 4 * SIZE * SIZE / 2
    assert len(unknown_people(people, [], 4 * SIZE, 4 * SIZE)) == 3


def test_nobody_there_no_strangers(head):
    show = Show()
    known = laid(room(), head, 300, 280, 440)
    sights = [show.look(Frame.from_rgb(known.copy(), i, Fraction(1, 30), i)) for i in range(12)]
    assert [sight.strangers for sight in sights[2:]] == [[]] * 10


def test_after_a_cut_from_two_to_one_the_blur_ends_once_nobody_else_is_seen():
    """Shoulders are where a face was before."""
    photo = photograph()

    def call(people: int, index: int) -> np.ndarray:
        picture = np.empty((270, 480, 3), np.uint8)
        for person, (left, top, right, bottom) in enumerate(windows(480, 270, people)):
            picture[top:bottom, left:right] = portrait(photo, right - left, bottom - top, index, 300, person)
        return picture

    show = Show()
    for index in range(6):
        show(call(2, index))
    assert show.shown[-1] == "live"
    for index in range(60):
        show(call(1, index))
    assert show.shown[6] == "held"
    assert set(show.shown[-3:]) == {"live"}
