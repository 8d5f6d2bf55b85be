"""Files that cannot be read or written: told in one line that names the file, and nothing lost or left behind."""

import os
import resource
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from support.clips import FRAMES, convert, draw, make_clip, read
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.part import make_part

from toonstream.choose import default_output, open_sink, open_source
from toonstream.frame import Frame
from toonstream.sinks.output import publish
from toonstream.sinks.video import VideoSink


def text(path):
    path.write_text("This is no video.\n" * 100)


def cut_short(path):
    make_clip(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def sound_only(path):
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=48000)
        for start in range(0, 48000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def no_frames(path):
    with av.open(str(path), "w") as output:
        output.add_stream("libx264", rate=25, width=64, height=48)
        output.start_encoding()


def noise(path):
    path.write_bytes(np.random.default_rng(3).bytes(5000))


def picture(path):
    from PIL import Image

    Image.new("RGB", (16, 16)).save(path)


def broken_jpeg(path):
    from PIL import Image

    Image.new("RGB", (64, 64)).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("missing.mp4", lambda path: None, "No such file"),
        ("empty.mp4", lambda path: path.touch(), "empty"),
        ("folder.mp4", lambda path: path.mkdir(), "folder"),
        ("text.mp4", text, "cannot be read as a video"),
        ("noise.mkv", noise, "cannot be read as a video"),
        ("cut-short.mp4", cut_short, "cut short"),
        ("sound-only.m4a", sound_only, "no video"),
        ("no-frames.mp4", no_frames, "no "),
        ("scan.tiff", picture, "kind of picture"),
        ("icon.ico", picture, "kind of picture"),
        ("render.tga", picture, "kind of picture"),
        ("broken.jpg", broken_jpeg, "not a photo"),
    ],
)
def test_what_cannot_be_read(tmp_path, name, make, reason):
    path = tmp_path / name
    make(path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=reason) as caught:
        convert(path, tmp_path / "out.mp4")
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read(tmp_path):
    path = make_clip(tmp_path / "in.mp4")
    path.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        open_source(path)


def test_names_that_look_like_something_else(tmp_path):
    path = make_clip(tmp_path / "a%03d: [x] é.mp4")
    convert(path, default_output(path))
    assert len(read(tmp_path / "a%03d: [x] é.toon.mp4").times) == FRAMES


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts", ".flv"])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, UserError])
def test_an_interrupted_run_leaves_a_playable_part(tmp_path, suffix, stop):
    path = make_clip(tmp_path / f"in{suffix}", pts=range(60))
    output = default_output(path)

    with open_source(path) as source:
        output_sink = open_sink(output, source)

        def run():
            with output_sink:
                for frame in source:
                    if frame.index == 30:
                        raise stop
                    output_sink.write(frame)

        with pytest.raises(stop):
            run()
    part = tmp_path / f"in.toon.part{suffix}"
    assert output_sink.notices[-1] == f"what was written so far is in {part}"
    assert sorted(tmp_path.iterdir()) == sorted([path, part])
    before, after = read(path), read(part)
    assert after.times == before.times[:30]
    assert Fraction(1) < after.others[0].times[-1] < Fraction(13, 10)


