"""The live session: what it shows whatever happens, how late it is, and how it rests, switches and ends."""

import itertools
import json
import os
import sys
import threading
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from support.live_rig import FLAT, Collector, Script, canary, engines, hidden, run_until, sample_head, scene
from support.waiting import wait_until
from toonstream_engines.errors import UserError

from toonstream.frame import Frame
from toonstream.live import session as live
from toonstream.live.measures import Measures
from toonstream.live.session import Session
from toonstream.live.strangers import Strangers
from toonstream.sources.clock import MICROSECOND

__all__ = ["engines"]

SIZE = (480, 320)


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    return sample_head()


def watch(session: Session, source: Script) -> tuple[Collector, list[float], list[str]]:
    """A sink that looks for the canary in each frame and notes what is shown."""
    found: list[float] = []
    shown: list[str] = []
    last = -1

    def tell(frame) -> None:
        nonlocal last
        assert frame.pts == frame.picture.pts > last
        last = frame.pts
        found.append(canary(frame.rgb()))
        shown.append(session.figures()["picture"])
        source.done()

    return Collector(tell), found, shown


def test_the_real_face_never_shows(engines, head, monkeypatch):
    """Whatever happens to a face that was found. The canary is on it in every frame."""
    monkeypatch.setattr(live, "STALL_SECONDS", 3.0)  # a busy machine may stop for half a second
    session = Session("flat", faces=1)
    assert canary(scene((head, 200, 160, 0.7), size=SIZE)) > 40
    faceless = hidden(head)
    see, events = session._toonifier.see, []

    def slow(frame, search):
        time.sleep(0.2)
        return see(frame, search)

    def broken(frame, search):
        raise RuntimeError("no model")

    def event(name: str) -> None:
        events.append((name, len(shown)))

    def pictures():
        still = scene((head, 200, 160, 0.7), size=SIZE)
        event("not found yet")
        yield from [scene((faceless, 200, 160, 0.7), size=SIZE)] * 4
        event("found")
        yield from [still] * 8
        event("covered")
        yield from [scene((faceless, 200, 160, 0.7), size=SIZE)] * 8
        event("back")
        yield from [still] * 8
        event("lost for long, and off")
        for i in range(50):
            source._step = 0.1
            yield scene((faceless, 200 + 4 * i, 160, 0.7), size=SIZE)
        source._step = 1 / 30
        event("back elsewhere")
        yield from [scene((head, 300, 150, 0.7), size=SIZE)] * 10
        event("detector late")
        session._toonifier.see = slow
        yield from [scene((head, 300 - 6 * i, 150, 0.7), size=SIZE) for i in range(5)]
        event("detector broken")
        session._toonifier.see = broken
        yield from [scene((head, 270 - 6 * i, 150, 0.7), size=SIZE) for i in range(8)]
        session._toonifier.see = see
        event("detector back")
        yield from [scene((head, 220, 150, 0.7), size=SIZE)] * 8
        event("engine broken")
        engines["flat"].fails = True
        yield from [scene((head, 220 - 4 * i, 150, 0.7), size=SIZE) for i in range(6)]
        engines["flat"].fails = False
        event("style that does not load")
        session.styles = ["flat", "other", "damaged"]
        session.choose("damaged")
        yield from [still] * 6
        event("style switched")
        session.choose("other")
        yield from [still] * 6
        event("camera asleep")
        source.clock += 60
        yield from [scene((faceless, 330, 160, 0.7), size=SIZE)] * 6
        event("awake")
        yield from [scene((head, 330, 160, 0.7), size=SIZE)] * 8
        event("paused")
        session.paused = True
        yield from [scene((head, 330 - 8 * i, 160, 0.7), size=SIZE) for i in range(6)]
        session.paused = False
        event("mirrored and split")
        session.mirror = session.split = True
        yield from [scene((head, 280, 160, 0.7), size=SIZE)] * 6
        session.mirror = session.split = False
        event("a second one, beyond --faces")
        two = [(head, 130, 160, 0.6), (head, 350, 160, 0.6)]
        yield from [scene(*two, canary=False, size=SIZE)] * 14
        yield from [scene(*two, size=SIZE)] * 6
        event("no frames")
        yield None
        time.sleep(live.STALL_SECONDS + 0.5)
        event("frames again")
        yield from [scene(*two, size=SIZE)] * 3
        yield None

    source = Script(pictures(), SIZE)
    sink, found, shown = watch(session, source)
    run_until(session, source, [sink], source.ended.is_set)
    starts = dict(events)
    at = {name: shown[a + 2 : b] for (name, a), (_, b) in itertools.pairwise(events)}
    assert max(found) < 12, [name for name, start in starts.items() if start <= int(np.argmax(found))][-1]
    assert set(at["not found yet"]) == {"blurred"}
    assert at["found"][-1] == at["back"][-1] == at["back elsewhere"][-1] == at["awake"][-1] == "live"
    assert set(at["covered"]) == {"held"}
    assert at["lost for long, and off"][-1] == "still"
    assert set(at["camera asleep"]) == {"still"}
    assert set(at["engine broken"]) == {"live"}
    assert set(at["paused"]) == {"paused"}
    assert starts["frames again"] > starts["no frames"]
    assert session.style == "other"


