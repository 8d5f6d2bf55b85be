"""Live sources: files at their own pace, cameras that are asked, lost and come back, streams."""

import errno
import gc
import io
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from av.error import ExitError, FFmpegError
from support.clips import FRAMES, draw, make_clip
from toonstream_engines.errors import InputError, UserError

from toonstream.choose import open_live_source
from toonstream.sources import CaptureRequest, camera, capture, looping, stream
from toonstream.sources.capture import CaptureSource
from toonstream.sources.looping import LoopingSource

TURNED = [0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30]


def test_a_file_that_is_left_in_the_middle_keeps_no_decoder(tmp_path):
    """As after a minute without anybody watching; the garbage collector may not come by for hours."""
    with LoopingSource(make_clip(tmp_path / "clip.mp4")) as source:
        gc.disable()
        try:
            source.read()
            video = weakref.ref(source._source)
            source.close()
            assert video() is None
            assert source.read().width == 64
        finally:
            gc.enable()


def test_a_file_is_played_at_its_own_pace_over_and_over(tmp_path, monkeypatch):
    clock = 1_000_000_000  # microseconds

    def sleep(seconds: float) -> None:
        nonlocal clock
        clock += round(seconds * 1e6)

    monkeypatch.setattr(looping, "now", lambda: clock)
    monkeypatch.setattr(looping, "time", SimpleNamespace(sleep=sleep))
    with open_live_source(str(make_clip(tmp_path / "clip.mp4")), CaptureRequest()) as source:
        assert isinstance(source, LoopingSource)
        assert (source.size, source.rate) == ((64, 48), 25)
        frames = [source.read() for _ in range(FRAMES + 5)]
    assert {frame.time_base for frame in frames} == {Fraction(1, 1_000_000)}
    assert [frame.picture.pts for frame in frames] == [frame.pts for frame in frames]
    assert [frame.index for frame in frames] == list(range(1, FRAMES + 6))
    assert np.diff([frame.pts for frame in frames[:FRAMES]]).tolist() == [1_000_000 / 25] * (FRAMES - 1)
    assert frames[FRAMES].pts - frames[FRAMES - 1].pts == 1_000_000 / 25  # the last one has its time, too
    # The block moves on by two pixels a frame, and starts again.
    blue = [int(frame.rgb()[40, 60, 2]) for frame in frames]
    assert blue[FRAMES - 1] - blue[0] > 40
    assert abs(blue[FRAMES] - blue[0]) < 8


def test_a_file_that_was_left_goes_on_from_its_start(tmp_path):
    with LoopingSource(make_clip(tmp_path / "clip.mp4")) as source:
        first = source.read()
        for _ in range(9):
            source.read()
        source.skip()
        source.close()
        source.close()
        again = source.read()
    assert np.abs(again.rgb().astype(int) - first.rgb()).max() < 8
    assert again.pts > first.pts


def test_live_frames_stand_upright_as_they_are_stored(tmp_path):
    with LoopingSource(make_clip(tmp_path / "clip.mp4", matrix=TURNED)) as source:
        frame = source.read()
    assert source.size == (48, 64)
    assert (frame.picture.width, frame.picture.height) == (48, 64)
    assert not any(frame.orientation)


def test_live_frames_have_square_pixels(tmp_path):
    wide = make_clip(tmp_path / "wide.mkv", aspect=Fraction(2))
    turned = make_clip(tmp_path / "turned.mp4", aspect=Fraction(3, 2), matrix=TURNED)
    for path, size in ((wide, (128, 48)), (turned, (32, 64))):
        with LoopingSource(path) as source:
            frame = source.read()
        assert source.size == (frame.width, frame.height) == size
    with CaptureSource("cam", lambda: av.open(str(wide))) as source:
        frame = next(frame for frame in iter(source.read, 0) if frame)
    assert source.size == (frame.width, frame.height) == (128, 48)
    expected = cv2.resize(draw(frame.index - 1), (128, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(frame.rgb().astype(int) - expected).mean() < 8


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("No Such Camera", "No Such Camera: no such camera, file or address; cameras here: Fake Cam"),
        ("7", "7: no such camera"),
        ("x" * 300, "x: no such camera"),
        ("cam", "several cameras match: Fake Cam One .*, Fake Cam Two"),
        ("screen:1,2,3", "screen:LEFT,TOP,WIDTHxHEIGHT"),
        ("screen:0,0,0x5", "the region is empty"),
        ("foo://x", "foo://x: unsupported kind of address"),
        ("tcp://127.0.0.1:9", r"cannot be opened \(Connection refused\)"),
    ],
)
def test_what_is_no_source(monkeypatch, name, told):
    there = [("/dev/video90", "Fake Cam One"), ("/dev/video92", "Fake Cam Two")]
    monkeypatch.setattr(camera, "cameras", lambda: there)
    with pytest.raises(UserError, match=told):
        open_live_source(name, CaptureRequest())


