"""Sources and sinks of other packages, found by their entry points."""

import tomllib
from contextlib import ExitStack
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image
from support.clips import make_clip
from support.docs import block
from support.fake_controls import FakeControls
from toonstream_engines.errors import UserError

from toonstream.choose import default_output, open_live_sinks, open_live_source, open_sink, open_source
from toonstream.frame import Frame
from toonstream.sources import CaptureRequest

EXTRA = """
class Elsewhere:
    def __init__(self, name, request):
        self.description = f"{name} at {request.rate}"
"""


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """The package of docs/add-source-or-sink.md and a bit more, as pip leaves it."""
    page = "add-source-or-sink.md"
    folder = tmp_path / "site-packages"
    information = folder / "toonstream_frames-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / "toonstream_frames.py").write_text(block(page, "toonstream_frames.py") + EXTRA)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toonstream-frames\nVersion: 1.0\n")
    points = tomllib.loads(block(page, "pyproject.toml"))["project"]["entry-points"]
    points["toonstream.sources"] |= {
        ".mp4": "toonstream_frames:FramesSource",
        "toy": "toonstream_frames:Elsewhere",
        "broken": "toonstream_frames:missing",
    }
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {point}\n" for name, point in points[group].items()) for group in points
    ]
    (information / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(folder)


def test_files_by_suffix(tmp_path):
    frames = np.random.default_rng(1).integers(0, 256, (3, 8, 10, 3), np.uint8)
    path = tmp_path / "a.FRAMES"
    np.save(path.open("wb"), frames)
    with open_source(path) as source, open_sink(default_output(path), source) as sink:
        assert (source.size, source.length) == ((10, 8), 3)
        for frame in source:
            sink.write(frame)
    assert np.array_equal(np.load(tmp_path / "a.toon.FRAMES"), frames)


def test_what_is_built_in_goes_first(tmp_path):
    with open_source(make_clip(tmp_path / "clip.mp4")) as source:
        assert type(source).__module__ == "toonstream.sources.video"


def test_live_by_scheme(tmp_path):
    source = open_live_source("toy://7", CaptureRequest(rate=12))
    assert source.description == "toy://7 at 12"
    path = tmp_path / "now.png"
    with ExitStack() as opened:
        (sink,) = open_live_sinks(f"still:{path}", source, FakeControls(["cel"]), opened)
        sink.write(Frame.from_rgb(np.full((8, 10, 3), (255, 0, 0), np.uint8), 0, Fraction(1, 25), 0))
    assert np.asarray(Image.open(path)).tolist() == [[[255, 0, 0]] * 10] * 8


def test_a_package_that_does_not_load_is_named():
    with pytest.raises(UserError, match=r"broken: toonstream-frames, which .* load \(.*missing.*reinstall"):
        open_live_source("broken:1", CaptureRequest())