def test_frames_are_a_millisecond_apart_at_least(engines):
    """Those captured before the last one was shown again, too: MPEG-TS takes no two in one tick of its clock."""
    session, seen = Session("flat"), []
    sink = SimpleNamespace(private=False, write=lambda frame: seen.append(frame.pts))
    for moment in (0, 600_000, 599_000, 601_001, 700_000):
        frame = Frame.from_rgb(np.zeros((8, 8, 3), np.uint8), moment, MICROSECOND, 0)
        session._put_out(frame, frame, [sink])
    session.close()
    assert seen == [0, 600_000, 601_000, 602_000, 700_000]


def test_with_a_slow_engine_the_delay_is_bounded_and_drops_are_counted(engines, head, monkeypatch):
    """Frames come at 30 a second, the engine draws 5."""
    monkeypatch.setattr("toonstream.live.measures.WINDOW_SECONDS", 300.0)  # a busy machine may be late
    engines["flat"].seconds = 0.2
    session = Session("flat")
    still = scene((head, 200, 160, 0.7), size=SIZE)

    class Camera(Script):
        """In real time."""

        def read(self):
            time.sleep(1 / 30)
            self.clock = time.monotonic()
            self.done()
            return super().read()

    source = Camera(itertools.repeat(still), SIZE, step=0)
    sink = Collector()
    inside = []

    def ended() -> bool:
        inside.append(source.reads - len(sink.frames) - session.figures()["dropped"])
        return len(sink.frames) > 12

    run_until(session, source, [sink], ended)
    figures = session.figures()
    assert figures["fps"] < 5.1
    assert 200 < figures["delay_ms"]["p50"] <= figures["delay_ms"]["p95"]
    assert figures["dropped"] > 12
    assert max(inside) <= 7  # one in each of four stages and of three places between them, however long it goes on
    assert figures["stages_ms"]["draw"] >= 200
    indices = [frame.index for frame in sink.frames]
    assert indices == sorted(set(indices))


def test_a_split_goes_to_private_sinks_only(engines, head):
    session = Session("flat")
    session.split = True
    source = Script([scene((head, 240, 160, 0.7), size=SIZE)] * 12, SIZE)
    sink, found, _ = watch(session, source)
    private = Collector(private=True)
    run_until(session, source, [sink, private], source.ended.is_set)
    assert max(found) < 12
    last = private.frames[-1].rgb()
    assert canary(last[:, :240]) > 40
    assert canary(last[:, 250:]) < 12


def test_a_paused_picture_beside_a_source_of_another_size(engines, head):
    """Before and after stay side by side, in the size of the picture that stands still."""
    session = Session("flat")
    session.split = True

    def pictures():
        yield from [scene((head, 240, 160, 0.7), size=SIZE)] * 6
        session.paused = True
        yield from [scene((head, 120, 120, 0.6), size=(320, 240))] * 3

    source = Script(pictures(), SIZE)
    sink, private = Collector(lambda frame: source.done()), Collector(private=True)
    run_until(session, source, [sink, private], source.ended.is_set)
    assert {(frame.width, frame.height) for frame in private.frames} == {SIZE}
    assert len(private.frames) == 9
    assert canary(private.frames[-1].rgb()[:, :240]) > 5


