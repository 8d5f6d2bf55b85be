"""Whom nobody knows: covered within a few frames of coming, and no longer than somebody is there."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from support.bare import Show, laid
from support.live_rig import sample_head

from toonstream.bench.clip import photograph, portrait, windows
from toonstream.faces.square import Square
from toonstream.frame import Frame, Rect
from toonstream.live.search import TRIES, Search
from toonstream.live.strangers import SIZE, Guess, Strangers, unknown_people

WIDTH, HEIGHT = 960, 540


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    return sample_head()


def room() -> np.ndarray:
    """A wall that is lighter to the right."""
    return np.repeat(np.tile(np.linspace(90, 150, WIDTH), (HEIGHT, 1)).astype(np.uint8)[..., None], 3, 2)


@pytest.mark.parametrize("brow_to_chin", [60, 30])
@pytest.mark.parametrize("x", [780, WIDTH - 2], ids=["", "cut by the border"])
@pytest.mark.parametrize("turn", [0, 1, 2], ids=["", "on its side", "upside down"])
def test_a_newcomer_beside_a_known_face_is_covered_at_once(head, brow_to_chin, x, turn):
    show = Show()
    known = laid(room(), head, 300, 280, 440)
    for _ in range(5):
        show(known)
    assert show.guard.picture == "live"
    side = 2 * brow_to_chin
    came = laid(known, np.ascontiguousarray(np.rot90(head, turn)), x, 200, side)
    assert not any(show.bare(came, came.copy(), x, 200, side) for _ in range(6))


def test_a_newcomer_in_front_of_a_known_person_is_covered_at_once(head):
    show = Show()
    person = room()
    person[380:, 120:480] = (70, 90, 120)
    known = laid(person, head, 300, 240, 400)
    for _ in range(5):
        show(known)
    came = laid(known, np.ascontiguousarray(np.rot90(head, 2)), 400, 480, 60)
    assert not any(show.bare(came, came.copy(), 400, 480, 60) for _ in range(6))


def test_who_is_found_becomes_a_known_face_at_once(head, monkeypatch):
    """The tracker does not search for them by itself, which would delay the frame."""
    show = Show()
    known = laid(room(), head, 300, 280, 440)
    for _ in range(5):
        show(known)
    monkeypatch.setattr(show.toonifier._tracker._search, "onward", pytest.fail)
    came = laid(known, head, 780, 200, 120)
    faces = [len(show.observation(Frame.from_rgb(came.copy(), 6 + i, Fraction(1, 30), 6 + i)).faces) for i in range(6)]
    assert faces[-1] == 2
    meetings = []
    monkeypatch.setattr(show.toonifier, "meet", lambda frame, square: meetings.append(frame.seconds))
    upside_down = laid(known, np.ascontiguousarray(np.rot90(head, 2)), 780, 420, 120)
    for i in range(30):
        show.observation(Frame.from_rgb(upside_down.copy(), 20 + i, Fraction(1, 30), 20 + i))
    assert 2 <= len(meetings) <= 4  # who does not become one is not tried in every frame


def noted(pictures: list[np.ndarray], heads: Sequence[tuple[np.ndarray, float]] = ()) -> Search:
    """A search that knows an empty room, in which nothing is due any more, and has then seen these pictures of it."""
    search = Search(WIDTH, HEIGHT)
    search.note(Frame.from_rgb(room(), 0, Fraction(1, 30), 0), [])
    searched(search)
    for index, picture in enumerate(pictures, 1):
        search.note(Frame.from_rgb(picture, index, Fraction(1, 30), index), heads)
    return search


def lit(x: int, side: int = 40) -> np.ndarray:
    """The room with something bright at x."""
    picture = room()
    picture[105 : 105 + side, x : x + side] = 250
    return picture


def searched(search: Search) -> list[Rect]:
    """What it wants searched until nothing is due."""
    found = []
    while search.due:
        found.append(search.next())
    return found


def test_squares_that_show_something_new_are_searched_first_and_more_than_once():
    found = searched(noted([lit(700, 200)]))
    assert all(rect.left < 910 and rect.right > 690 and rect.top < 315 and rect.bottom > 95 for rect in found)
    assert {found.count(rect) for rect in found} == {TRIES}


def test_something_small_that_is_new_is_searched_from_near_besides():
    search = noted([lit(800)])
    spots = [search.spot() for _ in range(TRIES + 1)]
    near = spots[0]
    assert spots == [near] * TRIES + [None]
    assert abs(near.left + near.right - 2 * 820) < 20
    assert abs(near.top + near.bottom - 2 * 125) < 20
    assert 2 * 40 < near.width < 4 * 40
    found = searched(search)
    assert len(set(found)) == len(found)
    assert all(rect.left < 840 and rect.right > 800 and rect.top < 145 and rect.bottom > 105 for rect in found)


def test_at_the_border_it_is_searched_as_if_the_picture_went_on_too():
    search = noted([lit(WIDTH - 40)])
    spots = {search.spot() for _ in range(2 * TRIES)}
    assert search.spot() is None
    assert sorted(spot.right > WIDTH for spot in spots) == [False, True]


def test_where_nothing_is_new_all_squares_take_turns_and_large_ones_more():
    search = noted([room()])
    assert not search.due
    count = len(search._squares)
    found = [search.next() for _ in range(4 * count)]
    assert set(found[: 2 * count]) == set(search._squares)
    largest, smallest = (pick(search._squares, key=lambda rect: rect.width) for pick in (max, min))
    assert found.count(largest) >= 1.5 * found.count(smallest) >= 3


def test_what_changes_in_a_known_head_has_nothing_searched():
    assert not noted([lit(800)], [(np.array([820.0, 120.0]), 60.0)]).due


def test_what_moves_all_the_time_is_no_news_but_who_comes_beside_it_is():
    swinging = [lit(800 + 20 * (index % 2)) for index in range(40)]
    search = noted(swinging)
    searched(search)
    search.note(Frame.from_rgb(lit(800), 99, Fraction(1, 30), 99), [])
    assert not search.due
    came = np.maximum(lit(820), lit(300))
    search.note(Frame.from_rgb(came, 100, Fraction(1, 30), 100), [])
    first = search.next()
    assert first.left < 340
    assert first.right > 300


def test_a_calm_picture_is_searched_a_quarter_as_often_in_frames_whose_faces_were_not_looked_for(head, monkeypatch):
    squares = []
    look = Strangers._look

    def noting(strangers: Strangers, frame: Frame, rect: Rect) -> list[Guess]:
        squares.append((frame.index, rect))
        return look(strangers, frame, rect)

    monkeypatch.setattr(Strangers, "_look", noting)
    show = Show()
    known = laid(room(), head, 300, 280, 440)
    looked = [
        show.observation(Frame.from_rgb(known.copy(), index, Fraction(1, 30), index)).detected for index in range(100)
    ]
    at_first = {rect for index, rect in squares if index < 60}
    assert at_first >= set(show.tracker._strangers._search._squares)
    then = [index for index, _ in squares if index >= 60]
    assert 5 <= len(then) <= 10
    assert not any(looked[index] for index in then)


def test_a_large_guess_beside_somebody_who_was_found_does_not_take_their_place(monkeypatch):
    small, large = Guess(Square(700, 200, 80, 0), 0.8), Guess(Square(800, 250, 300, 0), 0.8)
    found = iter([[small], [large], [small], [large]])
    monkeypatch.setattr(Strangers, "_look", lambda *_: next(found))
    strangers = Strangers()
    monkeypatch.setattr(strangers, "_segmenter", lambda *_: np.zeros((SIZE, SIZE), np.float32))
    for index in range(2):
        covered = strangers(Frame.from_rgb(room(), index, Fraction(1, 30), index), [])
    assert len(covered) == 2
    assert min(rect.width for rect in covered) < 2 * small.square.side


def covered_at_once(monkeypatch, guess: Guess, nearer: list[Guess], person: Rect | None = None) -> bool:
    """In its frame. nearer: what a look from nearer finds; person: whom the segmenter sees."""
    likely = np.zeros((SIZE, SIZE), np.float32)
    if person:
        likely[person.top : person.bottom, person.left : person.right] = 0.6
    found = iter([[guess], nearer, []])
    strangers = Strangers()
    monkeypatch.setattr(Strangers, "_look", lambda *_: next(found, []))
    monkeypatch.setattr(strangers, "_segmenter", lambda *_: likely)
    return bool(strangers(Frame.from_rgb(room(), 0, Fraction(1, 30), 0), []))


def test_a_weak_guess_is_covered_where_a_look_from_nearer_bears_it_out(monkeypatch):
    weak, strong, elsewhere = (Guess(Square(x, 200, 80, 0), score) for x, score in [(700, 0.5), (702, 0.8), (800, 0.5)])
    assert covered_at_once(monkeypatch, weak, [strong])
    assert covered_at_once(monkeypatch, strong, [])
    assert not covered_at_once(monkeypatch, weak, [])
    assert not covered_at_once(monkeypatch, weak, [elsewhere])


def test_a_weak_guess_too_large_for_that_is_covered_where_the_segmenter_sees_somebody(monkeypatch):
    weak, strong = (Guess(Square(700, 250, 240, 0), score) for score in (0.6, 0.8))
    there, beside = Rect(170, 90, 200, 200), Rect(60, 90, 110, 200)  # of 256, as the guess's middle is at 187, 119
    assert covered_at_once(monkeypatch, weak, [], there)
    assert covered_at_once(monkeypatch, strong, [])
    assert not covered_at_once(monkeypatch, weak, [weak], beside)


def test_who_was_found_stays_covered_by_a_score_that_finds_nobody_new(monkeypatch):
    score = 0.4
    strangers = Strangers()
    monkeypatch.setattr(Strangers, "_look", lambda *_: [Guess(Square(700, 200, 80, 0), score)])
    monkeypatch.setattr(strangers, "_segmenter", lambda *_: np.zeros((SIZE, SIZE), np.float32))

    def covered(index: int) -> bool:
        return bool(strangers(Frame.from_rgb(room(), index, Fraction(1, 30), index), []))

    assert not covered(0)
    score = 0.8
    assert covered(1)
    score = 0.4
    assert all(covered(index) for index in range(2, 20))
    monkeypatch.setattr(Strangers, "_look", lambda *_: [])
    assert not any(covered(index) for index in range(40, 45))


def test_what_is_nowhere_likely_a_person_is_none():
    """Leaves and furniture."""
    likely = np.zeros((SIZE, SIZE), np.float32)
    likely[80:140, 200:230] = 0.7
    assert unknown_people(likely, [], 960, 540) == []
    likely[100, 210] = 0.8
    assert len(unknown_people(likely, [], 960, 540)) == 1


def test_a_person_with_a_known_head_is_known_with_their_hands():
    people = np.zeros((SIZE, SIZE), np.float32)
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
    observations = [show.observation(Frame.from_rgb(known.copy(), i, Fraction(1, 30), i)) for i in range(12)]
    assert [observation.strangers for observation in observations[2:]] == [[]] * 10


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
