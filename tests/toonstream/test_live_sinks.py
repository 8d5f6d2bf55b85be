"""Live sinks: what a virtual camera is sent, who reads it, and recordings."""

import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from support.clips import make_clip, read
from support.waiting import returns, wait_until
from toonstream_engines.errors import InputError, UserError

from toonstream.choose import open_live_sinks
from toonstream.frame import Frame
from toonstream.live.session import Session
from toonstream.live.switch import Switch
from toonstream.sinks import recording, virtual_camera
from toonstream.sinks.recording import Recording
from toonstream.sinks.video import VideoSink
from toonstream.sinks.virtual_camera import VirtualCamera, readers
from toonstream.sinks.window import Window
from toonstream.sources.looping import LoopingSource

MICROSECOND = Fraction(1, 1_000_000)
COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (235, 235, 235)]


class FakeDevices:
    """Stands in for the system's virtual cameras: each can be opened once, and keeps what it was sent."""

    def __init__(self, *names: str) -> None:
        self.free = list(names)
        self.sent: dict[str, list[np.ndarray]] = {name: [] for name in names}
        self.opened: list[dict[str, object]] = []
        devices = self

        class Camera:
            def __init__(self, *, width, height, fps, fourcc, device) -> None:
                if device is None and not devices.free:
                    raise RuntimeError("No v4l2 loopback device found at /dev/video[0-99].")
                if device is not None and device not in devices.free:
                    there = device in devices.sent
                    raise ValueError(f"Device {device} {'is already in use' if there else 'does not exist'}.")
                self._device = device or devices.free[0]
                devices.free.remove(self._device)
                devices.opened.append({"size": (width, height), "fps": fps})

            def send(self, frame: np.ndarray) -> None:
                devices.sent[self._device].append(frame.copy())

            def close(self) -> None:
                devices.free.append(self._device)

            def device(self) -> str:
                return self._device

            def native_fourcc(self) -> None:
                return None

        self.backend = Camera


@pytest.fixture
def devices(monkeypatch) -> FakeDevices:
    camera = pytest.importorskip("pyvirtualcam", reason="pip install '.[camera]'").camera
    fake = FakeDevices("/dev/video10")
    monkeypatch.setattr(camera, "BACKENDS", {})
    monkeypatch.setattr(virtual_camera, "loopback_devices", list)
    camera.register_backend("fake", fake.backend)
    return fake


