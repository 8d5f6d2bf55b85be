"""`toonstream live` into the kernel's own virtual camera, and what other programs read from it.

It wants vivid, the kernel's test webcam, at /dev/video20, and v4l2loopback at /dev/video10, which nobody else uses;
test_virtual_camera_vm.py runs it in a machine that has them.
"""

import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from support import CLIP as SAMPLE
from support import stamps

from toonstream.sources.video import VideoSource
from toonstream.toonifier import Toonifier

WEBCAM, VIRTUAL = Path("/dev/video20"), Path("/dev/video10")
NAMES = {"vivid-000-vid-cap": WEBCAM, "ToonStream": VIRTUAL}


def is_there(name: str, device: Path) -> bool:
    file = Path("/sys/class/video4linux") / device.name / "name"
    return file.exists() and file.read_text().strip() == name


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(is_there(*pair) for pair in NAMES.items()),
        reason=f"needs vivid at {WEBCAM} and a v4l2loopback called ToonStream at {VIRTUAL}",
    ),
]

SIZE = 336, 252  # as wide as stamps come out whole
FRAMES, RATE = 360, Fraction(5, 2)  # so slow that an emulated machine puts out several before it begins again

# At 75 %, as vivid's picture has them from left to right.
BARS = [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191], [0, 0, 0]]

OPTIONS = {"crf": "6", "preset": "ultrafast"}

SECONDS = 300
"""For what takes a few on a machine that is not emulated."""


def command(*arguments: object) -> list[str]:
    main = "import sys; from toonstream.commands import main; sys.exit(main())"
    return [sys.executable, "-u", "-c", main, "live", *map(str, arguments), "--backend", "onnxruntime"]


@contextmanager
def live(log: Path, *arguments: object) -> Iterator[list[str]]:
    """`toonstream live` as it runs: its first two lines. log: where its figures and complaints go."""
    with log.open("wb") as errors:
        process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield [process.stdout.readline().strip() for _ in range(2)]
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(SECONDS)
        print(log.read_text())
    assert status == 0


def until_it_rests(log: Path) -> None:
    end = time.monotonic() + SECONDS
    while not any(line.startswith("idle") for line in log.read_text().splitlines()):
        assert time.monotonic() < end
        time.sleep(0.2)


def seen_by(program: str, device: Path, count: int, file: Path) -> np.ndarray:
    """RGB uint8 (count, h, w, 3), each unlike the one before; by a process of its own."""
    script = Path(__file__).parents[1] / "support" / "read_camera.py"
    subprocess.run([sys.executable, script, program, device, str(count), file], check=True, timeout=SECONDS)
    return np.load(file)


def make_clip(path: Path) -> None:
    """Somebody talks, forwards and backwards; each frame has its number on it."""
    dimensions = {"width": SIZE[0], "height": SIZE[1]}
    with av.open(SAMPLE) as sample, av.open(path, "w") as output:
        stream = output.add_stream("libx264", rate=RATE, options=OPTIONS, **dimensions)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        there = [picture.to_ndarray(format="rgb24", **dimensions) for picture in sample.decode(video=0)]
        for index, rgb in enumerate((there + there[::-1])[:FRAMES]):
            stamps.draw(rgb, index)
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
            output.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=1)))
        output.mux(stream.encode(None))


def made_of(clip: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    """A frame of the clip and its cartoon, int (h, w, 3)."""
    with VideoSource(clip) as source, Toonifier(backend="onnxruntime") as toonifier:
        frame = next(itertools.islice(source, number, None))
        return frame.rgb().astype(int), toonifier(frame).rgb().astype(int)


def test_a_webcam_into_the_virtual_camera(tmp_path):
    """Nobody is seen there, so that the picture is blurred; its colours are the webcam's."""
    log = tmp_path / "log"
    with live(log, "--from", WEBCAM, "--size", "640x360", "--rate", 5) as told:
        assert told[0].startswith("from vivid (/dev/video20), 640x360 at 5 frames a second")
        assert told[1] == f"to virtual camera {VIRTUAL}, 640x360"
        until_it_rests(log)
        pictures = seen_by("opencv", VIRTUAL, 2, tmp_path / "seen.npy")
    assert pictures.shape == (2, 360, 640, 3)
    for picture in pictures:
        bars = picture[230:350].reshape(120, 8, 80, 3)[:, :, 30:50].mean((0, 2))
        assert np.abs(bars - BARS).max() < 40


def test_a_face_is_a_cartoon_there(tmp_path):
    """The device was used before, by the test above, and is as good as new."""
    clip, log = tmp_path / "clip.mp4", tmp_path / "log"
    make_clip(clip)
    with live(log, "--from", clip, "--to", f"virtualcam:{VIRTUAL}") as told:
        assert told[1] == f"to virtual camera {VIRTUAL}, {SIZE[0]}x{SIZE[1]}"
        pictures = seen_by("ffmpeg", VIRTUAL, 6, tmp_path / "seen.npy")
    numbers = [stamps.read(picture) for picture in pictures]
    first = next(index for index, number in enumerate(numbers) if number is not None)  # before, all is blurred
    steps = np.diff(numbers[first:]) % FRAMES
    print(f"after {first} blurred ones: {numbers[first:]}")
    assert (steps < FRAMES / 2).all()
    assert (steps > 0).sum() >= 3
    last_of_each = dict(zip(numbers[first:], pictures[first:].astype(int), strict=True))
    for number, picture in list(last_of_each.items())[-3:]:
        source, cartoon = made_of(clip, number)
        np.savez(tmp_path / f"{number}.npz", source=source, cartoon=cartoon, picture=picture)
        drawn, left = np.abs(cartoon - source).max(2) > 16, (cartoon == source).all(2)
        from_cartoon, from_source = (np.abs(picture - other)[drawn].mean() for other in (cartoon, source))
        colour = np.abs((picture - cartoon)[drawn].mean(0)).max()
        around = np.abs(picture - source)[left].mean()
        print(f"{number}, {drawn.mean():.1%} drawn: {from_cartoon:.1f} from cartoon, {from_source:.1f} from source")
        print(f"in colour {colour:.1f} from cartoon; elsewhere {around:.1f} from source")
        assert drawn.mean() > 0.005
        assert from_cartoon < from_source / 2
        assert colour < 5
        assert around < 4


def test_two_virtual_cameras_where_there_is_one():
    """Also tells whether it can be had again after the tests above."""
    two = command("--from", WEBCAM, "--to", "virtualcam", "--to", "virtualcam")
    result = subprocess.run(two, capture_output=True, text=True, timeout=SECONDS)
    print(result.stderr)
    assert result.returncode == 1
    assert result.stderr.startswith(f"toonstream: virtual camera: none is free; {VIRTUAL} in use, by another")
    assert "modprobe v4l2loopback exclusive_caps=1 devices=2" in result.stderr
    assert result.stderr.count("\n") == 1
