"""The page in a real browser: moving pictures, styles, switches, keys, figures, and what it says at the end."""

import functools
import itertools
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from support import CLIP
from support.fake_controls import SOURCE, FakeControls, picture
from support.live_rig import Script
from support.tiny_style import save_style
from toonstream_engines.style import SHIPPED

from toonstream.live.switch import Switch
from toonstream.page.server import PageServer

BROWSER, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs Chromium and its driver: chromium, chromium-driver"),
]
SIZE = (1280, 720)
BLOCK = 40  # pixels of the square at the top left whose grey is the frame's number
CORNER = 200  # the grey of the one at the top right


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "window-size=1400,900",
        "force-device-scale-factor=1",
    ):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('browser')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield browser
    browser.quit()


@pytest.fixture
def styles(tmp_path) -> list[str]:
    """The one that ships, and one whose preview is another and which takes a while to load."""
    other = tmp_path / "other"
    other.mkdir()
    for name in ("card.toml", "preview.png"):
        shutil.copy(SHIPPED / "cel" / name, other)
    card = (other / "card.toml").read_text()
    (other / "card.toml").write_text('name = "negative"\n' + card.replace('name = "cel"\n', ""))
    return ["cel", str(other)]


@functools.cache
def clip() -> list[np.ndarray]:
    """A second of a talking head, with a corner of one grey."""
    with av.open(CLIP) as file:
        frames = itertools.islice(file.decode(video=0), 30)
        pictures = [frame.to_ndarray(format="rgb24", width=SIZE[0], height=SIZE[1]) for frame in frames]
    for rgb in pictures:
        rgb[:BLOCK, -BLOCK:] = CORNER
    return pictures


@contextmanager
def running(controls: FakeControls, address: str = "http://127.0.0.1:0", source=SOURCE) -> Iterator[PageServer]:
    """A server with a session's pictures: the clip at 30 a second, made a negative by the second style."""
    pictures = clip()
    end = threading.Event()

    def feed() -> None:
        for index in itertools.count():
            if end.wait(1 / 30):
                return
            if controls.paused:
                continue
            rgb = pictures[index % len(pictures)].copy()
            if controls.style != "cel":
                rgb = 255 - rgb
            rgb[:BLOCK, :BLOCK] = 8 * (index % 32)
            frame = picture(rgb[:, ::-1] if controls.mirror else rgb, index)
            server.stream.write(frame)
            server.preview.write(frame)

    with closing(PageServer(address, controls, source)) as server:
        feeder = threading.Thread(target=feed)
        feeder.start()
        try:
            yield server
        finally:
            end.set()
            feeder.join()


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value


def text(browser, selector: str) -> str:
    return browser.find_element("css selector", selector).text


def pixel(browser, x: int, y: int) -> list[int]:
    """Of the picture that is shown, RGB."""
    return browser.execute_script(
        "return Array.from(document.querySelector('#picture').getContext('2d').getImageData(...arguments, 1, 1).data)",
        x,
        y,
    )[:3]


def shown(browser, seconds: float) -> list[tuple[float, int]]:
    """(when in seconds, number) of each picture that the page showed in that time."""
    script = """
        const [seconds, done] = arguments, seen = [], start = performance.now();
        const context = document.querySelector('#picture').getContext('2d');
        const original = context.drawImage;
        context.drawImage = function (...all) {
            original.apply(this, all);
            seen.push([(performance.now() - start) / 1000, this.getImageData(9, 9, 1, 1).data[0]]);
        };
        setTimeout(() => { context.drawImage = original; done(seen); }, 1000 * seconds);
    """
    return [(when, round(level / 8)) for when, level in browser.execute_async_script(script, seconds)]


def test_pictures_move_in_order_and_figures_change(browser, styles, tmp_path):
    controls = FakeControls(styles)
    with running(controls) as server:
        browser.get(server.url)
        until(lambda: not browser.find_element("id", "veil").is_displayed())
        seen = shown(browser, 2.0)
        assert len(seen) > 8
        steps = np.diff([number for _, number in seen]) % 32
        assert (steps > 0).all()  # no picture twice, none older than the one before
        assert text(browser, "#fps") == "30.0"
        controls.fps = 12.5
        until(lambda: text(browser, "#fps") == "12.5")
        assert (text(browser, "#p50"), text(browser, "#p95")) == ("21 ms", "31 ms")
        assert text(browser, "#size") == "1280 x 720"
        assert text(browser, "#state") == "running"
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        browser.save_screenshot(str(tmp_path / "page.png"))