def test_real_faces_show_only_while_the_effect_is_off(engines, head):
    """From the picture on that follows the switch, whatever else happens then: the face is lost, or it is paused."""
    session = Session("flat")
    still = scene((head, 200, 160, 0.7), size=SIZE)
    faceless = scene((hidden(head), 200, 160, 0.7), size=SIZE)
    switched: list[int] = []

    def pictures():
        yield from [still] * 8
        session.effect = False
        yield from [still] * 6
        session.effect = True
        switched.append(len(shown))
        yield from [faceless] * 6
        yield from [still] * 6
        session.effect = False
        yield from [still] * 6
        session.paused = True
        yield from [still] * 3
        session.effect = True
        switched.append(len(shown))
        yield from [still] * 3
        session.paused = False
        yield from [still] * 6

    source = Script(pictures(), SIZE)
    sink, found, shown = watch(session, source)
    run_until(session, source, [sink], source.ended.is_set)
    first, second = switched
    assert max(found[:8]) < 12
    assert shown[first - 1] == "bare"
    assert found[first - 1] > 40
    assert max(found[first : first + 12]) < 12
    assert shown[first + 11] == "live"
    assert shown[second - 1] == "paused"
    assert found[second - 1] > 40
    assert max(found[second:]) < 12
    assert shown[-1] == "live"


def test_a_bare_face_goes_at_once_though_the_source_stands(engines, head, monkeypatch):
    monkeypatch.setattr(live, "STALL_SECONDS", 1000)
    session = Session("flat")
    session.effect = False

    def pictures():
        yield from [scene((head, 200, 160, 0.7), size=SIZE)] * 6
        wait_until(lambda: len(found) == 6)
        session.effect = True
        yield from itertools.repeat(None)

    source = Script(pictures(), SIZE)
    sink, found, _ = watch(session, source)
    run_until(session, source, [sink], lambda: len(found) == 7)
    assert found[5] > 40
    assert found[6] < 12


def test_mirrors(engines, head):
    picture = scene((head, 120, 160, 0.7), size=SIZE)
    picture[300:, :60] = (250, 10, 10)
    session = Session("flat")
    session.mirror = True
    source = Script([picture] * 12, SIZE)
    sink = Collector()
    sink._tell = lambda frame: (sink.frames.append(frame), source.done())
    run_until(session, source, [sink], source.ended.is_set)
    last = sink.frames[-1].rgb()
    assert tuple(last[310, 470]) == (250, 10, 10)
    assert np.abs(last[160, 480 - 120].astype(int) - FLAT).max() < 3


def test_a_style_is_switched_without_a_gap_and_one_that_fails_leaves_the_old_one(engines, head):
    session = Session("flat")
    session.styles = ["flat", "other", "damaged"]
    colours = []

    def pictures():
        still = scene((head, 240, 160, 0.7), size=SIZE)
        yield from [still] * 8
        session.choose("damaged")
        yield from [still] * 8
        assert session.figures()["message"] == "damaged: damaged"
        session.choose("not a style")
        assert "not a style" in session.figures()["message"]
        assert session.style == "flat"
        session.choose("other")
        yield from [still] * 12

    source = Script(pictures(), SIZE)

    def tell(frame) -> None:
        colours.append(tuple(int(value) for value in frame.rgb()[160, 240]))
        source.done()

    run_until(session, source, [Collector(tell)], source.ended.is_set)
    drawn = [colour for colour in colours if colour != colours[0]]
    assert set(drawn) <= {FLAT, (90, 40, 200)}
    assert drawn.index((90, 40, 200)) == drawn.count(FLAT)
    assert engines["flat"].closed
    assert session.figures()["message"] is None
    assert session.figures()["style"] == "other"


