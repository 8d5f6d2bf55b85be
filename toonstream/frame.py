"""A frame of video: the decoder's own planes, a time stamp, and RGB where somebody asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, cast

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from toonstream.orientation import UPRIGHT, Orientation, Rect

Pixels = NDArray[np.uint8]

NATIVE_FORMATS = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "rgb24"})
"""What a Frame keeps as it is; sources convert the rest, once."""

# swscale is a level or two off, and darker, unless it is told to round and to keep all of the chroma.
_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
AVERAGED = Interpolation.AREA | _EXACT
_REPEATED = Interpolation.POINT | _EXACT  # so that chroma, repeated and averaged again, comes back as it was


class Patch(NamedTuple):
    """What to lay over a frame: RGB uint8 (h, w, 3) and a matte (h, w), uint8 to 255 or float32 to 1, both of rect."""

    rect: Rect
    rgb: Pixels
    matte: Pixels | NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture at one moment; nothing changes it. Rectangles and sizes are of the upright picture.

    picture: the stored planes, one of NATIVE_FORMATS, with colour tags, as an encoder takes them. Read only.
    pts, duration: in units of time_base, seconds; a lone photo has no pts.
    """

    picture: VideoFrame
    index: int
    pts: int | None
    time_base: Fraction
    duration: int = 0
    orientation: Orientation = UPRIGHT

    @classmethod
    def from_rgb(cls, rgb: Pixels, pts: int | None, time_base: Fraction, index: int) -> "Frame":
        """Of a picture that is RGB by birth, uint8 (h, w, 3); the frame keeps the array, so hand it over for good."""
        picture = VideoFrame.from_numpy_buffer(np.ascontiguousarray(rgb), "rgb24")
        picture.pts, picture.time_base, picture.color_range = pts, time_base, ColorRange.JPEG
        return cls(picture, index, pts, time_base)

    @property
    def width(self) -> int:
        return self.picture.height if self.orientation.swap else self.picture.width

    @property
    def height(self) -> int:
        return self.picture.width if self.orientation.swap else self.picture.height

    def rgb(self, rect: Rect | None = None, size: tuple[int, int] | None = None) -> Pixels:
        """The picture or a rectangle of it, RGB uint8 (h, w, 3), scaled to `size` (w, h) with antialiasing.

        Raises ValueError where the rectangle is empty or leaves the picture.
        """
        stored = self._stored_rect(rect or Rect(0, 0, self.width, self.height))
        if size and self.orientation.swap:
            size = size[1], size[0]
        around = _whole_chroma(stored, self.picture)
        if around != stored:  # odd edges: swscale cannot cut through chroma
            rgb = _to_rgb(_crop(self.picture, around), None)
            left, top = stored.left - around.left, stored.top - around.top
            rgb = rgb[top : top + stored.height, left : left + stored.width]
            if size:
                rgb = cast(Pixels, cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
        else:
            rgb = _to_rgb(_crop(self.picture, stored), size)
        return np.ascontiguousarray(self.orientation.upright(rgb), np.uint8)

    def blend(self, patches: Sequence[Patch]) -> "Frame":
        """The frame with patches laid over it, one after the other; where a matte is 0, every plane stays bit for bit.

        Raises ValueError where a rectangle is empty or leaves the picture, or an array does not fit it.
        """
        if not patches:
            return self
        picture = _crop(self.picture, Rect(0, 0, self.picture.width, self.picture.height))
        for patch in patches:
            if patch.rgb.shape != (*patch.matte.shape, 3) or patch.matte.shape != (patch.rect.height, patch.rect.width):
                raise ValueError(f"a patch of {patch.rgb.shape} with a matte of {patch.matte.shape} for {patch.rect}")
            rgb = np.ascontiguousarray(self.orientation.stored(patch.rgb), np.uint8)
            matte = self.orientation.stored(patch.matte)
            weight = np.multiply(matte, 1 / 255 if matte.dtype == np.uint8 else 1, dtype=np.float32, casting="unsafe")
            _lay(picture, self._stored_rect(patch.rect), rgb, weight)
        return Frame(picture, self.index, self.pts, self.time_base, self.duration, self.orientation)

    def _stored_rect(self, rect: Rect) -> Rect:
        if not (0 <= rect.left < rect.right <= self.width and 0 <= rect.top < rect.bottom <= self.height):
            raise ValueError(f"{rect} does not lie in a picture of {self.width}x{self.height}")
        return self.orientation.stored_rect(rect, self.width, self.height)


def planes(picture: VideoFrame) -> list[Pixels]:
    """Views of a picture's planes, uint8 (h, w) or (h, w, c); writing to one writes to the picture."""
    views = []
    for index, plane in enumerate(picture.planes):
        buffer = cast(memoryview, plane)  # which it is, though its stub does not say so
        rows = np.frombuffer(buffer, np.uint8).reshape(plane.height, abs(plane.line_size))
        if plane.line_size < 0:  # stored bottom up
            rows = rows[::-1]
        channels = sum(component.plane == index for component in picture.format.components)
        view = rows[:, : plane.width * channels]
        views.append(view if channels == 1 else view.reshape(plane.height, plane.width, channels))
    return views


def _whole_chroma(rect: Rect, picture: VideoFrame) -> Rect:
    """The smallest rectangle around `rect` that cuts no chroma sample in two."""
    step_x, step_y = _chroma_steps(picture)
    return Rect(
        rect.left // step_x * step_x,
        rect.top // step_y * step_y,
        min(-(-rect.right // step_x) * step_x, picture.width),
        min(-(-rect.bottom // step_y) * step_y, picture.height),
    )


def _chroma_steps(picture: VideoFrame) -> tuple[int, int]:
    """Pixels that share a chroma sample, across and down."""
    name = picture.format.name
    return 2 if "420" in name or "422" in name or name == "nv12" else 1, 2 if "420" in name or name == "nv12" else 1


def _crop(picture: VideoFrame, rect: Rect) -> VideoFrame:
    """A copy of a rectangle that cuts no chroma sample, with the colour tags; a private one, since PyAV changes
    the tags of a frame while it converts it."""
    crop = VideoFrame(rect.width, rect.height, picture.format.name)
    for target, source in zip(planes(crop), planes(picture), strict=True):
        step_x, step_y = -(-picture.width // source.shape[1]), -(-picture.height // source.shape[0])
        left, top = rect.left // step_x, rect.top // step_y
        target[:] = source[top : top + target.shape[0], left : left + target.shape[1]]
    crop.colorspace, crop.color_range = picture.colorspace, picture.color_range
    crop.color_primaries, crop.color_trc = picture.color_primaries, picture.color_trc
    return crop


def _to_rgb(picture: VideoFrame, size: tuple[int, int] | None) -> Pixels:
    width, height = size or (picture.width, picture.height)
    converted = picture.reformat(
        width,
        height,
        "rgb24",
        src_colorspace=_matrix(picture),
        src_color_range=_range(picture),
        dst_color_range=ColorRange.JPEG,
        interpolation=AVERAGED if size else _REPEATED,
        threads=1,
    )
    return planes(converted)[0]


def _lay(picture: VideoFrame, rect: Rect, rgb: Pixels, weight: NDArray[np.float32]) -> None:
    """Blend RGB into the picture's own planes."""
    around = _whole_chroma(rect, picture)
    margins = (rect.top - around.top, around.bottom - rect.bottom, rect.left - around.left, around.right - rect.right)
    if any(margins):
        rgb = cast(Pixels, cv2.copyMakeBorder(rgb, *margins, cv2.BORDER_REPLICATE))
        weight = cast(NDArray[np.float32], cv2.copyMakeBorder(weight, *margins, cv2.BORDER_CONSTANT, value=0))
    patch = VideoFrame.from_numpy_buffer(rgb, "rgb24").reformat(
        format=picture.format.name,
        dst_colorspace=_matrix(picture),
        src_color_range=ColorRange.JPEG,
        dst_color_range=_range(picture),
        interpolation=AVERAGED,
        threads=1,
    )
    for target, source in zip(planes(picture), planes(patch), strict=True):
        step_x, step_y = -(-around.width // source.shape[1]), -(-around.height // source.shape[0])
        left, top = around.left // step_x, around.top // step_y
        under = target[top : top + source.shape[0], left : left + source.shape[1]]
        share = _least(weight, step_x, step_y)
        under[:] = cv2.blendLinear(np.ascontiguousarray(source), np.ascontiguousarray(under), share, 1 - share)


def _least(weight: NDArray[np.float32], step_x: int, step_y: int) -> NDArray[np.float32]:
    """The least weight of the pixels that share a chroma sample: so one outside the matte keeps its colour."""
    for axis, step in enumerate((step_y, step_x)):
        if step == 2:
            odd = weight.shape[axis] % 2
            padded = np.pad(weight, [(0, odd * (i == axis)) for i in (0, 1)], "edge") if odd else weight
            pairs = padded.swapaxes(0, axis)
            weight = np.minimum(pairs[::2], pairs[1::2]).swapaxes(0, axis)
    return np.ascontiguousarray(weight)


def _matrix(picture: VideoFrame) -> int:
    """The matrix between RGB and YUV; where a file does not say, the one that players take for its size."""
    if picture.colorspace in (Colorspace.ITU709, Colorspace.FCC, 5, 6, Colorspace.SMPTE240M, Colorspace.BT2020):
        return picture.colorspace
    return Colorspace.ITU709 if picture.width >= 1280 or picture.height > 576 else Colorspace.ITU601


def _range(picture: VideoFrame) -> int:
    """Full range where the frame or its format says so, else limited."""
    full = picture.color_range == ColorRange.JPEG or picture.format.name.startswith(("yuvj", "rgb"))
    return ColorRange.JPEG if full else ColorRange.MPEG