def test_a_click_on_a_style_switches_without_a_gap(browser, styles):
    controls = FakeControls(styles, load_seconds=1.5)
    with running(controls) as server:
        browser.get(server.url)
        until(lambda: not browser.find_element("id", "veil").is_displayed())
        cel, negative = until(lambda: browser.find_elements("css selector", "#styles button"))
        until(lambda: cel.get_attribute("aria-pressed") == "true")
        assert "negative" in negative.text
        assert until(lambda: negative.find_element("tag name", "img").get_property("naturalWidth")) > 100
        corner = SIZE[0] - BLOCK // 2, BLOCK // 2
        assert pixel(browser, *corner) == pytest.approx([CORNER] * 3, abs=6)
        negative.click()
        until(lambda: negative.get_attribute("aria-busy") == "true")
        times = [when for when, _ in shown(browser, 2.5)]
        assert np.diff(times).max() < 1
        until(lambda: negative.get_attribute("aria-pressed") == "true")
        assert controls.style == styles[1]
        until(lambda: pixel(browser, *corner) == pytest.approx([255 - CORNER] * 3, abs=6))


def test_keys_do_what_the_buttons_do(browser, styles):
    from selenium.webdriver.common.keys import Keys

    controls = FakeControls(styles)
    with running(controls) as server:
        browser.get(server.url)
        until(lambda: text(browser, "#state") == "running")
        buttons = browser.find_elements("css selector", "#switches button")
        body = browser.find_element("tag name", "body")
        body.send_keys("s")
        until(lambda: controls.split)
        until(lambda: buttons[0].get_attribute("aria-pressed") == "true")
        until(lambda: "only you see this" in text(browser, "#explained"))
        body.send_keys("M")  # with caps lock
        until(lambda: controls.mirror)
        body.send_keys("n")
        until(lambda: controls.style == styles[1])
        body.send_keys(" ")
        until(lambda: controls.paused)
        until(lambda: text(browser, "#state") == "paused")
        time.sleep(0.3)  # for what was on its way
        assert shown(browser, 0.5) == []
        buttons[2].send_keys(Keys.SPACE)  # which must not count twice
        until(lambda: not controls.paused)
        buttons[1].send_keys(Keys.ENTER)
        until(lambda: not controls.mirror)
        first = browser.find_element("css selector", "#styles button")
        first.send_keys(Keys.ENTER)
        until(lambda: controls.style == "cel")


def test_the_effect_goes_off_by_its_button_alone_and_on_again_by_both(browser, styles):
    from selenium.webdriver.common.keys import Keys

    controls = FakeControls(styles)
    with running(controls) as server:
        browser.get(server.url)
        until(lambda: text(browser, "#state") == "running")
        cartoon, real = browser.find_elements("css selector", "#effect button")
        badge = browser.find_element("id", "bare")
        assert cartoon.get_attribute("aria-pressed") == "true"
        assert not badge.is_displayed()
        for _ in range(2):
            real.click()
            until(lambda: text(browser, "#state") == "real face")
        assert not controls.effect
        assert (cartoon.get_attribute("aria-pressed"), real.get_attribute("aria-pressed")) == ("false", "true")
        assert badge.is_displayed()
        assert "everybody sees your real face" in text(browser, "#explained")
        assert "Real face" in browser.title
        for _ in range(2):
            cartoon.send_keys(Keys.SPACE)
            until(lambda: controls.effect)
        until(lambda: not badge.is_displayed())
        controls.effect = False
        browser.find_element("tag name", "body").send_keys("c")
        until(lambda: controls.effect)


