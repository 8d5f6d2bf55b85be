"""The Python interface: a frame in, a frame out."""

import shutil
from fractions import Fraction

import av
import numpy as np
import pytest
from support import CLIP
from support.tiny_style import save_style, truth
from toonstream_engines.sharpen import sharpened

from toonstream import Toonifier
from toonstream import toonifier as toonifier_module
from toonstream.faces import framing
from toonstream.faces.crop import crop
from toonstream.frame import Frame
from toonstream.live.session import Session
from toonstream.steady import steadied


@pytest.fixture(scope="module")
def style(tmp_path_factory):
    return save_style(tmp_path_factory.mktemp("style"))


@pytest.fixture(scope="module")
def toonifier(style):
    with Toonifier(style, backend="onnxruntime") as toonifier:
        yield toonifier


@pytest.fixture(scope="module")
def pictures():
    with av.open(CLIP) as clip:
        return [frame.to_ndarray(format="rgb24") for _, frame in zip(range(3), clip.decode(video=0), strict=False)]


def test_an_array_in_an_array_out(toonifier, pictures):
    before = [picture.copy() for picture in pictures]
    toons = [toonifier(picture) for picture in pictures]
    for picture, toon, kept in zip(pictures, toons, before, strict=True):
        assert toon.shape == picture.shape
        assert toon.dtype == np.uint8
        assert np.abs(toon[180:240, 280:360].astype(int) - picture[180:240, 280:360]).mean() > 20
        assert np.array_equal(toon[:, :60], picture[:, :60])
        assert np.array_equal(picture, kept)


def test_a_frame_in_a_frame_out(toonifier, pictures):
    frame = Frame.from_rgb(pictures[0], 7, Fraction(1, 25), 3)
    toon = toonifier(frame)
    assert (toon.pts, toon.time_base, toon.index) == (7, Fraction(1, 25), 3)
    assert not np.array_equal(toon.rgb(), frame.rgb())


def test_faces_limits_how_many_are_drawn(toonifier, pictures, style):
    two = np.hstack([pictures[0], pictures[0][:, ::-1]])
    frame = Frame.from_rgb(np.ascontiguousarray(two), 0, Fraction(1, 25), 0)
    toonifier.reset()
    assert len(toonifier.see(frame)) == 2
    with Toonifier(style, backend="onnxruntime", faces=1) as one:
        assert len(one.see(frame)) == 1


@pytest.mark.parametrize("faces", [0, -1, 1.5, True, "all"])
def test_numbers_of_faces_that_cannot_be(faces):
    for opened in (Toonifier, Session):
        with pytest.raises(ValueError, match=f"faces={faces!r}: a whole number from 1, or None"):
            opened("no style is looked for", faces=faces)


@pytest.mark.parametrize(
    ("picture", "got"),
    [
        (np.zeros((48, 64, 4), np.uint8), r"uint8 \(48, 64, 4\)"),
        (np.zeros((48, 64), np.uint8), r"uint8 \(48, 64\)"),
        (np.zeros((48, 64, 3), np.float32), r"float32 \(48, 64, 3\)"),
        (np.zeros((0, 64, 3), np.uint8), r"uint8 \(0, 64, 3\)"),
        (np.zeros((2, 48, 64, 3), np.uint8), r"uint8 \(2, 48, 64, 3\)"),
        ([[[0, 0, 0]]], "list"),
        (None, "NoneType"),
    ],
)
def test_pictures_that_are_not_rgb(toonifier, picture, got):
    needs = rf"needs RGB uint8 \(H, W, 3\); got {got}$"
    with pytest.raises(ValueError, match=f"^Toonifier {needs}"):
        toonifier(picture)
    with pytest.raises(ValueError, match=rf"^Frame\.from_rgb {needs}"):
        Frame.from_rgb(picture, 0, Fraction(1, 25), 0)


def test_a_style_that_is_no_engine(toonifier, pictures):
    before = toonifier.engine
    for wrong in ("film", None):
        with pytest.raises(TypeError, match="restyle needs an Engine, as open_engine gives it; got "):
            toonifier.restyle(wrong)
    assert toonifier.engine is before
    assert toonifier(pictures[0]).shape == pictures[0].shape