def test_a_photo_is_no_live_source(tmp_path):
    from PIL import Image

    Image.fromarray(draw(0)).save(tmp_path / "photo.png")
    with pytest.raises(InputError, match="not a video"):
        open_live_source(str(tmp_path / "photo.png"), CaptureRequest())


class Sent:
    """A file as a device or the network gives it: of no known size."""

    def __init__(self, path: Path) -> None:
        self._file = io.BytesIO(path.read_bytes())

    def read(self, size: int) -> bytes:
        return self._file.read(size)


class FakeSystem:
    """FFmpeg's cameras: a file in the place of each device, and what each refuses."""

    def __init__(self, monkeypatch, devices, refuse=lambda options: None) -> None:
        self.devices = devices
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._refuse = refuse
        monkeypatch.setattr(camera, "cameras", lambda: [(path, title) for path, (title, _) in self.devices.items()])
        monkeypatch.setattr(camera, "SYSTEM", "v4l2")
        monkeypatch.setattr(camera.av, "open", self.open)
        monkeypatch.setattr(capture, "RETRY_SECONDS", 0.1)
        self._av_open = av.container.open

    def open(self, url, format, options):
        self.asked.append((url, options))
        code = errno.ENOENT if url not in self.devices else self._refuse(options)
        if code:
            raise FFmpegError(code, "refused")
        return self._av_open(Sent(self.devices[url][1]))


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "clip.mkv", sound=None, options={"g": "1"})


def test_a_camera_by_number_path_and_part_of_its_name(monkeypatch, clip):
    system = FakeSystem(monkeypatch, {"/dev/video0": ("Built-in", clip), "/dev/video2": ("Studio HD", clip)})
    for name, path in (("0", "/dev/video0"), ("/dev/video2", "/dev/video2"), ("studio", "/dev/video2")):
        with open_live_source(name, CaptureRequest((640, 360), 15)) as source:
            assert source.read().rgb().shape == (48, 64, 3)
        assert system.asked[-1][0] == path
    wanted = {"video_size": "640x360", "framerate": "15", "input_format": "mjpeg"}
    assert system.asked[-1][1] == wanted
    assert source.description == "Studio HD, 64x48 at 25 frames a second"


def test_a_camera_is_asked_for_less_where_it_refuses(monkeypatch, clip):
    """It has no compressed pictures, and will not be told a rate."""
    system = FakeSystem(
        monkeypatch, {"/dev/video0": ("Old", clip)}, lambda options: errno.EINVAL if "framerate" in options else 0
    )
    with open_live_source("0", CaptureRequest()) as source:
        assert source.size == (64, 48)
    assert [set(options) for _, options in system.asked] == [
        {"video_size", "framerate", "input_format"},
        {"video_size", "framerate"},
        {"video_size"},
    ]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.EBUSY, "camera Cam .*: in use by another program"),
        (errno.EACCES, "usermod -a -G video"),
        (errno.ENODEV, "toonstream devices"),
        (errno.EIO, "cannot be opened"),
    ],
)
def test_a_camera_that_does_not_open_says_why(monkeypatch, clip, code, told):
    system = FakeSystem(monkeypatch, {"/dev/video0": ("Cam", clip)}, lambda options: code)
    with pytest.raises(UserError, match=told):
        open_live_source("0", CaptureRequest())
    assert len(system.asked) == (4 if code == errno.EIO else 1)


def test_a_camera_that_is_pulled_out_comes_back_by_itself(monkeypatch, clip):
    """By its name, since it may come back at another path."""
    system = FakeSystem(monkeypatch, {"/dev/video0": ("Cam", clip)})
    with open_live_source("cam", CaptureRequest()) as source:
        first = [source.read() for _ in range(FRAMES)]
        assert source.problem is None
        system.devices = {}
        assert source.read() is None  # the end of the clip is where it is pulled out
        assert "waiting for it to come back" in source.problem
        opened = len(system.asked)
        while "no such camera" not in source.problem:
            assert source.read() is None
        assert len(system.asked) == opened
        system.devices = {"/dev/video4": ("Cam", clip)}
        frames = [frame for frame in (source.read() for _ in range(10)) if frame]
        assert frames[0].pts > first[-1].pts
        assert frames[0].index > first[-1].index
        assert source.problem is None
        source.close()  # as a session does that nobody watches
        assert source.read() is not None