def test_rests_while_nobody_watches_and_wakes(engines, head, monkeypatch):
    monkeypatch.setattr(live, "REST_SECONDS", 0.3)
    session = Session("flat")
    still = scene((head, 240, 160, 0.7), size=SIZE)
    source = Script(itertools.repeat(still), SIZE)
    sink = Collector()
    sink._tell = lambda frame: (sink.frames.append(frame), source.done())

    def story():
        while not sink.frames:
            yield
        sink.watched = False
        while session.figures()["state"] != "idle" or source.skips < 4:
            yield
        reads = source.reads
        session.effect = False
        monkeypatch.setattr(live, "CLOSE_SECONDS", 0.4)  # not before: a busy machine may take longer to rest
        while not source.closes:
            yield
        assert session.effect  # for whoever comes next
        assert source.reads == reads
        frames, closes = len(sink.frames), source.closes
        while source.closes < closes + 5:
            yield
        assert len(sink.frames) == frames
        sink.watched = True
        while len(sink.frames) == frames:
            yield

    steps = story()
    run_until(session, source, [sink], lambda: next(steps, "end") == "end")


def test_a_lost_sink_leaves_the_others_and_the_last_one_ends_the_session(engines, head):
    def lose(frame):
        alone.done()
        raise UserError("the camera was taken out")

    still = scene((head, 240, 160, 0.7), size=SIZE)
    session = Session("flat")
    source, alone = Script([still] * 3, SIZE), Script([still], SIZE)
    sink = Collector()
    sink._tell = lambda frame: (sink.frames.append(frame), source.done())
    run_until(session, source, [Collector(lose), sink], source.ended.is_set)
    assert len(sink.frames) >= 2
    assert session.figures()["message"] == "the camera was taken out"
    with Session("flat") as session, pytest.raises(UserError, match="taken out"):
        session.run(alone, [Collector(lose)])


def test_a_source_that_hangs_holds_up_no_end(engines, monkeypatch):
    """A driver that never comes back is left behind."""

    over = threading.Event()

    class Hanging(Script):
        def read(self):
            over.wait()

    monkeypatch.setattr(live, "END_SECONDS", 0.6)
    before = threading.active_count()
    try:
        run_until(Session("flat"), Hanging([], SIZE), [Collector()], lambda: True)
        wait_until(lambda: threading.active_count() <= before + 1)
    finally:
        over.set()


