"""The real face never shows: what the guard makes of faces that are lost, not drawn, too many, or never found."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from support.live_rig import FLAT, Collector, canary, engines, paint

from toonstream.composite import Toon
from toonstream.faces.face import Face
from toonstream.faces.framing import framing
from toonstream.faces.mesh import EYES, MOUTH_CORNERS, NOSE_TIP, OVAL
from toonstream.frame import Frame, Rect
from toonstream.live.guard import BLUR_SECONDS, CELLS_UNSEEN, GONE_SECONDS, HOLD_SECONDS, ON_LOST, Guard
from toonstream.live.session import Drawn, Session
from toonstream.live.tracking import Observation

__all__ = ["engines"]

WIDTH, HEIGHT, RADIUS = 480, 360, 30
CANARY = 0.7 * RADIUS  # of the face, what no soft edge of a cartoon lets through
STEP = 0.1


def face_at(x: float, y: float, identity: int = 1, radius: float = RADIUS, confidence: float = 1.0) -> Face:
    """A round face."""
    ring = np.tile([x, y], (478, 1)).astype(np.float64)
    turns = np.linspace(-np.pi / 2, 3 * np.pi / 2, len(OVAL), endpoint=False)
    ring[OVAL] += radius * np.stack([np.cos(turns), np.sin(turns)], 1)
    ring[EYES[0]] += np.array([-0.4, -0.2]) * radius
    ring[EYES[1]] += np.array([0.4, -0.2]) * radius
    for point, at in ((NOSE_TIP, (0, 0.2)), (MOUTH_CORNERS[0], (-0.3, 0.5)), (MOUTH_CORNERS[1], (0.3, 0.5))):
        ring[point] += np.array(at) * radius
    return Face(identity, ring.astype(np.float32), confidence)


def toon_of(face: Face) -> Toon:
    return Toon(face, framing(face.points, 64), np.full((64, 64, 3), FLAT, np.uint8))


class Scene:
    """Bare faces with the canary, shown to a guard a tenth of a second apart."""

    def __init__(self, on_lost: str = "hold") -> None:
        self.guard = Guard(on_lost)
        self.time = 100.0

    def show(self, bare, seen, drawn=None, step: float = STEP, wanted=(), **observation) -> np.ndarray:
        """bare: where faces are, (x, y). seen: faces that were found. drawn: those of them with a cartoon [all].

        wanted: identities of those that the user wants to be seen bare. observation: what else was seen.
        """
        self.time += step
        picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        picture[:20, :20] = (round(self.time * 10) % 200, 0, 0)  # a clock
        for x, y in bare:
            paint(picture, x, y, CANARY)
        frame = Frame.from_rgb(picture, round(self.time * 1e6), Fraction(1, 1_000_000), 0)
        toons = [toon_of(face) for face in (seen or [] if drawn is None else drawn)]
        out = self.guard(frame, None if seen is None else Observation(seen, **observation), toons, set(wanted))
        assert (out.pts, out.time_base, out.picture.pts) == (frame.pts, frame.time_base, frame.pts)
        return out.rgb()


def moving(picture: np.ndarray, before: np.ndarray) -> bool:
    return not np.array_equal(picture, before)


def test_the_canary_is_told_from_what_guards():
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    assert canary(picture) < 1
    paint(picture, 111, 77, 12)
    assert canary(picture) > 60


def test_all_is_blurred_until_a_face_is_found():
    scene = Scene()
    for _ in range(3):
        assert canary(scene.show([(200, 150)], [])) < 10
        assert scene.guard.picture == "blurred"
    picture = scene.show([(200, 150)], [face_at(200, 150)])
    assert canary(picture) < 10
    assert scene.guard.picture == "live"
    assert tuple(picture[350, 470]) == (128, 128, 128)


def test_a_lost_face_is_held_then_blurred_then_a_still():
    scene = Scene()
    last = scene.show([(200, 150)], [face_at(200, 150)])
    states = []
    for i in range(40):
        x = 200 + 6 * i  # it walks off
        picture = scene.show([(x, 150)], [face_at(200, 150, confidence=0.5)] if i < 4 else [])
        assert canary(picture) < 10
        states.append(scene.guard.picture)
        if scene.guard.picture in ("held", "still"):
            assert np.array_equal(picture, last)
    assert states == ["held"] * 4 + ["blurred"] * 21 + ["still"] * 15
    assert [HOLD_SECONDS, BLUR_SECONDS] == [0.5, 2.5]
    scene.show([(430, 150)], [face_at(430, 150)])
    assert scene.guard.picture == "live"


def test_blur_takes_no_time_to_hold_and_makes_no_still():
    scene = Scene("blur")
    before = scene.show([(200, 150)], [face_at(200, 150)])
    for i in range(40):
        picture = scene.show([(200 + 6 * i, 150)], None)
        assert canary(picture) < 10
        assert moving(picture, before)
        before = picture
    assert scene.guard.picture == "blurred"


def test_pass_lets_all_through():
    scene = Scene("pass")
    assert canary(scene.show([(200, 150)], [])) > 60


@pytest.mark.parametrize("on_lost", ["hold", "blur"])
def test_a_face_that_is_seen_but_not_drawn_is_blurred_in_its_place(on_lost):
    """One beyond --faces N, or one whose cartoon failed."""
    scene = Scene(on_lost)
    first, second = face_at(120, 150), face_at(350, 200, 2)
    picture = scene.show([(120, 150), (350, 200)], [first, second], [first])
    assert canary(picture) < 10
    assert scene.guard.picture == "live"
    assert tuple(picture[150, 120]) == FLAT
    assert tuple(picture[20, 240]) == (128, 128, 128)
    assert canary(scene.show([(120, 150), (350, 200)], [first, second], [])) < 10


def test_others_go_on_while_one_is_lost():
    scene = Scene()
    both = [(100, 150), (380, 150)]
    for _ in range(20):
        scene.show(both, [face_at(100, 150), face_at(380, 150, 2)])
    states = []
    for _ in range(30):
        picture = scene.show(both, [face_at(100, 150)])
        assert canary(picture) < 10
        assert tuple(picture[150, 100]) == FLAT
        states.append(scene.guard.picture)
    assert set(states) == {"held", "blurred"}
    scene.show(both, [face_at(100, 150), face_at(380, 150, 2)])
    assert scene.guard.picture == "live"


def test_one_who_left_is_not_waited_for_when_others_stay():
    scene = Scene()
    for _ in range(15):
        scene.show([(100, 150), (380, 150)], [face_at(100, 150), face_at(380, 150, 2)], step=0.5)
    scene.show([(100, 150)], [face_at(100, 150)], step=GONE_SECONDS)
    assert scene.guard.picture == "blurred"
    scene.show([(100, 150)], [face_at(100, 150)], step=1)
    assert scene.guard.picture == "live"


def test_what_was_seen_for_a_moment_is_not_waited_for_long():
    scene = Scene()
    scene.show([(100, 150)], [face_at(100, 150)])
    scene.show([(100, 150)], [face_at(100, 150), face_at(380, 150, 2)])
    scene.show([(100, 150)], [face_at(100, 150)], step=3)
    assert scene.guard.picture == "live"


def test_a_lost_face_that_comes_back_under_another_number_is_the_same():
    scene = Scene()
    scene.show([(100, 150)], [face_at(100, 150)])
    scene.show([(100, 150)], [])
    scene.show([(140, 150)], [face_at(140, 150, 2)])
    assert scene.guard.picture == "live"


def test_one_far_away_is_somebody_else_at_first():
    scene = Scene()
    for _ in range(9):
        scene.show([(60, 60)], [face_at(60, 60)])
    assert canary(scene.show([(60, 60), (440, 320)], [face_at(440, 320, 2)])) < 10
    assert scene.guard.picture == "held"


def test_a_pause_of_the_camera_counts():
    """What was known before it went to sleep says nothing on where a face is now."""
    scene = Scene()
    still = scene.show([(100, 150)], [face_at(100, 150)])
    assert np.array_equal(scene.show([(380, 300)], [], step=30), still)
    assert scene.guard.picture == "still"


def test_who_is_lost_right_after_a_long_pause_was_not_away_all_the_while(engines):
    """The picture stood still for longer than others wait for somebody who is away; meanwhile both were seen."""
    left, right = face_at(100, 150), face_at(380, 150, 2)
    told = []

    def show(second: float, seen: list[Face]) -> None:
        picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
        frame = Frame.from_rgb(picture, round(second * 1e6), Fraction(1, 1_000_000), 0)
        session._show(Drawn(frame, Observation(seen), [toon_of(face) for face in seen], frozenset()), [])
        told.append(session.figures()["picture"])

    with Session("flat") as session:
        show(0, [left, right])
        session.paused = True
        for second in range(1, round(GONE_SECONDS) + 9):
            show(second, [left, right])
        session.paused = False
        show(second + STEP, [left])
    assert (told[0], set(told[1:-1]), told[-1]) == ("live", {"paused"}, "held")


@pytest.mark.parametrize("on_lost", ON_LOST)
def test_what_was_drawn_before_the_effect_came_on_is_not_shown(engines, on_lost):
    """Nor where it came on together with the end of a pause, and nor at the very start."""
    face, sink = face_at(200, 150), Collector()
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    paint(picture, 200, 150, CANARY)

    def show(second: int, effect: bool, drawn_with_it: bool) -> tuple[bool, str]:
        """Whether the face is bare in what goes out, and what is told."""
        session.effect = effect
        frame = Frame.from_rgb(picture, round(second * 1e6), Fraction(1, 1_000_000), second)
        toons, bare = ([toon_of(face)], set()) if drawn_with_it else ([], {face.identity})
        session._show(Drawn(frame, Observation([face]), toons, bare), [sink])
        return bool(sink.frames) and canary(sink.frames[-1].rgb()) > 10, session.figures()["picture"]

    with Session("flat", on_lost=on_lost) as session:
        assert show(0, True, False) == (False, "blurred")
        assert show(1, False, False) == (True, "bare")
        assert show(2, True, False) == (False, "blurred")
        assert show(3, True, True) == (False, "live")
        assert show(4, False, False) == (True, "bare")
        session.paused = True
        assert show(5, False, False) == (True, "paused")
        session.paused = False
        assert show(6, True, False) == (False, "blurred")
        assert show(7, True, True) == (False, "live")


@pytest.mark.parametrize("jump", [3600, -0.5, -3600])
def test_a_clock_that_jumps_bares_nothing(jump):
    scene = Scene()
    scene.show([(100, 150)], [face_at(100, 150)])
    assert canary(scene.show([(160, 150)], [], step=jump)) < 10
    for _ in range(40):
        assert canary(scene.show([(160, 150)], [])) < 10
    scene.show([(160, 150)], [face_at(160, 150)], step=jump)
    scene.show([(160, 150)], [face_at(160, 150)])
    assert scene.guard.picture == "live"


def test_a_style_with_a_matte_of_its_own_bares_nothing():
    scene = Scene()
    face = face_at(200, 150)
    clear = np.zeros((64, 64, 1), np.uint8)
    scene.time += STEP
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    paint(picture, 200, 150, CANARY)
    frame = Frame.from_rgb(picture, round(scene.time * 1e6), Fraction(1, 1_000_000), 0)
    assert canary(scene.guard(frame, Observation([face]), [replace(toon_of(face), matte=clear)]).rgb()) < 10


def test_nothing_finer_than_the_cells_is_left():
    scene = Scene()
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    out = scene.guard(Frame.from_rgb(noise, 0, Fraction(1), 0), Observation([]), []).rgb()
    cell = HEIGHT / CELLS_UNSEEN
    assert np.abs(np.diff(out.astype(int), axis=1)).max() < 256 / cell
    assert out.std() < 3


def test_what_is_shown_again_is_of_frames_whose_faces_were_looked_for():
    """The face jumped in a frame that was not looked at: bare once, and never again."""
    scene = Scene()
    safe = scene.show([(100, 150)], [face_at(100, 150)])
    assert canary(scene.show([(300, 150)], [face_at(100, 150)], detected=False)) > 60
    assert np.array_equal(scene.guard.last.rgb(), safe)
    for _ in range(60):
        assert canary(scene.show([], [])) < 10
    assert scene.guard.picture == "still"
    assert np.array_equal(scene.guard.last.rgb(), safe)


def people_at(*places: tuple[float, float]) -> np.ndarray:
    """What the segmenter makes of round people there."""
    down, across = np.mgrid[:256, :256]
    return np.maximum.reduce(
        [np.hypot(across * WIDTH / 256 - x, down * HEIGHT / 256 - y) < RADIUS for x, y in places]
    ).astype(np.uint8)


def two(scene: Scene) -> None:
    for _ in range(20):
        scene.show([(100, 150), (380, 150)], [face_at(100, 150), face_at(380, 150, 2)])


def test_one_of_two_who_left_is_not_waited_for_once_the_segmenter_sees_nobody():
    scene = Scene()
    two(scene)
    shown = []
    for _ in range(30):
        scene.show([(100, 150)], [face_at(100, 150)], people=people_at((100, 150)))
        shown.append(scene.guard.picture)
    assert shown.index("live") in (15, 16)  # a second and a half
    assert set(shown[17:]) == {"live"}


def test_who_turns_away_but_stays_is_blurred_in_their_place():
    scene = Scene()
    two(scene)
    for _ in range(60):
        picture = scene.show([(100, 150), (380, 150)], [face_at(100, 150)], people=people_at((100, 150), (380, 150)))
        assert canary(picture) < 10
    assert scene.guard.picture == "blurred"
    assert tuple(picture[340, 200]) == (128, 128, 128)  # not all of it
    assert np.array_equal(picture[10, :20, 0], np.full(20, picture[10, 0, 0]))


def test_a_stranger_is_blurred_and_the_rest_is_live():
    scene = Scene()
    scene.show([(100, 150)], [face_at(100, 150)])
    picture = scene.show([(100, 150), (380, 150)], [face_at(100, 150)], strangers=[Rect(330, 100, 430, 200)])
    assert canary(picture) < 10
    assert scene.guard.picture == "live"
    assert tuple(picture[340, 200]) == (128, 128, 128)


def test_only_who_is_wanted_bare_is_shown_bare():
    scene = Scene()
    one, two = face_at(120, 150, 1), face_at(350, 150, 2)
    assert canary(scene.show([(120, 150)], [one], drawn=[], wanted=[1])) > 40
    assert scene.guard.picture == "bare"
    picture = scene.show([(120, 150), (350, 150)], [one, two], drawn=[], wanted=[1])
    assert canary(picture[:, :240]) > 40
    assert canary(picture[:, 240:]) < 10
    assert canary(scene.show([(350, 150)], [two], drawn=[], wanted=[1])[:, 240:]) < 10


@pytest.mark.parametrize("steps", [round(HOLD_SECONDS / STEP) - 1, round(BLUR_SECONDS / STEP) + 3])
def test_once_covered_up_no_bare_picture_is_shown_again(steps):
    """Neither held nor as a still, though the face is lost at that very moment."""
    scene = Scene()
    for _ in range(3):
        scene.show([(200, 150)], [face_at(200, 150)], drawn=[], wanted=[1])
    scene.guard.cover_up()
    assert canary(scene.guard.last.rgb()) < 10
    for _ in range(steps):
        assert canary(scene.show([(200, 150)], [])) < 10
    assert scene.guard.picture == ("held" if steps * STEP < HOLD_SECONDS else "blurred")  # what was blurred is held


def test_covering_up_where_nothing_was_shown():
    scene = Scene()
    scene.guard.cover_up()
    assert canary(scene.show([(200, 150)], [])) < 10
