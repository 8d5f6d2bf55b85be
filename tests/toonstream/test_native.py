"""Pictures that change their size on the way keep their shape, in the size of the largest."""

from fractions import Fraction

import av
import numpy as np
import pytest
from support.clips import convert, make_clip, read

from toonstream.picture import planes
from toonstream.sources.native import Native


def picture(width, height, pix_fmt="yuv420p", full=False):
    """White, but for a black square in the middle."""
    rgb = np.full((height, width, 3), 255, np.uint8)
    side = min(width, height) // 4
    rgb[height // 2 - side : height // 2 + side, width // 2 - side : width // 2 + side] = 0
    made = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pix_fmt, dst_color_range=2 if full else 1)
    made.color_range = 2 if full else 1
    made.pts, made.time_base = width, Fraction(1, 1000)
    return made


def square(made):
    """Width and height of the white part and of the square in it, as seen in the middle."""
    white = made.to_ndarray(format="gray") > 128
    row, column = white[made.height // 2], white[:, made.width // 2]
    return tuple(int(np.ptp(np.flatnonzero(line))) + 1 for line in (row, column)), tuple(
        int((~line[slice(*np.flatnonzero(line)[[0, -1]])]).sum()) for line in (row, column)
    )


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("size", [(160, 120), (640, 480), (90, 160)])
def test_a_picture_of_another_size_goes_into_the_middle(pix_fmt, full, size):
    notices = []
    native = Native(notices)
    first = picture(320, 180, pix_fmt, full)
    assert native(first).width == 320
    made = native(picture(*size, pix_fmt, full))
    assert (made.width, made.height, made.pts) == (320, 180, size[0])
    (width, height), (wide, high) = square(made)
    assert abs(height - 180) <= 2
    assert abs(width - 180 * size[0] / size[1]) <= 3
    assert abs(wide - high) <= 3
    assert wide > 40
    black = (0 if full else 16, 128)
    assert [int(plane[0, 0].flat[0]) for plane in planes(made)[:2]] == list(black)
    assert notices[-1] == "the picture changes its size on the way; all of it was scaled to 320x180"


@pytest.mark.parametrize("size", [(65, 49), (66, 49), (2, 2), (1, 300), (3, 1)])
def test_odd_sizes(size):
    native = Native([], (67, 51))
    made = native(picture(*size, "yuv420p"))
    assert (made.width, made.height) == (67, 51)


def test_pixels_that_are_no_squares_are_shown_as_they_are():
    native = Native([])
    native(picture(320, 180), Fraction(1))
    (width, height), _ = square(native(picture(144, 108), Fraction(4, 3)))  # 16:9 on the screen
    assert (width, height) == (320, 180)


def test_a_call_comes_out_in_its_largest_size(tmp_path):
    output = tmp_path / "in.webm"
    kind = {"encoder": "libvpx", "sound": None, "options": {"cpu-used": "8"}, "pts": range(4)}
    parts = [make_clip(tmp_path / f"{w}.webm", size=(w, h), **kind) for w, h in ((64, 48), (160, 90), (120, 90))]
    with av.open(str(output), "w") as joined:
        copy, stamp = None, 0
        for part in parts:
            with av.open(str(part)) as container:
                copy = copy or joined.add_stream_from_template(container.streams.video[0], opaque=True)
                for packet in container.demux(video=0):
                    if packet.size:
                        packet.stream, packet.pts, packet.dts = copy, stamp, stamp
                        stamp += 40
                        joined.mux(packet)
    notice = "the picture changes its size on the way; all of it was scaled to 160x90"
    assert convert(output, tmp_path / "out.webm") == [notice]
    facts = read(tmp_path / "out.webm")
    assert (facts.size, len(facts.times)) == ((160, 90), 12)
    with av.open(str(tmp_path / "out.webm")) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    for index, beside in ((1, 18), (5, 0), (9, 18)):
        columns = pictures[index].mean(0) < 25
        assert abs(int(columns[:80].sum()) - beside) <= 3
        assert abs(int(columns[80:].sum()) - beside) <= 3