def test_files_faces_and_sources(browser, styles, tmp_path, monkeypatch):
    from selenium.webdriver.support.select import Select

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("toonstream.live.switch.cameras", lambda: [("/dev/video2", "HD Webcam")])
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    controls = FakeControls(styles)
    controls.faces = 3
    source = Switch("clip.mp4", lambda name: Script([], SIZE))
    with running(controls, source=source) as server:
        browser.get(server.url)
        until(lambda: text(browser, "#state") == "running")
        browser.find_element("id", "snapshot").click()
        until(lambda: list(tmp_path.glob("toonstream-*.png")))
        record = browser.find_element("id", "record")
        record.click()
        until(lambda: server.recorder.on and record.get_attribute("aria-pressed") == "true")
        assert text(browser, "#recorded").startswith("Recording into")
        server.recorder.write(picture((40, 180, 60)))
        record.click()
        until(lambda: text(browser, "#recorded").startswith("Recorded: "))
        faces, sources = (Select(browser.find_element("id", name)) for name in ("most", "source"))
        assert faces.first_selected_option.text == "3"
        faces.select_by_visible_text("1")
        until(lambda: controls.faces == 1)
        faces.select_by_visible_text("all")
        until(lambda: controls.faces is None)
        assert [option.text for option in sources.options] == ["script", "HD Webcam", "Screen"]
        sources.select_by_visible_text("HD Webcam")
        until(lambda: source.wanted == "/dev/video2")
        until(lambda: "is being opened" in text(browser, "#explained"))
        source.wanted, source.failure = None, "HD Webcam: in use"
        until(lambda: text(browser, "#message") == "HD Webcam: in use")
        until(lambda: sources.first_selected_option.text == "script")


def test_a_tab_that_nobody_sees_asks_for_no_pictures(browser, styles):
    with running(FakeControls(styles)) as server:
        browser.get(server.url)
        until(lambda: server.preview.watched)
        page = browser.current_window_handle
        browser.switch_to.new_window("tab")
        until(lambda: not server.preview.watched)
        browser.close()
        browser.switch_to.window(page)
        until(lambda: server.preview.watched)


def test_it_says_when_nobody_answers_and_goes_on_after(browser, styles):
    with running(FakeControls(styles)) as server:
        browser.get(server.url)
        until(lambda: text(browser, "#state") == "running")
    until(lambda: text(browser, "#state").startswith("not running"))
    until(lambda: "has ended" in text(browser, "#veil"))
    assert not browser.find_element("css selector", "#effect button").is_enabled()
    assert "grayscale" in browser.find_element("id", "picture").value_of_css_property("filter")
    again = browser.find_element("id", "reconnect")
    assert again.is_displayed()
    with running(FakeControls(styles), server.url.rstrip("/")):
        again.click()
        until(lambda: text(browser, "#state") == "running")
        until(lambda: not again.is_displayed())
        assert shown(browser, 1.0)


def test_a_page_of_another_origin_gets_and_changes_nothing(browser, styles):
    """Another server on the same machine is a stranger as well."""
    controls = FakeControls(styles)
    with (
        running(controls) as server,
        closing(PageServer("http://localhost:0", FakeControls(styles), SOURCE)) as stranger,
    ):
        browser.get(f"{stranger.url}icon.svg")
        result = browser.execute_async_script(
            """
            const [url, done] = arguments;
            const picture = new Image();
            picture.onload = () => done("seen");
            picture.onerror = async () => {
                await fetch(url + "state", {method: "POST", mode: "no-cors", body: '{"mirror": true}'}).catch(() => 0);
                done("nothing");
            };
            picture.src = url + "preview.jpg?after=-1";
            """,
            server.url,
        )
        assert result == "nothing"
        assert not controls.mirror


def test_the_page_of_toonstream_live(browser, tmp_path):
    """The command with all that belongs to it, but for the camera."""
    script = Path(__file__).parents[1] / "support" / "stamped_camera.py"
    other = save_style(tmp_path / "other")
    shutil.copy(SHIPPED / "cel" / "preview.png", other)
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", script, "--to", "http://127.0.0.1:0", "--style", other, "--backend", "onnxruntime"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        browser.get_log("browser")  # what the pages of other tests said, whose servers are gone
        browser.get([next(process.stdout) for _ in range(3)][2].split()[-1])
        until(lambda: text(browser, "#state") == "running", 30)
        assert text(browser, "#faces") == "1"
        until(lambda: float(text(browser, "#fps")) > 0)
        assert len(shown(browser, 3.0)) > 3
        buttons = browser.find_elements("css selector", "#styles button")
        cel, tiny = buttons[0], buttons[-1]  # the shipped styles, then the one given
        assert tiny.get_attribute("aria-pressed") == "true"
        cel.click()
        until(lambda: cel.get_attribute("aria-pressed") == "true", 60)
        browser.find_element("tag name", "body").send_keys("s")
        until(
            lambda: browser.find_element("css selector", "[data-switch=split]").get_attribute("aria-pressed") == "true"
        )
        assert shown(browser, 3.0)
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        browser.save_screenshot(str(tmp_path / "page.png"))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)
    assert process.returncode == 0, (tmp_path / "log").read_text()
