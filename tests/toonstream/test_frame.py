"""A frame's RGB against the formulas of the standards, and blending that touches nothing else."""

import subprocess
import sys
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from toonstream.frame import NATIVE_FORMATS, Frame, Patch, Rect
from toonstream.orientation import UPRIGHT, Orientation
from toonstream.picture import planes

LIMITED, FULL = 1, 2
MATRICES = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
ORIENTATIONS = [Orientation(bool(n & 1), bool(n & 2), bool(n & 4)) for n in range(8)]
YUV_FORMATS = sorted(NATIVE_FORMATS - {"rgb24"})
random = np.random.default_rng(7)


def smooth(width, height):
    """A picture with every hue and no sharp edges, RGB uint8 (h, w, 3)."""
    coarse = random.integers(0, 256, (max(2, height // 12), max(2, width // 12), 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def frame_of(rgb, name, matrix=1, scale=LIMITED, orientation=UPRIGHT):
    """A frame that stores the RGB in that format, by the formulas; chroma is the mean of the pixels that share it."""
    height, width = rgb.shape[:2]
    picture = av.VideoFrame(width, height, name)
    picture.colorspace, picture.color_range = matrix, scale
    picture.pts, picture.time_base = 3, Fraction(1, 25)
    kr, kb = MATRICES[matrix]
    r, g, b = rgb.astype(float).transpose(2, 0, 1) / 255
    luma = kr * r + (1 - kr - kb) * g + kb * b
    chroma = np.stack([(b - luma) / 2 / (1 - kb), (r - luma) / 2 / (1 - kr)], axis=-1)
    luma, chroma = (luma * 255, chroma * 255 + 128) if scale == FULL else (luma * 219 + 16, chroma * 224 + 128)
    stored = planes(picture)
    if name == "rgb24":
        stored[0][:] = rgb
        return Frame(picture, 0, 3, Fraction(1, 25), orientation=orientation)
    stored[0][:] = np.rint(luma)
    rows, columns = stored[1].shape[:2]
    padded = np.pad(chroma, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
    step_y, step_x = -(-height // rows), -(-width // columns)
    padded = padded[: rows * step_y, : columns * step_x]
    means = np.rint(padded.reshape(rows, step_y, columns, step_x, 2).mean(axis=(1, 3)))
    if name == "nv12":
        stored[1][:] = means
    else:
        stored[1][:], stored[2][:] = means[..., 0], means[..., 1]
    return Frame(picture, 0, 3, Fraction(1, 25), orientation=orientation)


def expected_rgb(frame):
    """RGB float (h, w, 3) of the stored planes by the formulas, chroma repeated."""
    picture = frame.picture
    if picture.format.name == "rgb24":
        return planes(picture)[0].astype(float)
    stored = planes(picture)
    luma = stored[0].astype(float)
    chroma = stored[1] if len(stored) == 2 else np.stack(stored[1:], axis=-1)
    step_y, step_x = -(-luma.shape[0] // chroma.shape[0]), -(-luma.shape[1] // chroma.shape[1])
    chroma = chroma.astype(float).repeat(step_y, 0).repeat(step_x, 1)[: luma.shape[0], : luma.shape[1]] - 128
    luma, chroma = (luma / 255, chroma / 255) if picture.color_range == FULL else ((luma - 16) / 219, chroma / 224)
    kr, kb = MATRICES[picture.colorspace]
    red, blue = luma + 2 * (1 - kr) * chroma[..., 1], luma + 2 * (1 - kb) * chroma[..., 0]
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.stack([red, green, blue], axis=-1) * 255, 0, 255)


def bytes_of(frame):
    return [plane.copy() for plane in planes(frame.picture)]


@pytest.mark.parametrize("scale", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", YUV_FORMATS)
def test_rgb_follows_matrix_and_range(name, matrix, scale):
    scale = FULL if name.startswith("yuvj") else scale
    frame = frame_of(smooth(64, 48), name, matrix, scale)
    assert abs(frame.rgb() - expected_rgb(frame)).max() <= 1


@pytest.mark.parametrize("size", [(64, 48), (65, 49)])
@pytest.mark.parametrize("name", sorted(NATIVE_FORMATS))
def test_any_rectangle_is_cut_from_the_whole(name, size):
    frame = frame_of(smooth(*size), name, scale=FULL)
    whole = frame.rgb()
    for rect in [Rect(0, 0, 1, 1), Rect(3, 5, 20, 30), Rect(10, 8, 42, 40), Rect(1, 1, *size), Rect(0, 0, *size)]:
        part = frame.rgb(rect)
        assert part.shape == (rect.height, rect.width, 3)
        assert (part == whole[rect.top : rect.bottom, rect.left : rect.right]).all()


@pytest.mark.parametrize("rect", [Rect(0, 0, 128, 96), Rect(16, 32, 112, 80), Rect(15, 31, 111, 79)])
def test_small_pictures_are_averages(rect):
    frame = frame_of(smooth(128, 96), "yuv420p")
    size = rect.width // 4, rect.height // 4
    whole = expected_rgb(frame)[rect.top : rect.bottom, rect.left : rect.right]
    means = whole.reshape(size[1], 4, size[0], 4, 3).mean(axis=(1, 3))
    assert abs(frame.rgb(rect, size) - means).max() <= 2


def test_rgb_is_a_copy():
    frame = Frame.from_rgb(smooth(32, 32), 0, Fraction(1, 25), 0)
    before = frame.rgb()
    frame.rgb()[:] = 0
    assert (frame.rgb() == before).all()


@pytest.mark.parametrize("name", sorted(NATIVE_FORMATS))
@pytest.mark.parametrize("rect", [Rect(8, 8, 40, 40), Rect(7, 9, 40, 41), Rect(0, 0, 65, 49), Rect(33, 21, 65, 49)])
def test_what_the_matte_leaves_out_stays_bit_for_bit(name, rect):
    frame = frame_of(smooth(65, 49), name, scale=FULL)
    before = bytes_of(frame)
    blots = np.maximum(random.integers(-256, 256, (8, 8)), 0).astype(np.uint8)
    matte = cv2.resize(blots, (rect.width, rect.height), interpolation=cv2.INTER_NEAREST)
    blended = frame.blend([Patch(rect, smooth(rect.width, rect.height), matte)])
    untouched = np.ones((49, 65), bool)
    untouched[rect.top : rect.bottom, rect.left : rect.right] = matte == 0
    for old, new in zip(before, planes(blended.picture), strict=True):
        step_y, step_x = -(-49 // old.shape[0]), -(-65 // old.shape[1])
        padded = np.pad(untouched, ((0, -49 % step_y), (0, -65 % step_x)))
        any_untouched = padded.reshape(old.shape[0], step_y, old.shape[1], step_x).any(axis=(1, 3))
        assert (old[any_untouched] == new[any_untouched]).all()
        assert (old != new).any()
    assert all((old == now).all() for old, now in zip(before, bytes_of(frame), strict=True))  # and the frame itself


@pytest.mark.parametrize("name", sorted(NATIVE_FORMATS))
def test_its_own_rgb_changes_nothing(name):
    frame = frame_of(smooth(64, 48), name, scale=FULL)
    rect = Rect(5, 6, 57, 40)
    blended = frame.blend([Patch(rect, frame.rgb(rect), np.full((34, 52), 255, np.uint8))])
    for old, new in zip(planes(frame.picture), planes(blended.picture), strict=True):
        assert abs(old.astype(int) - new).max() <= 2


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", sorted(NATIVE_FORMATS))
def test_a_patch_arrives_in_its_own_colours(name, matrix):
    frame = frame_of(smooth(64, 48), name, matrix, FULL)
    patch = smooth(32, 24)
    blended = frame.blend([Patch(Rect(8, 8, 40, 32), patch, np.full((24, 32), 255, np.uint8))])
    wanted = frame_of(patch, name, matrix, FULL).rgb()
    assert abs(blended.rgb(Rect(8, 8, 40, 32)).astype(int) - wanted).max() <= 4


def test_a_matte_mixes_to_the_nearest_level():
    under, over, share = random.integers(0, 256, (3, 256, 256, 3), np.uint8)
    share[:8], over[:4], under[:4], over[4:8], under[4:8] = 255, 0, 255, 255, 0
    share = share[..., 0]
    mixed = frame_of(under, "rgb24").blend([Patch(Rect(0, 0, 256, 256), over, share)]).rgb()
    part = share[..., None] / 255
    assert (mixed == np.rint(over * part + under * (1 - part))).all()


def test_a_matte_of_floats_is_refused():
    patch = Patch(Rect(0, 0, 8, 8), smooth(8, 8), np.ones((8, 8), np.float32))
    with pytest.raises(ValueError, match="float32"):
        frame_of(smooth(64, 48), "yuv420p").blend([patch])


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_upright_in_and_out(orientation):
    stored = smooth(64, 48)
    upright = np.ascontiguousarray(orientation.upright(stored))
    assert (orientation.stored(upright) == stored).all()
    frame = frame_of(stored, "rgb24", orientation=orientation)
    assert (frame.height, frame.width) == upright.shape[:2]
    assert (frame.rgb() == upright).all()
    rect = Rect(3, 7, 24, 39)
    assert (frame.rgb(rect) == upright[7:39, 3:24]).all()
    assert frame.rgb(rect, (10, 16)).shape == (16, 10, 3)
    patch = smooth(21, 32)
    matte = np.full((32, 21), 255, np.uint8)
    matte[:5] = 0
    blended = frame.blend([Patch(rect, patch, matte)]).rgb()
    assert (blended[12:39, 3:24] == patch[5:]).all()
    blended[12:39, 3:24] = upright[12:39, 3:24]
    assert (blended == upright).all()


def test_quarter_turns_of_a_display_matrix():
    one = 1 << 16
    assert Orientation.of_display_matrix([one, 0, 0, 0, one, 0]) == Orientation()
    assert Orientation.of_display_matrix([-one, 0, 0, 0, -one, 0]) == Orientation(False, True, True)
    clockwise = Orientation.of_display_matrix([0, one, 0, -one, 0, 0])
    assert (clockwise.upright(np.array([[1, 2], [3, 4]])) == [[3, 1], [4, 2]]).all()


def test_time_goes_along():
    blended = frame_of(smooth(64, 48), "yuv420p").blend(
        [Patch(Rect(0, 0, 8, 8), smooth(8, 8), np.full((8, 8), 255, np.uint8))]
    )
    assert (blended.pts, blended.time_base) == (3, Fraction(1, 25))
    assert (blended.picture.pts, blended.picture.time_base) == (3, Fraction(1, 25))
    assert (blended.picture.colorspace, blended.picture.color_range) == (1, LIMITED)


def test_no_patches_no_copy():
    frame = frame_of(smooth(64, 48), "yuv420p")
    assert frame.blend([]) is frame


@pytest.mark.parametrize("rect", [Rect(-1, 0, 5, 5), Rect(0, 0, 65, 5), Rect(5, 5, 5, 9)])
def test_a_rectangle_outside_is_refused(rect):
    frame = frame_of(smooth(64, 48), "yuv420p")
    with pytest.raises(ValueError, match="does not lie"):
        frame.rgb(rect)


AT_THE_END = """
import ctypes, mmap
from fractions import Fraction
import av, numpy as np
from toonstream.frame import Frame, Patch, Rect

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

def at_the_end(count):
    pages = -(-count // mmap.PAGESIZE) * mmap.PAGESIZE
    start = libc.mmap(None, pages + mmap.PAGESIZE, 3, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    assert libc.mprotect(start + pages, mmap.PAGESIZE, 0) == 0
    return np.frombuffer((ctypes.c_uint8 * count).from_address(start + pages - count), np.uint8)

empty = np.empty
np.empty = lambda shape, dtype=float: at_the_end(shape) if isinstance(shape, int) else empty(shape, dtype)
for side in range(64, 132, 2):
    rgb = at_the_end(side * side * 3).reshape(side, side, 3)
    frame = Frame(av.VideoFrame(160, 160, "yuv420p"), 0, 0, Fraction(1, 25))
    frame.blend([Patch(Rect(0, 0, side, side), rgb, np.full((side, side), 255, np.uint8))])
    Frame.from_rgb(rgb, 0, Fraction(1, 25), 0).picture.reformat(format="yuv420p")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for a page that must not be read")
def test_nothing_behind_an_array_is_read() -> None:
    """Each array ends where a page ends, and reading the next one ends the process."""
    done = subprocess.run([sys.executable, "-c", AT_THE_END], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
