"""The stream in OBS itself: added, seen, quick, back after a pause, and taken out again."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import real_obs, stamps
from support.fake_controls import SOURCE, FakeControls, picture

from toonstream.commands import main
from toonstream.frame import Frame
from toonstream.obs import PASSWORD_VARIABLE
from toonstream.page.server import PageServer
from toonstream.sinks.transport import TransportStream

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
def fed(write: Callable[[Frame], None]) -> Iterator[None]:
    """While inside, `write` is given stamped pictures of 1280x720, 30 a second, of one colour above."""
    end = threading.Event()
    ground = np.full((720, 1280, 3), COLOUR, np.uint8)
    ground[360:] = np.random.default_rng(1).integers(0, 256, (90, 160, 3), np.uint8).repeat(4, 0).repeat(8, 1)

    def feed() -> None:
        due = time.monotonic()
        while not end.wait(max(0, due - time.monotonic())):
            due += 1 / 30
            rgb = ground.copy()
            stamps.draw(rgb)
            write(picture(rgb))

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield
    finally:
        end.set()
        feeder.join()


@contextmanager
def streaming(address: str = "http://127.0.0.1:0") -> Iterator[PageServer]:
    """A page with stamped pictures."""
    with closing(PageServer(address, FakeControls(["cel"]), SOURCE)) as server, fed(server.stream.write):
        yield server


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
        """RGB uint8 (180, 320, 3) of a source or scene; None where there is nothing to see."""
        wanted = {"sourceName": source, "imageFormat": "jpg", "imageWidth": 320, "imageHeight": 180}
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


def delay(studio) -> float:
    """Milliseconds, the median, from a picture's stamp to OBS's screenshot of it; takes a few seconds."""
    until(lambda: young(studio))
    time.sleep(3)
    ages, took = [], []
    for _ in range(60):
        start = time.monotonic()
        ages.append(young(studio))
        took.append(1000 * (time.monotonic() - start))
        time.sleep(0.03)
    seen = [age for age in ages if age]
    assert len(seen) > 40
    least, median, most = np.percentile(seen, (0, 50, 95))
    print(
        f"stamp to screenshot: least {least:.0f}, median {median:.0f}, 95 % within {most:.0f} ms; "
        f"of it the screenshot {np.median(took):.0f} ms; load {os.getloadavg()[0]:.1f}"
    )
    return float(median)


def test_added_it_shows_the_stream_in_its_colours_with_little_delay(websocket, studio):
    with streaming() as server:
        assert main(["obs", "add", server.url, "--websocket", websocket]) == 0
        median = delay(studio)
        if os.getloadavg()[0] < 2 * (os.cpu_count() or 1):
            assert median < 500
        shot = studio.screenshot("ToonStream")
        assert np.abs(shot[30:80].mean((0, 1)) - COLOUR).max() < 4
        assert main(["obs", "remove", "--websocket", websocket]) == 0
        until(lambda: studio.screenshot("ToonStream") is None)
        until(lambda: not server.stream.watched)


def test_mpeg_ts_as_well(websocket, studio):
    with TransportStream("tcp://127.0.0.1:0", Fraction(30)) as sink, fed(sink.write):
        assert main(["obs", "add", sink.url, "--websocket", websocket]) == 0
        delay(studio)
        shot = studio.screenshot("ToonStream")
        assert np.abs(shot[30:80].mean((0, 1)) - COLOUR).max() < 4
        assert main(["obs", "remove", "--websocket", websocket]) == 0
        until(lambda: not sink.watched)


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


def test_the_whole_way_through_toonstream_live(websocket, studio, tmp_path):
    """The command with all that belongs to it, but for the camera."""
    script = Path(__file__).parents[1] / "support" / "stamped_camera.py"
    log = tmp_path / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-u", script, "--to", "http://127.0.0.1:0", "--style", "cel"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        address = [next(process.stdout) for _ in range(3)][2].split()[-1]
        assert main(["obs", "add", address, "--websocket", websocket]) == 0
        time.sleep(5)
        median = delay(studio)
        if os.getloadavg()[0] < 2 * (os.cpu_count() or 1):
            assert median < 1000
        assert main(["obs", "remove", "--websocket", websocket]) == 0
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)
        print(log.read_text().splitlines()[-1])
    assert process.returncode == 0
