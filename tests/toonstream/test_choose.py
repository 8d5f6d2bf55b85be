"""Sources and sinks of other packages, found by their entry points."""

from contextlib import ExitStack
from fractions import Fraction

import numpy as np
import pytest
from support.clips import make_clip
from support.fake_controls import FakeControls
from toonstream_engines.errors import UserError

from toonstream.choose import default_output, open_live_sinks, open_live_source, open_sink, open_source
from toonstream.frame import Frame
from toonstream.sources import CaptureRequest

PACKAGE = '''
import numpy as np
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from toonstream.frame import Frame


class Pile:
    """A file of frames, as an array (frames, height, width, 3)."""

    rate, live, notices = Fraction(25), False, []

    def __init__(self, path):
        self.frames = np.load(path)
        self.length, height, width = self.frames.shape[:3]
        self.size = width, height

    def __iter__(self):
        return (Frame.from_rgb(rgb, i, 1 / self.rate, i) for i, rgb in enumerate(self.frames))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


class PileSink:
    notices = []

    def __init__(self, path, source, overwrite):
        self.path, self.frames = path, []

    def write(self, frame):
        self.frames.append(frame.rgb())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        np.save(self.path.open("wb"), np.stack(self.frames))


def live_pile(name, source, controls):
    return PileSink(Path(name.removeprefix("toy:")), source, overwrite=True)


def camera(name, request):
    return SimpleNamespace(description=f"{name} at {request.rate}")
'''

ENTRY_POINTS = """
[toonstream.sources]
.pile = toy_package:Pile
.mp4 = toy_package:Pile
toy = toy_package:camera
broken = toy_package:missing

[toonstream.sinks]
.pile = toy_package:PileSink
toy = toy_package:live_pile
"""


@pytest.fixture(autouse=True)
def package(tmp_path, monkeypatch):
    """A package as pip leaves it."""
    folder = tmp_path / "site-packages"
    information = folder / "toy_package-1.0.dist-info"
    information.mkdir(parents=True)
    (folder / "toy_package.py").write_text(PACKAGE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-package\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(folder)


def test_files_by_suffix(tmp_path):
    frames = np.random.default_rng(1).integers(0, 256, (3, 8, 10, 3), np.uint8)
    path = tmp_path / "a.PILE"
    np.save(path.open("wb"), frames)
    with open_source(path) as source, open_sink(default_output(path), source) as sink:
        assert (source.size, source.length) == ((10, 8), 3)
        for frame in source:
            sink.write(frame)
    assert np.array_equal(np.load(tmp_path / "a.toon.PILE"), frames)


def test_what_is_built_in_goes_first(tmp_path):
    with open_source(make_clip(tmp_path / "clip.mp4")) as source:
        assert type(source).__module__ == "toonstream.sources.video"


def test_live_by_scheme(tmp_path):
    source = open_live_source("toy://7", CaptureRequest(rate=12))
    assert source.description == "toy://7 at 12"
    frame = Frame.from_rgb(np.zeros((8, 10, 3), np.uint8), 0, Fraction(1, 25), 0)
    with ExitStack() as opened:
        (sink,) = open_live_sinks(f"toy:{tmp_path / 'live.pile'}", source, FakeControls(["cel"]), opened)
        sink.write(frame)
    assert np.load(tmp_path / "live.pile").shape == (1, 8, 10, 3)  # it was closed with the rest


def test_a_package_that_does_not_load_is_named():
    with pytest.raises(UserError, match=r"broken: toy-package, which handles it, does not load \(.*missing.*reinstall"):
        open_live_source("broken:1", CaptureRequest())
