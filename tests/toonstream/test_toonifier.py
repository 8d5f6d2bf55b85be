"""The Python interface: a frame in, a frame out."""

from fractions import Fraction

import av
import numpy as np
import pytest
from support import CLIP
from support.tiny_style import save_style

from toonstream import Toonifier
from toonstream.frame import Frame


@pytest.fixture(scope="module")
def toonifier(tmp_path_factory):
    with Toonifier(save_style(tmp_path_factory.mktemp("style")), backend="onnxruntime") as toonifier:
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


def test_faces_limits_how_many_are_drawn(toonifier, pictures):
    two = np.hstack([pictures[0], pictures[0][:, ::-1]])
    frame = Frame.from_rgb(np.ascontiguousarray(two), 0, Fraction(1, 25), 0)
    toonifier.forget()
    assert len(toonifier.see(frame)) == 2
    toonifier.forget()
    toonifier._faces = 1
    assert len(toonifier.see(frame)) == 1


def test_a_face_keeps_its_crop_size_through_small_changes(toonifier, pictures):
    """Between two sizes it would jump to and fro, and the drawing's detail with it."""
    frame = Frame.from_rgb(pictures[0], 0, Fraction(1, 25), 0)
    toonifier._faces = None
    toonifier.forget()
    faces = toonifier.see(frame)
    [toon] = toonifier.draw(frame, faces)
    toonifier._sizes = {faces[0].identity: toon.picture.shape[0] + 32}
    [again] = toonifier.draw(frame, faces)
    assert again.picture.shape[0] == toon.picture.shape[0] + 32
