"""The stream in OBS itself: added, seen, quick, back after a pause, and taken out again."""

import asyncio
import base64
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import cv2
import numpy as np
import pytest
import real_obs
import stamps
from fake_controls import FakeControls, picture

from toonstream.commands import main
from toonstream.obs import PASSWORD_VARIABLE
from toonstream.page.server import PageServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not real_obs.HERE, reason="needs OBS Studio and Xvfb: obs-studio, xvfb, xauth"),
]
simpleobsws = pytest.importorskip("simpleobsws", reason="needs toonstream's extra obs")

COLOUR = (190, 80, 40)


@pytest.fixture(scope="module")
def websocket(tmp_path_factory):
    with real_obs.running_obs(tmp_path_factory.mktemp("obs")) as address:
        yield address


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv(PASSWORD_VARIABLE, real_obs.PASSWORD)


@contextmanager
def streaming(address: str = "http://127.0.0.1:0") -> Iterator[PageServer]:
    """Stamped pictures of 1280x720, 30 a second."""
    ground = np.full((720, 1280, 3), COLOUR, np.uint8)
    ground[360:] = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8).repeat(4, 0).repeat(8, 1)
    end = threading.Event()

    def feed() -> None:
        due = time.monotonic()
        while not end.wait(max(0, due - time.monotonic())):
            due += 1 / 30
            rgb = ground.copy()
            stamps.draw(rgb)
            server.stream.write(picture(rgb))

    with closing(PageServer(address, FakeControls(["cel"]))) as server:
        feeder = threading.Thread(target=feed)
        feeder.start()
        try:
            yield server
        finally:
            end.set()
            feeder.join()


class Studio:
    """A connection to OBS of the test's own."""

    def __init__(self, websocket: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = simpleobsws.WebSocketClient(websocket, real_obs.PASSWORD)
        self._loop.run_until_complete(self._client.connect())
        assert self._loop.run_until_complete(self._client.wait_until_identified())

    def ask(self, request: str, **data) -> dict | None:
        """The answer; None where OBS refuses."""
        answer = self._loop.run_until_complete(self._client.call(simpleobsws.Request(request, data)))
        return (answer.responseData or {}) if answer.ok() else None

    def screenshot(self, source: str) -> np.ndarray | None:
        """RGB uint8 (360, 640, 3) of a source or scene; None where there is nothing to see."""
        wanted = {"sourceName": source, "imageFormat": "jpg", "imageWidth": 640, "imageHeight": 360}
        answer = self.ask("GetSourceScreenshot", **wanted)
        if answer is None:
            return None
        data = base64.b64decode(answer["imageData"].split(",")[1])
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]

    def close(self) -> None:
        self._loop.run_until_complete(self._client.disconnect())
        self._loop.close()


@pytest.fixture
def studio(websocket):
    with closing(Studio(websocket)) as studio:
        yield studio


def until(condition, seconds=15.0):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value


def young(studio, source="ToonStream") -> int | None:
    """The age of what is seen, where it is a stream's picture of this moment."""
    seen = studio.screenshot(source)
    age = None if seen is None else stamps.age(seen)
    return age if age is not None and age < 5000 else None


def test_added_it_shows_the_stream_in_its_colours_with_little_delay(websocket, studio, record_property):
    with streaming() as server:
        assert main(["obs", "add", server.url, "--websocket", websocket]) == 0
        until(lambda: young(studio))
        time.sleep(3)
        ages = [young(studio) for _ in range(60) if not time.sleep(0.03)]
        seen = [age for age in ages if age]
        assert len(seen) > 40
        figures = [round(float(np.percentile(seen, q))) for q in (0, 50, 95)]
        print(f"stamp to screenshot, ms: least {figures[0]}, median {figures[1]}, p95 {figures[2]}")
        record_property("delay_ms", figures)
        if os.getloadavg()[0] < 2 * (os.cpu_count() or 1):
            assert figures[1] < 500
        shot = studio.screenshot("ToonStream")
        assert np.abs(shot[60:160].mean((0, 1)) - COLOUR).max() < 4
        assert main(["obs", "remove", "--websocket", websocket]) == 0
        assert studio.screenshot("ToonStream") is None
        until(lambda: not server.stream.watched)


def test_it_fills_the_scene_and_comes_back_when_the_stream_does(websocket, studio):
    with streaming() as server:
        address = server.url.rstrip("/")
        assert main(["obs", "add", address, "--websocket", websocket]) == 0
        until(lambda: young(studio))
        item = studio.ask("GetSceneItemId", sceneName="Scene", sourceName="ToonStream")["sceneItemId"]
        placed = studio.ask("GetSceneItemTransform", sceneName="Scene", sceneItemId=item)["sceneItemTransform"]
        video = studio.ask("GetVideoSettings")
        assert placed["boundsWidth"] == video["baseWidth"]
        assert placed["sourceWidth"] == 1280
    until(lambda: not young(studio))
    with streaming(address):
        until(lambda: young(studio))
    assert main(["obs", "remove", "--websocket", websocket]) == 0


def test_an_old_source_is_updated(websocket, studio):
    settings = {"is_local_file": False, "input": "http://127.0.0.1:9/", "buffering_mb": 2}
    new = {"inputName": "Mine", "inputKind": "ffmpeg_source", "inputSettings": settings}
    assert studio.ask("CreateInput", sceneName="Scene", **new)
    with streaming() as server:
        assert main(["obs", "add", server.url, "--name", "Mine", "--websocket", websocket]) == 0
        until(lambda: young(studio, "Mine"))
        assert studio.ask("GetInputSettings", inputName="Mine")["inputSettings"]["buffering_mb"] == 0
    assert main(["obs", "remove", "--name", "Mine", "--websocket", websocket]) == 0


def test_a_wrong_password(websocket, monkeypatch, capsys):
    monkeypatch.setenv(PASSWORD_VARIABLE, "no")
    assert main(["obs", "add", "--websocket", websocket]) == 1
    assert PASSWORD_VARIABLE in capsys.readouterr().err