WRITER = """
import sys
from pathlib import Path
from toonstream.choose import open_sink, open_source
with open_source(Path(sys.argv[1])) as source, open_sink(Path(sys.argv[2]), source) as sink:
    for frame in source:
        sink.write(frame)
        print(frame.index, flush=True)
        if frame.index == 249:
            sys.stdin.read()
"""


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".ts", ".flv"])
def test_a_killed_run_leaves_a_playable_part(tmp_path, suffix):
    webm = {"encoder": "libvpx-vp9", "sound": "libopus", "options": {"cpu-used": "8"}}
    path = make_clip(tmp_path / f"in{suffix}", pts=range(300), **(webm if suffix == ".webm" else {}))
    command = [sys.executable, "-c", WRITER, path, tmp_path / f"out{suffix}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        while writer.stdout.readline().strip() != "249":
            assert writer.poll() is None
        writer.kill()
    before, after = read(path), read(tmp_path / f"out.part{suffix}")
    assert len(after.times) >= 200  # of 250 at 25 a second; the encoder had kept some of the rest
    close = Fraction(1, 1000)
    assert all(abs(a - b) <= close for a, b in zip(after.times[:200], before.times[:200], strict=True))
    [sound] = after.others
    assert sound.times[-1] - sound.times[0] >= 7


@pytest.mark.parametrize(("rate", "frames"), [(30, 61), (30, 62), (25, 26), (5, 56), (1, 20)])
def test_a_file_has_its_last_frame(tmp_path, rate, frames):
    path = make_clip(tmp_path / "in.mp4", rate=rate, time_base=Fraction(1, rate), pts=range(frames))
    convert(path, tmp_path / "out.mp4")
    assert len(read(tmp_path / "out.mp4").times) == frames


@pytest.mark.parametrize("kind", ["video", "photo"])
def test_a_file_named_like_the_part_is_left_alone(tmp_path, kind):
    if kind == "video":
        path, output = make_clip(tmp_path / "clip.part.mp4"), tmp_path / "clip.mp4"
    else:
        path, output = tmp_path / "clip.part.png", tmp_path / "clip.png"
        Image.fromarray(draw(0)).save(path)
    before = path.read_bytes()
    convert(path, output)
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == sorted([path, output])


def test_two_runs_to_one_output_lose_nothing(tmp_path):
    output = tmp_path / "out.mp4"

    def sink(value, count):
        sink = VideoSink(output, rate=Fraction(25))
        for index in range(count):
            picture = np.full((48, 64, 3), value, np.uint8)
            sink.write(Frame.from_rgb(picture, index, Fraction(1, 25), index))
        return sink

    first, second = sink(40, 5), sink(200, 8)
    second.__exit__(None, None, None)
    with pytest.raises(UserError, match=r"made this file meanwhile; yours is .*out\.part\.mp4"):
        first.__exit__(None, None, None)
    assert len(read(output).times) == 8
    assert len(read(tmp_path / "out.part.mp4").times) == 5
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("links", [True, False])
def test_publishing_replaces_only_what_it_is_told_to(tmp_path, monkeypatch, links):
    if not links:  # a memory card's file system
        monkeypatch.setattr(os, "link", lambda *names: (_ for _ in ()).throw(PermissionError(1, "not permitted")))
    path = tmp_path / "out.png"
    parts = [make_part(path) for _ in range(3)]
    assert [part.name for part in parts] == ["out.part.png", "out.part-2.png", "out.part-3.png"]
    for part in parts:
        part.write_text(part.name)
    publish(parts[0], path, overwrite=False)
    assert path.read_text() == "out.part.png"
    with pytest.raises(UserError, match="made this file meanwhile"):
        publish(parts[1], path, overwrite=False)
    assert path.read_text() == "out.part.png"
    publish(parts[2], path, overwrite=True)
    assert path.read_text() == "out.part-3.png"
    assert sorted(tmp_path.iterdir()) == [parts[1], path]
    assert parts[1].read_text() == "out.part-2.png"
    with pytest.raises(UserError, match="cannot be created"):
        publish(tmp_path / "gone.png", tmp_path / "other.png", overwrite=False)
    assert not (tmp_path / "other.png").exists()


def test_the_longest_names(tmp_path):
    path = make_clip(tmp_path / "in.mp4").rename(tmp_path / f"{'é' * 125}.mp4")
    convert(path, default_output(path))
    assert default_output(path).name == f"{'é' * 123}.toon.mp4"
    assert len(read(default_output(path)).times) == FRAMES
    assert len(list(tmp_path.iterdir())) == 2


def test_an_error_before_the_first_frame_leaves_nothing(tmp_path):
    path = make_clip(tmp_path / "in.mp4")
    with pytest.raises(KeyboardInterrupt), open_source(path) as source, open_sink(tmp_path / "out.mp4", source):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_overwritten_unless_asked(tmp_path):
    path = make_clip(tmp_path / "in.mp4")
    output = tmp_path / "out.mp4"
    output.write_text("precious")
    with pytest.raises(InputError, match=r"out\.mp4: the file is there already"):
        convert(path, output)
    assert output.read_text() == "precious"
    convert(path, output, overwrite=True)
    assert len(read(output).times) == FRAMES
    with pytest.raises(InputError, match="the input itself"):
        convert(path, path, overwrite=True)


@pytest.mark.parametrize(
    ("name", "reason"), [("out.xyz", "name the output"), ("none/out.mp4", "no folder"), ("out.jpg", "name the output")]
)
def test_outputs_that_cannot_be(tmp_path, name, reason):
    path = make_clip(tmp_path / "in.mp4")
    with pytest.raises(InputError, match=reason):
        convert(path, tmp_path / name)
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module", params=[".mp4", ".mkv", ".ts"])
def large_clip(request, tmp_path_factory):
    """Of more bytes than the disk has."""
    path = tmp_path_factory.mktemp("large") / f"in{request.param}"
    return make_clip(path, size=(320, 240), options={"qp": "8"}, pts=range(60))


@pytest.mark.parametrize("limit", [0, 20_000, 60_000])
def test_a_full_disk_is_told_and_what_was_drawn_stays(tmp_path, large_clip, limit):
    suffix = large_clip.suffix
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(UserError, match=r"out\.\w+: the disk is full") as caught:
            convert(large_clip, tmp_path / f"out{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.status == 1
    part = tmp_path / f"out.part{suffix}"
    assert list(tmp_path.iterdir()) == ([part] if limit else [])
    if limit and suffix != ".mp4":  # whose index comes last
        assert 10 < len(read(part).times) < 60


def test_a_camera_can_be_recorded(tmp_path):
    with VideoSink(tmp_path / "out.mp4", rate=Fraction(30)) as sink:
        for index in range(10):
            sink.write(Frame.from_rgb(np.full((48, 64, 3), 20 * index, np.uint8), 40 * index, Fraction(1, 1000), index))
    facts = read(tmp_path / "out.mp4")
    assert facts.times == [Fraction(index, 25) for index in range(10)]
    assert facts.tags == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("name", "output"),
    [("a.mp4", "a.toon.mp4"), ("a.b.MOV", "a.b.toon.MOV"), ("a.gif", "a.toon.mp4"), ("a.wmv", "a.toon.mkv")],
)
def test_default_outputs(tmp_path, name, output):
    assert default_output(tmp_path / name) == tmp_path / output