def test_damaged_and_empty_packets_are_passed_over(monkeypatch, clip):
    source = CaptureSource("cam", lambda: av.open(str(clip)))
    with source:
        packets = list(source._packets)
        damaged, empty = av.Packet(b"\x00\x01garbage"), av.Packet()
        for packet in (damaged, empty):
            packet.pts, packet.time_base = 0, Fraction(1, 1000)
        source._packets = iter([damaged, empty, *packets])
        frames = [source.read() for _ in range(6)]
        assert source.problem is None
    assert [frame is None for frame in frames] == [True, True, False, False, False, False]


def test_raw_pictures_are_copied_from_the_drivers_memory(tmp_path):
    path = make_clip(tmp_path / "raw.nut", encoder="rawvideo", sound=None, options={})
    with CaptureSource("cam", lambda: av.open(str(path))) as source:
        frame = source.read()
        aliased = next(av.open(str(path)).decode(video=0))
        assert frame.picture.planes[0].buffer_ptr != aliased.planes[0].buffer_ptr
        assert frame.picture.colorspace == 5
    assert np.abs(frame.rgb().astype(int) - draw(0)).max() < 60


def test_the_drivers_clock_is_the_moment_of_capture(clip):
    class Packet:
        time_base = Fraction(1, 1_000_000)

        def __init__(self, pts) -> None:
            self.pts = pts

    with CaptureSource("cam", lambda: av.open(str(clip))) as source:
        now = time.monotonic_ns() // 1000
        assert source._moment(Packet(now - 30_000)) == now - 30_000
        assert source._moment(Packet(None)) >= now
        assert source._moment(Packet(5)) >= now  # of a clock of its own
        assert source._moment(Packet(now + 10**9)) < now + 10**8


def test_a_stream_over_the_network(tmp_path):
    start = time.monotonic()
    sent = make_clip(tmp_path / "clip.ts", sound=None, pts=range(200), options={"g": "5"}).read_bytes()

    def send() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):  # the reader goes away in the middle
            for first in range(0, len(sent), 2000):
                connection.sendall(sent[first : first + 2000])
                time.sleep(0.005)

    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = threading.Thread(target=send)
        sender.start()
        with open_live_source(f"tcp://127.0.0.1:{server.getsockname()[1]}", CaptureRequest()) as source:
            frames = [frame for frame in (source.read() for _ in range(30)) if frame]
        sender.join()
    assert len(frames) > 20
    assert frames[-1].rgb().shape == (48, 64, 3)
    assert start < frames[0].pts / 1e6 < frames[-1].pts / 1e6 < time.monotonic()
    assert [frame.pts for frame in frames] == sorted(frame.pts for frame in frames)


def test_what_a_server_has_with_a_single_key_frame_is_shown_from_it_on(tmp_path):
    sent = make_clip(tmp_path / "clip.ts", sound=None, options={"g": "1000", "bf": "0"}).read_bytes()

    def send() -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n" + sent)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=send, daemon=True).start()
        with open_live_source(f"http://127.0.0.1:{server.getsockname()[1]}/clip.ts", CaptureRequest()) as source:
            frames = [source.read() for _ in range(FRAMES)]
    assert None not in frames
    assert np.abs(frames[0].rgb().astype(int) - draw(0)).max() < 60


SCREEN_INTO_WINDOW = """
from toonstream.choose import open_live_source
from toonstream.sinks.window import Window
from toonstream.sources import CaptureRequest

with open_live_source("screen", CaptureRequest()) as screen, Window(None) as window:
    while (frame := screen.read()) is None:
        pass
    window.write(frame)
    print(frame.width, frame.height)
"""


