"""Another camera while a session runs: what it shows then, and what happens where it cannot be had."""

from fractions import Fraction

import numpy as np
import pytest
from support.live_rig import Collector, Script, canary, engines, run_until, sample_head, scene
from toonstream_engines.errors import InputError, UserError

from toonstream.live.session import Session
from toonstream.live.switch import Switch
from toonstream.sources.stream import open_stream, without_login

__all__ = ["engines"]

SIZE = (480, 320)


def flat(grey: int, size=(64, 48)) -> np.ndarray:
    return np.full((size[1], size[0], 3), grey, np.uint8)


class Sources:
    """By name; another one is busy."""

    def __init__(self, **sources: Script) -> None:
        self._sources = sources

    def __call__(self, name: str) -> Script:
        if name not in self._sources:
            raise InputError(f"{name}: in use by another program")
        return self._sources[name]


def test_another_source_in_the_first_ones_size_and_a_scene_of_its_own():
    first, second = Script([flat(50)] * 2, (64, 48)), Script([flat(200, (32, 48))] * 2, (32, 48))
    switch = Switch("a", Sources(a=first, b=second))
    assert (switch.size, switch.rate) == ((64, 48), Fraction(30))
    before = switch.read()
    switch.choose("b")
    assert switch.wanted == "b"
    after = switch.read()
    assert (switch.name, switch.wanted, switch.failure, first.closes) == ("b", None, None, 1)
    assert before.scene != after.scene
    assert (after.width, after.height) == (64, 48)
    assert after.pts == after.picture.pts
    rgb = after.rgb()
    assert np.abs(rgb[:, 20:44].astype(int) - 200).max() < 4
    assert rgb[:, :14].max() < 4


def test_a_password_is_for_the_camera_alone_and_not_for_who_sees_the_page():
    first, second = Script([flat(50)] * 2, (64, 48)), Script([flat(90)], (64, 48))
    switch = Switch("rtsp://me:p@ss@cam/1", Sources(**{"rtsp://me:p@ss@cam/1": first, "b": second}))
    assert (switch.name, next(iter(switch.choices()))) == ("rtsp://cam/1", "rtsp://cam/1")
    for name in ("b", "rtsp://cam/1"):
        switch.choose(name)
        switch.read()
        assert (switch.name, switch.failure) == (name, None)


@pytest.mark.parametrize("address", ["abacus://me:p@ss@cam/1", "tcp://me:p@ss@127.0.0.1:1"])
def test_no_message_tells_a_password(address):
    with pytest.raises(UserError) as told:
        open_stream(address)
    assert str(told.value).startswith(without_login(address))
    assert "p@ss" not in str(told.value)


def test_a_source_that_cannot_be_had_leaves_the_one_before():
    first = Script([flat(50)] * 3, (64, 48))
    switch = Switch("a", Sources(a=first))
    before = switch.read()
    first.done()
    switch.choose("b")
    after = switch.read()
    assert after.scene == before.scene
    assert (switch.name, switch.wanted) == ("a", None)
    assert switch.failure == "b: in use by another program. Going on with script"
    switch.choose("a")
    assert (switch.wanted, switch.failure) == (None, None)
    with pytest.raises(InputError, match="in use"):
        Switch("b", Sources())


def test_the_first_source_is_listed_once(monkeypatch):
    monkeypatch.setattr(
        "toonstream.live.switch.cameras", lambda: [("/dev/video0", "HD Webcam"), ("/dev/video2", "Cam")]
    )
    first = Script([], (64, 48))
    for name, description in (("0", "HD Webcam (/dev/video0), 64x48"), ("HD", "HD Webcam, 64x48")):
        first.description = description
        choices = Switch(name, Sources(**{name: first})).choices()
        assert choices == {name: description, "/dev/video2": "Cam", "screen": "Screen"}


@pytest.mark.parametrize("effect", [True, False])
def test_in_another_source_nobody_shows_until_found(engines, monkeypatch, effect):
    """Whoever was known in the one before; and no picture of that one is held."""
    head = sample_head()
    session = Session("flat")
    session.effect = effect
    other = [scene((head, 300, 150, 0.7), size=SIZE)] * 12

    def pictures():
        yield from [scene((head, 200, 160, 0.7), size=SIZE)] * 8
        switch.choose("b")

    second = Script(other, SIZE)
    switch = Switch("a", Sources(a=Script(pictures(), SIZE), b=second))
    shown: list[tuple[int, str, float]] = []

    def tell(frame) -> None:
        shown.append((frame.scene, session.figures()["picture"], canary(frame.rgb())))
        switch._source.done()

    see = session._toonifier.see

    def seeing(frame, search):
        return [] if second.reads < 4 and frame.scene else see(frame, search)

    monkeypatch.setattr(session._toonifier, "see", seeing)
    run_until(session, switch, [Collector(tell)], second.ended.is_set)
    there = [(picture, found) for scene, picture, found in shown if scene]
    assert [picture for picture, _ in there[:2]] == ["blurred"] * 2
    assert max(found for picture, found in there if picture == "blurred") < 12
    assert there[-1][0] == ("live" if effect else "bare")
