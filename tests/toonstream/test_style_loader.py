"""Styles are opened while another is in use; the one chosen last wins, and none is left open."""

import threading
import time
from collections.abc import Iterator

import pytest
from support.live_rig import FlatEngine
from support.waiting import wait_until

from toonstream.live import style_loader
from toonstream.live.style_loader import StyleLoader


class Styles:
    """Styles whose opening waits for an event: the events, what began to open, and the engines by name."""

    def __init__(self) -> None:
        self.ready = {name: threading.Event() for name in "ab"}
        self.begun: list[str] = []
        self.opened: dict[str, FlatEngine] = {}

    def open(self, style: str, backend: str) -> FlatEngine:
        self.begun.append(style)
        assert self.ready[style].wait(60)
        self.opened[style] = FlatEngine()
        return self.opened[style]


@pytest.fixture
def styles(monkeypatch: pytest.MonkeyPatch) -> Styles:
    made = Styles()
    monkeypatch.setattr(style_loader, "load_style", lambda style: style)
    monkeypatch.setattr(style_loader, "open_engine", made.open)
    return made


@pytest.fixture
def loader(styles: Styles) -> Iterator[StyleLoader]:
    problems: list[Exception] = []
    made = StyleLoader("flat", "auto", problems.append, threading.Event())
    yield made
    for event in styles.ready.values():
        event.set()
    made.close(time.monotonic() + 60)
    assert not problems


def test_the_style_chosen_last_comes_whichever_opens_last(loader: StyleLoader, styles: Styles) -> None:
    used: list[object] = []
    assert not loader.swap(used.append)
    loader.choose("a")
    wait_until(lambda: styles.begun)
    for _ in range(50):
        loader.choose("a")
        loader.choose("b")
    styles.ready["b"].set()
    styles.ready["a"].set()
    wait_until(lambda: loader.swap(used.append))
    assert used == [styles.opened["b"]]
    assert (loader.style, loader.wanted) == ("b", None)
    assert styles.opened["a"].closed
    assert not styles.opened["b"].closed
    assert styles.begun == ["a", "b"]


def test_a_style_chosen_while_another_is_taken_is_not_lost(loader: StyleLoader, styles: Styles) -> None:
    for event in styles.ready.values():
        event.set()
    chosen = threading.Thread(target=loader.choose, args=("b",))
    loader.choose("a")
    wait_until(lambda: loader.swap(lambda engine: chosen.start()))
    chosen.join()
    wait_until(lambda: loader.swap(lambda engine: None))
    assert loader.style == "b"


def test_what_was_opened_or_opens_is_closed_at_the_end(loader: StyleLoader, styles: Styles) -> None:
    styles.ready["a"].set()
    loader.choose("a")
    wait_until(lambda: "a" in styles.opened)
    loader.choose("b")
    wait_until(lambda: styles.begun == ["a", "b"])
    threading.Timer(0.2, styles.ready["b"].set).start()
    loader.close(time.monotonic() + 60)
    assert styles.opened["a"].closed
    assert styles.opened["b"].closed
    assert not any(thread.name == "load" for thread in threading.enumerate())