def blocks(index: int = 0, width: int = 64, height: int = 32) -> np.ndarray:
    """Four blocks of plain colours, in an order that tells the index."""
    picture = np.zeros((height, width, 3), np.uint8)
    for block in range(4):
        picture[:, block * width // 4 : (block + 1) * width // 4] = COLOURS[(block + index) % 4]
    return picture


def frame_of(rgb: np.ndarray, pts: int = 0, pix_fmt: str = "rgb24", matrix: int = 1, full: bool = False) -> Frame:
    frame = Frame.from_rgb(rgb, pts, MICROSECOND, pts)
    if pix_fmt == "rgb24":
        return frame
    picture = frame.picture.reformat(format=pix_fmt, dst_colorspace=matrix, dst_color_range=2 if full else 1)
    return Frame(picture, pts, pts, MICROSECOND)


def as_a_program_sees_it(sent: np.ndarray, width: int = 64, height: int = 32) -> np.ndarray:
    """I420 as every camera program takes it: BT.601, limited range. RGB at the middle of each block, (4, 3)."""
    y = sent[: width * height].reshape(height, width)[height // 2, width // 8 :: width // 4].astype(float)
    chroma = sent[width * height :].reshape(2, height // 2, width // 2)[:, height // 4, width // 16 :: width // 8]
    u, v = chroma.astype(float) - 128
    y = 1.164 * (y - 16)
    return np.stack([y + 1.596 * v, y - 0.392 * u - 0.813 * v, y + 2.017 * u], 1)


@pytest.mark.parametrize(
    ("pix_fmt", "matrix", "full"),
    [("rgb24", 1, True), ("yuv420p", 1, False), ("yuv420p", 5, False), ("yuvj422p", 5, True), ("nv12", 1, False)],
)
def test_a_virtual_camera_shows_the_right_colours_in_order(devices, pix_fmt, matrix, full):
    with VirtualCamera((64, 32), Fraction(30), None) as camera:
        for index in range(4):
            camera.write(frame_of(blocks(index), index, pix_fmt, matrix, full))
    assert devices.opened == [{"size": (64, 32), "fps": 30}]
    assert len(devices.sent["/dev/video10"]) == 4
    for index, sent in enumerate(devices.sent["/dev/video10"]):
        wanted = [COLOURS[(block + index) % 4] for block in range(4)]
        assert np.abs(as_a_program_sees_it(sent) - wanted).max() < 6
    assert devices.free == ["/dev/video10"]


def test_a_picture_of_odd_size_is_sent_in_even_size(devices):
    with VirtualCamera((65, 33), Fraction(25), None) as camera:
        camera.write(frame_of(blocks(0, 65, 33)))
        assert camera.description == "virtual camera /dev/video10, 64x32"
    assert devices.sent["/dev/video10"][0].size == 64 * 32 * 3 // 2


def test_two_virtual_cameras_where_there_is_one(devices):
    with (
        VirtualCamera((64, 32), None, None),
        pytest.raises(UserError, match=r"virtual camera: none is free .*; sudo apt install v4l2loopback-dkms")
        if virtual_camera.sys.platform == "linux"
        else pytest.raises(UserError),
    ):
        VirtualCamera((64, 32), None, None)


def test_a_virtual_camera_that_is_not_there(devices):
    with pytest.raises(UserError, match=r"virtual camera /dev/video77: .*does not exist"):
        open_sink("virtualcam:/dev/video77", (64, 32), None)


@pytest.mark.parametrize(
    ("device", "told"),
    [
        (None, "virtual camera: none is free; /dev/video10 in use, by another program or twice by this one; for more"),
        ("/dev/video10", "virtual camera /dev/video10: it is in use, by another program or twice by this one"),
        ("/dev/video20", "virtual camera /dev/video20: not a virtual camera; available: /dev/video10"),
    ],
)
def test_a_virtual_camera_that_cannot_be_had_though_there_is_one(devices, monkeypatch, device, told):
    monkeypatch.setattr(virtual_camera, "loopback_devices", lambda: ["/dev/video10"])
    with VirtualCamera((64, 32), None, None), pytest.raises(UserError, match=re.escape(told)):
        VirtualCamera((64, 32), None, device)


@pytest.mark.skipif(virtual_camera.sys.platform != "linux", reason="v4l2loopback is Linux's")
def test_v4l2loopback_hears_that_we_write_to_it(devices, monkeypatch):
    """Its versions before 0.14 let nobody write to a device once somebody did without saying so."""
    heard = []
    monkeypatch.setattr("fcntl.ioctl", lambda *told: heard.append(told))
    monkeypatch.setattr(virtual_camera, "_own_files", lambda: {3: "/dev/video10", 4: "/dev/video11"})
    with VirtualCamera((64, 32), None, None):
        assert heard == [(3, 0x40045612, b"\2\0\0\0")]


def test_somebody_is_taken_to_watch_until_there_is_something_to_see(devices, monkeypatch):
    monkeypatch.setattr(virtual_camera, "readers", lambda: 0)
    with VirtualCamera((64, 32), None, None) as camera:
        assert camera.watched
        camera.write(frame_of(blocks()))
        assert not camera.watched


def test_without_pyvirtualcam_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(virtual_camera.sys.modules, "pyvirtualcam", None)
    with pytest.raises(InputError, match=r"pip install '.*\[camera\]'"):
        open_sink("virtualcam", (64, 32), None)


def test_readers_are_the_modules_users_but_for_us(monkeypatch, tmp_path):
    monkeypatch.setattr(virtual_camera, "MODULE", tmp_path)
    assert readers() is None
    monkeypatch.setattr(virtual_camera, "_own_files", lambda: {3: "/dev/video10", 4: "/dev/null"})
    monkeypatch.setattr(virtual_camera, "_is_loopback", lambda path: path == "/dev/video10")
    (tmp_path / "refcnt").write_text("1\n")
    assert readers() == 0
    (tmp_path / "refcnt").write_text("3\n")
    assert readers() == 2


def test_a_recording_keeps_the_time_between_frames(tmp_path):
    start = time.monotonic_ns() // 1000
    moments = [0, 33_000, 70_000, 400_000, 433_000]
    with Recording(tmp_path / "talk.mp4", Fraction(30)) as sink:
        for index, moment in enumerate(moments):
            frame = frame_of(blocks(index), start + moment)
            sink.write(frame)
            assert (frame.pts, frame.picture.pts) == (start + moment, start + moment)
    with av.open(tmp_path / "talk.mp4") as clip:
        pictures = list(clip.decode(video=0))
    assert [round(picture.time, 3) for picture in pictures] == [moment / 1e6 for moment in moments]
    for index, picture in enumerate(pictures):
        assert np.abs(picture.to_ndarray(format="rgb24")[16, 8].astype(int) - COLOURS[index % 4]).max() < 24


def test_a_recording_keeps_its_colours_where_the_source_changes(tmp_path):
    """A webcam's, then a screen's: another matrix, another range, and the same format or another."""
    start = time.monotonic_ns() // 1000
    kinds = [("yuvj422p", 5, True), ("yuv420p", 1, False), ("yuv420p", 5, True), ("nv12", 5, False)]
    with Recording(tmp_path / "talk.mp4", Fraction(30)) as sink:
        for index, kind in enumerate(kinds):
            sink.write(frame_of(blocks(), start + index * 33_000, *kind))
    with av.open(tmp_path / "talk.mp4") as clip:
        pictures = [Frame(picture, 0, 0, MICROSECOND).rgb() for picture in clip.decode(video=0)]
    assert len(pictures) == len(kinds)
    for picture in pictures:
        assert np.abs(picture[16, 8::16].astype(int) - COLOURS).max() < 9


WRITER = """
import sys
import time
from fractions import Fraction
from pathlib import Path
import numpy as np
from toonstream.frame import Frame
from toonstream.sinks.recording import Recording
sink = Recording(Path(sys.argv[1]), Fraction(30))
for index in range(120):
    sink.write(Frame.from_rgb(np.full((48, 64, 3), index % 256, np.uint8), index, Fraction(1, 30), index))
    while not sink._frames.empty():
        time.sleep(0.001)
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_killed_recording_plays(tmp_path, suffix):
    command = [sys.executable, "-c", WRITER, tmp_path / f"talk{suffix}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"written\n"
        writer.kill()
    times = read(tmp_path / f"talk.part{suffix}").times
    assert len(times) >= 60
    assert times == [Fraction(index, 30) for index in range(len(times))]


@pytest.mark.parametrize("frames", [1, 2, 31, 32, 61])
def test_a_recording_has_its_last_frame(tmp_path, frames):
    with VideoSink(tmp_path / "talk.mp4", rate=Fraction(30), live=True) as sink:
        for index in range(frames):
            sink.write(frame_of(blocks(), 33_000 * index))
    assert read(tmp_path / "talk.mp4").times == [Fraction(33 * index, 1000) for index in range(frames)]


def test_a_slow_encoder_holds_up_nobody(tmp_path, monkeypatch):
    go = threading.Event()
    write = recording.VideoSink.write
    monkeypatch.setattr(recording.VideoSink, "write", lambda self, frame: (go.wait(), write(self, frame)))
    with Recording(tmp_path / "talk.mp4", Fraction(30)) as sink:
        try:
            for index in range(100):
                returns(lambda index=index: sink.write(frame_of(blocks(index), index * 33_000)))
        finally:
            go.set()
    with av.open(tmp_path / "talk.mp4") as clip:
        assert recording.WAITING <= len(list(clip.decode(video=0))) <= recording.WAITING + 1


def test_a_recording_never_replaces_a_file(tmp_path):
    (tmp_path / "talk.mp4").write_bytes(b"mine")
    with pytest.raises(InputError, match="there already"):
        open_sink(str(tmp_path / "talk.mp4"), (64, 32), None)


def test_a_recording_never_replaces_the_file_that_is_played(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4")
    with (
        Switch(str(clip), lambda name: LoopingSource(Path(name))) as source,
        ExitStack() as opened,
        pytest.raises(InputError, match="this is the input itself"),
    ):
        open_live_sinks(str(clip), source, Session.__new__(Session), opened, overwrite=True)


def test_the_key_for_the_next_style_goes_on_from_the_one_that_is_loading():
    chosen = []
    window = Window.__new__(Window)
    for style, loading in (("a", None), ("a", "b"), ("c", None), ("an engine of one's own", None)):
        figures = {"loading": loading}
        window._controls = SimpleNamespace(
            styles=["a", "b", "c"], style=style, figures=lambda told=figures: told, choose=chosen.append
        )
        window._obey(ord("n"))
    assert chosen == ["b", "c", "a", "a"]


def test_a_recording_that_cannot_go_on_says_so(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    sink = Recording(folder / "talk.mp4", None)
    folder.rmdir()
    sink.write(frame_of(blocks(), 0))
    wait_until(lambda: sink._error is not None)
    with pytest.raises(UserError, match="cannot be written"):
        sink.write(frame_of(blocks(), 33_000))
    sink.close()


def test_a_recording_whose_folder_is_removed_says_so_at_once(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    sink = Recording(folder / "talk.mp4", None)
    sink.write(frame_of(blocks(), 0))
    wait_until(lambda: sink._sink._output is not None)
    shutil.rmtree(folder)
    sink.write(frame_of(blocks(), 33_000))
    wait_until(lambda: sink._error is not None)
    with pytest.raises(UserError, match="was removed while it was written"):
        sink.write(frame_of(blocks(), 66_000))
    sink.close()


def test_a_recording_replaces_a_file_where_it_is_told_to(tmp_path):
    (tmp_path / "talk.mp4").write_bytes(b"mine")
    with Recording(tmp_path / "talk.mp4", Fraction(30), overwrite=True) as sink:
        sink.write(frame_of(blocks(), 0))
    with av.open(tmp_path / "talk.mp4") as clip:
        assert len(list(clip.decode(video=0))) == 1


def test_a_recording_that_cannot_be_ended_says_so(tmp_path, monkeypatch):
    sink = Recording(tmp_path / "talk.mp4", None)
    sink.write(frame_of(blocks(), 0))
    monkeypatch.setattr(recording.VideoSink, "_finish", lambda self, whole: 1 / 0)
    with pytest.raises(UserError, match=r"recording .*talk.mp4: ZeroDivisionError"):
        sink.close()
    sink.close()


def test_what_is_no_sink(monkeypatch):
    with pytest.raises(InputError, match="--to tv: neither"):
        open_sink("tv", (64, 32), None)
    monkeypatch.delenv("DISPLAY", raising=False)
    if virtual_camera.sys.platform == "linux":
        with pytest.raises(InputError, match=r"no desktop here \(DISPLAY is not set"):
            open_sink("window", (64, 32), None)
        monkeypatch.setenv("DISPLAY", ":654")  # as over ssh, of a desktop that was left
        with pytest.raises(InputError, match="the display :654 cannot be opened"):
            open_sink("window", (64, 32), None)


def open_sink(name: str, size: tuple[int, int], rate: Fraction | None) -> None:
    """With controls that no sink here uses."""
    with ExitStack() as opened:
        open_live_sinks(name, SimpleNamespace(size=size, rate=rate), Session.__new__(Session), opened)