def test_a_network_that_is_slow_is_waited_for(engines, head, monkeypatch):
    """The outputs have ended by then; the program would abort."""
    monkeypatch.setattr(live, "END_SECONDS", 0.1)
    picture = scene((head, 240, 160, 0.6), canary=False, size=SIZE)
    engines["flat"].seconds = 1.0
    session = Session("flat")
    source = Script([picture] * 99, SIZE)
    run_until(session, source, [Collector()], lambda: session.figures()["stages_ms"])
    source.done()  # ends the read that waits, so that the next test finds no thread of it
    assert engines["flat"].closed


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("times", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_starts_and_stops_leave_no_thread_and_no_file(engines, head, times):
    def left() -> tuple[int, int]:
        source = Script([scene((head, 240, 160, 0.7), size=SIZE)] * 3, SIZE)
        run_until(Session("flat"), source, [Collector(lambda frame: source.done())], source.ended.is_set)
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    assert left() == [left() for _ in range(times)][-1]


def test_newcomers_are_searched_for_while_the_known_are_drawn(engines, head, monkeypatch):
    """So that the search delays no frame by itself."""
    session = Session("flat")
    draw, search, drawn = session._toonifier.draw, Strangers.__call__, threading.Event()

    def drawing(frame, faces):
        drawn.set()
        return draw(frame, faces)

    def searching(strangers, frame, faces, looked):
        in_time.append(drawn.wait(30))
        drawn.clear()
        return search(strangers, frame, faces, looked)

    in_time: list[bool] = []
    monkeypatch.setattr(session._toonifier, "draw", drawing)
    monkeypatch.setattr(Strangers, "__call__", searching)
    source = Script([scene((head, 240, 160, 0.6), canary=False, size=SIZE)] * 6, SIZE)
    run_until(session, source, [Collector(lambda frame: source.done())], source.ended.is_set)
    assert in_time == [True] * 6


def test_where_the_search_for_newcomers_fails_nothing_live_shows(engines, head, monkeypatch):
    session = Session("flat")
    source = Script([scene((head, 240, 160, 0.6), size=SIZE)] * 12, SIZE)
    sink, found, shown = watch(session, source)
    search = Strangers.__call__

    def failing(strangers, frame, faces, looked):
        if frame.index > 6:
            raise RuntimeError("no model")
        return search(strangers, frame, faces, looked)

    monkeypatch.setattr(Strangers, "__call__", failing)
    run_until(session, source, [sink], source.ended.is_set)
    assert shown[:6] == ["live"] * 6
    assert set(shown[6:]) == {"held"}
    assert max(found) < 10


def test_one_of_two_stays_the_one_that_is_drawn(engines, head):
    """They are of one size: the largest is now the one and now the other."""
    session = Session("flat", faces=1)
    sizes = [(0.6, 0.62), (0.62, 0.6)] * 6
    pictures = [scene((head, 130, 160, a), (head, 350, 160, b), canary=False, size=SIZE) for a, b in sizes]
    source = Script([pictures[0]] * 9 + pictures, SIZE)
    sink = Collector()
    sink._tell = lambda frame: (sink.frames.append(frame), source.done())
    run_until(session, source, [sink], source.ended.is_set)
    left = [np.abs(frame.rgb()[160, 130].astype(int) - FLAT).max() < 3 for frame in sink.frames]
    right = [np.abs(frame.rgb()[160, 350].astype(int) - FLAT).max() < 3 for frame in sink.frames]
    assert all(left[10:]) != all(right[10:])
    assert any(left[10:]) != any(right[10:])


def test_an_engine_that_hangs_is_told(engines, head, monkeypatch):
    monkeypatch.setattr("toonstream.live.measures.HANGING_SECONDS", 0.05)
    engines["flat"].seconds = 0.5
    session = Session("flat")
    source = Script([scene((head, 240, 160, 0.7), canary=False, size=SIZE)] * 99, SIZE)
    told = []

    def ended() -> bool:
        figures = session.figures()
        if figures["state"] == "stuck" and str(figures["message"]).startswith("draw: it does not come back"):
            told.append(figures)
            source.done()  # the reader need not wait for what hangs
        return bool(told)

    run_until(session, source, [Collector(lambda frame: source.done())], ended)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_stage_that_has_ended_is_told(engines, head):
    def end(frame, faces):
        raise SystemExit  # which ends a thread and no more

    session = Session("flat")
    session._toonifier.draw = end
    source = Script([scene((head, 240, 160, 0.7), canary=False, size=SIZE)] * 9, SIZE)

    def ended() -> bool:
        figures = session.figures()
        told = figures["state"] == "stuck" and str(figures["message"]).startswith("draw: it has ended")
        if told:
            source.done()  # ends the read that waits
        return told

    run_until(session, source, [Collector()], ended)
    assert session.figures()["message"] is None


def test_the_rate_falls_where_no_frame_comes(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("toonstream.live.measures.time.monotonic", lambda: clock[0])
    measures = Measures()
    for _ in range(31):
        measures.output(clock[0])
        clock[0] += 1 / 30
    assert measures.fps == pytest.approx(30)
    clock[0] += 2.0
    assert measures.fps == pytest.approx(12, abs=0.5)


class Changing(dict):
    """Problems, to which another thread adds one whenever their values are about to be walked through."""

    def values(self):
        return self

    def __iter__(self):
        return iter(list(super().values()))

    def __reversed__(self):
        last = reversed(super().values())
        self["source"] = "lost"
        return last


def test_a_problem_is_told_while_others_come(engines):
    with Session("flat") as session:
        session._problems = Changing(style="damaged")
        assert session.figures()["message"] == "damaged"


def test_the_figures_go_into_json(engines, head, monkeypatch):
    monkeypatch.setattr("toonstream.live.measures.WINDOW_SECONDS", 300.0)  # a busy machine may be late
    session = Session("flat")
    source = Script(itertools.repeat(scene((head, 240, 160, 0.7), size=SIZE)), SIZE)
    sink = Collector()
    sink._tell = lambda frame: (sink.frames.append(frame), source.done())
    run_until(session, source, [sink], lambda: len(sink.frames) > 3)
    figures = json.loads(json.dumps(session.figures()))
    assert figures["faces"] == 1
    assert figures["size"] == [480, 320]
    assert figures["backend"] == "Flat, CPU, fp32"
    assert set(figures["stages_ms"]) == {"see", "search", "draw", "show"}
    assert cv2.getNumThreads() == 1