def test_a_face_keeps_its_crop_size_through_small_changes(toonifier, pictures):
    """Between two sizes it would jump to and fro, and the drawing's detail with it."""
    frame = Frame.from_rgb(pictures[0], 0, Fraction(1, 25), 0)
    toonifier.reset()
    faces = toonifier.see(frame)
    [toon] = toonifier.draw(frame, faces)
    toonifier._sizes = {faces[0].identity: toon.picture.shape[0] + 32}
    [again] = toonifier.draw(frame, faces)
    assert again.picture.shape[0] == toon.picture.shape[0] + 32


def test_each_face_is_steadied_beside_itself_in_the_frame_before(toonifier, pictures):
    dark, light = (Frame.from_rgb(pictures[0] // 2 + np.uint8(more), 0, Fraction(1, 25), 0) for more in (0, 10))
    toonifier.reset()
    faces = toonifier.see(dark)
    first, second = (toonifier.draw(frame, faces)[0].picture for frame in (dark, light))
    toonifier.reset()
    alone = toonifier.draw(light, faces)[0].picture
    assert np.array_equal(second, steadied(alone, first))
    assert not np.array_equal(second, alone)


def test_cartoons_are_sharpened_as_their_style_says_after_they_are_steadied(style, toonifier, pictures, tmp_path):
    sharp = shutil.copytree(style, tmp_path / "sharp")
    (sharp / "card.toml").write_text("sharpen = 4\n" + (style / "card.toml").read_text())
    frames = [Frame.from_rgb(pictures[0] // 2 + np.uint8(more), 0, Fraction(1, 25), 0) for more in (0, 10)]
    toonifier.reset()
    faces = toonifier.see(frames[0])
    calm = [toonifier.draw(frame, faces)[0].picture for frame in frames]
    with Toonifier(sharp, backend="onnxruntime") as other:
        drawn = [other.draw(frame, faces)[0].picture for frame in frames]
    for picture, soft in zip(drawn, calm, strict=True):
        assert np.array_equal(picture, sharpened(soft, 4))
        assert not np.array_equal(picture, soft)


def test_a_style_of_small_faces_is_drawn_at_its_own_size(tmp_path, pictures):
    frame = Frame.from_rgb(pictures[0], 0, Fraction(1, 25), 0)
    with Toonifier(save_style(tmp_path / "small", size=96), backend="onnxruntime") as toonifier:
        [toon] = toonifier.draw(frame, toonifier.see(frame))
        assert np.array_equal(toon.picture, truth(crop(frame, toon.matrix, 96)[None])[0])


@pytest.mark.parametrize("name", ["landmarks", "chart"])
def test_a_style_with_a_second_input_and_a_matte(tmp_path, pictures, monkeypatch, name):
    """It gets what belongs to the crop: the tiny network adds the landmarks' mean, or the chart's last plane."""
    charts = []

    def chart(crop, port):
        assert 0.3 < crop.landmarks[:, 1].mean() / crop.size < 0.7
        charts.append(np.full((crop.size // 2, crop.size // 2, port.shape[3]), 80, np.uint8))
        return charts[-1]

    monkeypatch.setitem(toonifier_module.INPUTS, "chart", chart)
    folder = save_style(tmp_path / "two", inputs=["image", name], outputs=["toon", "matte"])
    frame = Frame.from_rgb(np.hstack([pictures[0], pictures[0]]), 0, Fraction(1, 25), 0)
    with Toonifier(folder, backend="onnxruntime") as toonifier:
        faces = toonifier.see(frame)
        toons = toonifier.draw(frame, faces)
        assert len(toons) == 2
        for face, toon in zip(faces, toons, strict=True):
            size = toon.picture.shape[0]
            added = {"landmarks": framing.apply(toon.matrix, face.points).mean(), "chart": 80.0}[name]
            image = crop(frame, toon.matrix, size)[None]
            expected = truth(image, np.full((1, 5, 2), added, np.float32))[0]
            assert np.abs(toon.picture.astype(int) - expected).max() <= 1
            assert np.array_equal(toon.matte, toon.picture[..., :1])
        assert len(charts) == (2 if name == "chart" else 0)
        assert not np.array_equal(toonifier.composite(frame, toons).rgb(), frame.rgb())
