"""What PyAV's VideoFrame does not tell or do by itself: its planes as arrays, copies, crops, colours."""

from fractions import Fraction
from functools import cache
from typing import cast

import numpy as np
from av import VideoFormat, VideoFrame
from av.filter import Graph
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from toonstream.orientation import Rect

Pixels = NDArray[np.uint8]

# swscale is a level or two off, and darker, unless it is told to round and to keep all of the chroma.
_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
AVERAGED = Interpolation.AREA | _EXACT
"""How to scale, and to make chroma from RGB."""
REPEATED = Interpolation.POINT | _EXACT
"""How to make RGB at full size, so that chroma, averaged again, comes back as it was."""

OF_RGB, UNSPECIFIED = 0, 2
"""Of FFmpeg's list of colour spaces, which PyAV's lacks."""

SLACK = 64
"""Bytes behind RGB that swscale may read: its vector code goes past the last row where a width is no multiple of 16."""


def picture_of(rgb: Pixels) -> VideoFrame:
    """RGB uint8 (h, w, 3) as a picture. It is copied, for behind an array's end there may be nothing to read."""
    room = np.empty(rgb.size + SLACK, np.uint8)
    pixels = room[: rgb.size].reshape(rgb.shape)
    pixels[:] = rgb
    return VideoFrame.from_numpy_buffer(pixels, "rgb24")


def planes(picture: VideoFrame) -> list[Pixels]:
    """Views of a picture's planes, uint8 (h, w) or (h, w, c); writing to one writes to the picture."""
    views = []
    for index, plane in enumerate(picture.planes):
        buffer = cast(memoryview, plane)  # which it is, though its stub does not say so
        rows = np.frombuffer(buffer, np.uint8).reshape(plane.height, abs(plane.line_size))
        if plane.line_size < 0:  # stored bottom up
            rows = rows[::-1]
        channels = _channels(picture.format.name, index)
        view = rows[:, : plane.width * channels]
        views.append(view if channels == 1 else view.reshape(plane.height, plane.width, channels))
    return views


@cache
def _channels(name: str, plane: int) -> int:
    return sum(component.plane == plane for component in VideoFormat(name).components)


_graphs: dict[tuple[object, ...], Graph] = {}


def copy(picture: VideoFrame) -> VideoFrame:
    """A copy that may be written to, with time stamp, colours, captions and whatever else is noted beside the planes.

    PyAV copies the notes only where a frame passes through a filter graph; one graph is kept for the next frame, and is
    taken out while it works, so that neither another thread nor an interrupt can leave a frame in it.
    """
    key = picture.width, picture.height, picture.format.name, picture.time_base
    graph = _graphs.pop(key, None) or _pass_through(picture)
    graph.push(picture)
    twin = cast(VideoFrame, graph.pull())
    twin.make_writable()
    _graphs.clear()
    _graphs[key] = graph
    return twin


def cut_out(picture: VideoFrame, rect: Rect) -> VideoFrame:
    """A copy of a rectangle of whole chroma samples, with the colours but not the time stamp.

    Where the rectangle is a pixel larger than a picture of odd size, the picture's edge is repeated.
    """
    part = VideoFrame(rect.width, rect.height, picture.format.name)
    for target, plane in zip(planes(part), planes(picture), strict=True):
        source = window(plane, rect, picture)
        height, width = source.shape[:2]
        target[:height, :width] = source
        target[height:] = target[height - 1 : height]
        target[:, width:] = target[:, width - 1 : width]
    part.colorspace, part.color_range = matrix(picture), full_or_limited(picture)
    return part


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """The size at which a picture has square pixels; aspect: of those it has, width to height, None for square ones."""
    return (width, height) if aspect in (None, 1) else (max(2, round(width * aspect / 2) * 2), height)


def with_square_pixels(picture: VideoFrame, aspect: Fraction | None) -> VideoFrame:
    """The picture as it is shown, for what knows square pixels alone; itself where it has them."""
    return picture.reformat(*square_size(picture.width, picture.height, aspect), interpolation=AVERAGED)


def window(plane: Pixels, rect: Rect, picture: VideoFrame) -> Pixels:
    """The view of one of a picture's planes that belongs to a rectangle of whole chroma samples."""
    step_x, step_y = -(-picture.width // plane.shape[1]), -(-picture.height // plane.shape[0])
    return plane[rect.top // step_y : rect.bottom // step_y, rect.left // step_x : rect.right // step_x]


def whole_chroma(rect: Rect, picture: VideoFrame) -> Rect:
    """The smallest rectangle of whole chroma samples around `rect`; a pixel outside a picture of odd size, maybe."""
    name = picture.format.name
    step_x = 2 if "420" in name or "422" in name or name == "nv12" else 1
    step_y = 2 if "420" in name or name == "nv12" else 1
    return Rect(
        rect.left // step_x * step_x,
        rect.top // step_y * step_y,
        -(-rect.right // step_x) * step_x,
        -(-rect.bottom // step_y) * step_y,
    )


def video_of_rgb(rgb: Pixels, picture: VideoFrame) -> VideoFrame:
    """RGB (h, w, 3) as video is mostly stored: BT.709, limited range, coarse chroma where the size is even.

    Whatever is noted beside `picture`, of the same size, goes along.
    """
    even = picture.width % 2 == 0 and picture.height % 2 == 0
    name = "yuv420p" if even else "yuv444p"
    video = picture.reformat(format=name)  # the only way to a new picture with these notes
    converted = picture_of(rgb).reformat(
        format=name,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=AVERAGED,
    )
    for target, source in zip(planes(video), planes(converted), strict=True):
        target[:] = source
    video.colorspace = video.color_primaries = video.color_trc = 1  # BT.709 in each of the three lists
    video.color_range = ColorRange.MPEG
    return video


def matrix(picture: VideoFrame) -> int:
    """The matrix between RGB and YUV, by swscale's list, which knows one number of BT.601's two in FFmpeg's.

    Where a file does not say, it is the one that players take for its size.
    """
    if picture.colorspace in (Colorspace.ITU709, Colorspace.FCC, Colorspace.SMPTE240M, Colorspace.BT2020):
        return picture.colorspace
    if picture.colorspace in (5, 6):
        return Colorspace.ITU601
    return Colorspace.ITU709 if picture.width >= 1280 or picture.height > 576 else Colorspace.ITU601


def full_or_limited(picture: VideoFrame) -> int:
    """Full range where the picture or its format says so, else limited."""
    full = picture.color_range == ColorRange.JPEG or picture.format.name.startswith(("yuvj", "rgb"))
    return ColorRange.JPEG if full else ColorRange.MPEG


def _pass_through(picture: VideoFrame) -> Graph:
    graph = Graph()
    entry = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format, time_base=picture.time_base
    )
    entry.link_to(graph.add("buffersink"))
    graph.configure()
    return graph
