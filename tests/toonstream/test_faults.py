"""Faults at moments that nobody chooses: what was drawn stays, in a file that plays, and nothing else is left."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
from support.clips import FRAMES, convert, make_clip, read
from support.tiny_style import save_style
from support.waiting import DEADLINE_SECONDS, wait_until
from toonstream_engines.errors import UserError

from toonstream import pipeline
from toonstream.choose import open_sink, open_source
from toonstream.toonifier import Toonifier


@pytest.fixture(scope="module")
def style(tmp_path_factory):
    return save_style(tmp_path_factory.mktemp("style"))


@pytest.fixture(scope="module")
def toonifier(style):
    with Toonifier(str(style), "onnxruntime", None) as toonifier:
        yield toonifier


class WheelOffError(Exception):
    pass


def raising_at(moment, function):
    """The function, or the items that it gives, up to that one."""
    count = 0

    def due():
        nonlocal count
        count += 1
        if count > moment:
            raise WheelOffError

    def call(*arguments):
        due()
        return function(*arguments)

    def items(*arguments):
        for item in function(*arguments):
            due()
            yield item

    return items if function.__name__ in ("__iter__", "follow") else call


@pytest.mark.parametrize("stage", ["source", "follow", "draw", "composite", "write", "tell"])
@pytest.mark.parametrize("seed", range(2))
def test_a_stage_that_raises_at_a_random_frame(tmp_path, toonifier, monkeypatch, stage, seed):
    moment = random.Random(f"{stage} {seed}").randrange(8, FRAMES)
    path = make_clip(tmp_path / "in.mp4")
    threads = threading.active_count()
    toonifier.reset()

    def tell(toons):
        pass

    with open_source(path) as source:
        sink = open_sink(tmp_path / "out.mp4", source)
        if stage == "source":
            monkeypatch.setattr(type(source), "__iter__", raising_at(moment, type(source).__iter__))
        elif stage == "write":
            monkeypatch.setattr(sink, "write", raising_at(moment, sink.write))
        elif stage == "tell":
            tell = raising_at(moment, tell)
        else:
            monkeypatch.setattr(toonifier, stage, raising_at(moment, getattr(toonifier, stage)))
        with pytest.raises(WheelOffError), sink:
            pipeline.run(source, toonifier, sink, tell)
    assert threading.active_count() == threads
    written = moment + (stage == "tell")  # which comes after the frame is written
    waiting = 4 if stage == "source" else 0  # frames whose faces follow from a later one's
    assert written - waiting <= len(read(tmp_path / "out.part.mp4").times) <= written
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("size", [(16, 16), (17, 33), pytest.param((7680, 4320), marks=pytest.mark.slow)])
def test_pictures_of_any_size(tmp_path, toonifier, size):
    path = make_clip(tmp_path / "in.mp4", size=size, pix_fmt="yuv444p" if size[0] % 2 else "yuv420p", pts=range(4))
    toonifier.reset()
    with open_source(path) as source, open_sink(tmp_path / "out.mp4", source) as sink:
        pipeline.run(source, toonifier, sink, lambda toons: None)
    written = read(tmp_path / "out.mp4")
    assert (written.size, len(written.times)) == (size, 4)


def test_the_output_folder_goes_meanwhile(tmp_path):
    path, folder = make_clip(tmp_path / "in.mp4"), tmp_path / "out"
    folder.mkdir()
    with open_source(path) as source:
        sink = open_sink(folder / "out.mp4", source)

        def run():
            with sink:
                for frame in source:
                    if frame.index == FRAMES // 2:
                        shutil.rmtree(folder)
                    sink.write(frame)

        with pytest.raises(UserError, match=r"out\.part\.mp4 was removed while it was written"):
            run()
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root may mount a small disk")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_disk_that_is_really_full(tmp_path, suffix):
    path = make_clip(tmp_path / f"in{suffix}", size=(320, 240), options={"qp": "8"}, pts=range(100))
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("mount is not allowed here")
    try:
        with pytest.raises(UserError, match=r"the disk is full"):
            convert(path, disk / f"out{suffix}")
        assert [file.name for file in disk.iterdir()] == [f"out.part{suffix}"]
        if suffix != ".mp4":  # whose index comes last
            assert 10 < len(read(disk / f"out.part{suffix}").times) < 100
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("seed", range(4))
def test_signals_at_random_moments(tmp_path, style, number, seed):
    path = make_clip(tmp_path / "in.mp4", pts=range(900))
    output, part = tmp_path / "in.toon.mp4", tmp_path / "in.toon.part.mp4"
    command = [sys.executable, "-m", "toonstream", path, "--style", style, "--backend", "onnxruntime"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until(lambda: part.exists() or process.poll() is not None)
        time.sleep(random.Random(seed).uniform(0, 2))
        process.send_signal(number)
        _, error = process.communicate(timeout=DEADLINE_SECONDS)
    assert b"Traceback" not in error
    assert len(read(path).times) == 900
    if output.exists():  # it was done before
        assert len(read(output).times) == 900
        return
    assert process.returncode == (130 if number != signal.SIGKILL else -signal.SIGKILL)
    assert not output.exists()
    if number != signal.SIGKILL and part.exists():
        assert 0 < len(read(part).times) < 900


DAMAGED = {
    "h264.mp4": {"subtitles": True},
    "h265.mov": {"encoder": "libx265", "sound": "pcm_s16le", "options": {"x265-params": "log-level=error"}},
    "h264.mkv": {"sound": "flac", "subtitles": True},
    "vp8.webm": {"encoder": "libvpx", "sound": "libopus"},
    "vp9.webm": {"encoder": "libvpx-vp9", "sound": "libopus"},
    "av1.mkv": {"encoder": "libsvtav1", "sound": "ac3"},
    "h264.ts": {},
    "h264.flv": {},
    "mpeg2.mpg": {"encoder": "mpeg2video", "sound": "mp2"},
    "mpeg4.avi": {"encoder": "mpeg4", "sound": "libmp3lame"},
    "mjpeg.avi": {"encoder": "mjpeg", "pix_fmt": "yuvj422p", "sound": "pcm_s16le"},
    "wmv2.wmv": {"encoder": "wmv2", "sound": None},
    "gif.gif": {"encoder": "gif", "pix_fmt": "rgb8", "sound": None},
}
SEEDS, MEMORY_MB = range(100, 120), 500


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_clips_give_a_result_or_an_error(tmp_path, name):
    clip = make_clip(tmp_path / name, pts=range(12), **DAMAGED[name])
    (tmp_path / "damaged").mkdir()
    script = [sys.executable, "-m", "support.damage", tmp_path / "damaged", ",".join(map(str, SEEDS)), clip]
    here = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # where pytest finds `support`
    ended = subprocess.run(script, capture_output=True, text=True, env=here)
    outcomes = [line.split(" ", 2) for line in ended.stdout.splitlines()]
    assert ended.returncode == 0, (ended.stdout[-200:], ended.stderr[-2000:])
    told = [outcome for _, _, outcome in outcomes]
    print(name, {outcome: told.count(outcome) for outcome in sorted(set(told))})
    assert set(told) <= {"result", "error"}
    assert len(told) == len(SEEDS)
    assert max(int(memory) for _, memory, _ in outcomes) < MEMORY_MB
    assert list((tmp_path / "damaged").iterdir()) == []