@pytest.mark.skipif(not shutil.which("Xvfb"), reason="needs an X server without a screen: xvfb")
def test_the_screen_is_captured_and_shown_in_a_window():
    """In a process of its own: libraries that do not go together crash it."""
    server = ["Xvfb", "-displayfd", "1", "-screen", "0", "320x240x24"]
    with subprocess.Popen(server, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as display:
        try:
            environment = os.environ | {"DISPLAY": f":{display.stdout.readline().strip()}"}
            environment.pop("WAYLAND_DISPLAY", None)
            done = subprocess.run(
                [sys.executable, "-c", SCREEN_INTO_WINDOW], env=environment, capture_output=True, text=True, check=False
            )
        finally:
            display.terminate()
    assert (done.returncode, done.stdout) == (0, "320 240\n"), done.stderr


def test_one_who_says_nothing_is_told_in_plain_words(monkeypatch):
    """FFmpeg calls it an immediate exit."""
    monkeypatch.setattr(stream, "SECONDS", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UserError) as told:
            open_live_source(address, CaptureRequest())
    assert str(told.value) == f"{address}: cannot be opened (nothing comes); is its sender running?"


def test_one_who_falls_silent_is_told_in_plain_words(clip):
    def none() -> Iterator[av.Packet]:
        raise ExitError(1, "Immediate exit requested")
        yield

    with CaptureSource("cam", lambda: av.open(str(clip))) as source:
        source._packets = none()
        source.read()
        assert source.problem == "cam: lost (nothing comes); waiting for it to come back"


@pytest.fixture
def slept(monkeypatch) -> list[float]:
    """The waits of what captures, in seconds; its clock moves by them alone."""
    waits: list[float] = []
    monkeypatch.setattr(capture, "now", lambda: round(1e9 + 1e6 * sum(waits)))
    monkeypatch.setattr(capture, "time", SimpleNamespace(sleep=waits.append, monotonic=lambda: sum(waits)))
    return waits


def test_what_comes_back_has_a_shape_of_pixels_of_its_own(monkeypatch, slept, tmp_path):
    """A broadcast that goes on in another format, say; Switch fits it into the first one's size."""
    monkeypatch.setattr(capture, "RETRY_SECONDS", 0.0)
    clips = [make_clip(tmp_path / f"{wide}.mkv", aspect=Fraction(wide), sound=None) for wide in (1, 2)]
    sizes = []
    with CaptureSource("stream", lambda: av.open(str(clips.pop(0)))) as source:
        while len(set(sizes)) < 2:
            if frame := source.read():
                sizes.append((frame.width, frame.height))
    assert list(dict.fromkeys(sizes)) == [(64, 48), (128, 48)]


def test_a_file_that_was_replaced_has_a_shape_of_pixels_of_its_own(tmp_path):
    clip = make_clip(tmp_path / "clip.mkv", pts=range(2))
    with LoopingSource(clip) as source:
        sizes = [source.read().width for _ in range(2)]
        make_clip(clip, pts=range(2), aspect=Fraction(2))
        sizes.append(source.read().width)
    assert sizes == [64, 64, 128]


@pytest.mark.parametrize("take", [CaptureSource.read, CaptureSource.skip])
@pytest.mark.parametrize(
    ("opened", "in_pieces", "frames"),
    [(str, (), FRAMES), (Sent, ("matroska,webm",), FRAMES), (Sent, (), 1)],
    ids=["a file of a server", "pieces", "a live stream"],
)
def test_what_comes_before_its_time_waits_for_it(monkeypatch, slept, tmp_path, take, opened, in_pieces, frames):
    """At the rate of the video, also where frames come before others that they are to be shown after."""
    monkeypatch.setattr(capture, "IN_PIECES", in_pieces)
    clip = make_clip(tmp_path / "clip.mkv", sound=None, options={"bf": "3", "b_strategy": "0"})
    with CaptureSource("stream", lambda: av.open(opened(clip)), whole=True) as source:
        for _ in range(FRAMES):
            take(source)
    assert sum(slept) == pytest.approx((frames - 1) / 25, abs=0.1)  # the first have no time


@pytest.mark.parametrize(("length", "seconds"), [(50, 2.0), (1, capture.RETRY_SECONDS)], ids=["a clip", "a picture"])
def test_what_a_server_has_as_a_file_is_played_in_a_loop(slept, tmp_path, length, seconds):
    """Without a pause, but not over and over at once where it is a single picture."""
    clip = make_clip(tmp_path / "clip.mkv", sound=None, pts=range(length), options={"bf": "0"})
    shown, problems = [], set()
    with CaptureSource("http://there/clip.mkv", lambda: av.open(str(clip)), whole=True) as source:
        while len(shown) < 3 * length:
            if source.read():
                shown.append(sum(slept))
            problems.add(source.problem)
    assert problems == {None}
    assert shown[2 * length] - shown[length] == pytest.approx(seconds, abs=0.1)
