"""A frame of video: the decoder's own planes, a time stamp, and RGB where somebody asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple, cast

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange

from toonstream.orientation import UPRIGHT, Orientation, Rect
from toonstream.picture import (
    AVERAGED,
    REPEATED,
    Pixels,
    copy,
    cut_out,
    full_or_limited,
    matrix,
    picture_of,
    planes,
    whole_chroma,
    window,
)

__all__ = ["NATIVE_FORMATS", "Frame", "Patch", "Pixels", "Rect"]

NATIVE_FORMATS = frozenset(
    {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "rgb24"},
)
"""What a Frame keeps as it is; sources convert the rest, once."""


def check_rgb(rgb: object, who: str) -> None:
    """Raises ValueError, which names who needs it, unless `rgb` is an array of uint8 (h, w, 3) that has pixels."""
    if isinstance(rgb, np.ndarray):
        if rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3 and rgb.size:
            return
        got = f"{rgb.dtype} {rgb.shape}"
    else:
        got = type(rgb).__name__
    raise ValueError(f"{who} needs RGB uint8 (H, W, 3); got {got}")


class Patch(NamedTuple):
    """What to lay over a frame, RGB uint8 (h, w, 3), and how much of it shows, uint8 (h, w) to 255; both of rect."""

    rect: Rect
    rgb: Pixels
    matte: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture at one moment; nothing changes it. Rectangles and sizes are of the upright picture.

    picture: the stored planes, one of NATIVE_FORMATS, with all that is noted beside them, as an encoder takes them.
    pts, duration: in units of time_base, which is in seconds; a lone photo has no pts. scene: changes where a live
    session has gone over to another source, in which nothing is as it was.
    """

    picture: VideoFrame
    index: int
    pts: int | None
    time_base: Fraction
    duration: int = 0
    orientation: Orientation = UPRIGHT
    scene: int = 0

    @classmethod
    def from_rgb(
        cls, rgb: Pixels, pts: int | None, time_base: Fraction, index: int, orientation: Orientation = UPRIGHT
    ) -> "Frame":
        """Of a picture that is RGB by birth, uint8 (h, w, 3) as stored, which is copied.

        Raises ValueError where it is anything else.
        """
        check_rgb(rgb, "Frame.from_rgb")
        picture = picture_of(rgb)
        picture.pts, picture.time_base, picture.color_range = pts, time_base, ColorRange.JPEG
        return cls(picture, index, pts, time_base, orientation=orientation)

    @property
    def seconds(self) -> float:
        """The time stamp in seconds; 0 for a photo."""
        return float((self.pts or 0) * self.time_base)

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
        around = whole_chroma(stored, self.picture)
        part = cut_out(self.picture, around)
        if around == stored:
            rgb = _to_rgb(part, size)
        else:  # swscale cannot cut through chroma
            left, top = stored.left - around.left, stored.top - around.top
            rgb = _to_rgb(part, None)[top : top + stored.height, left : left + stored.width]
            if size:
                rgb = cast(Pixels, cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
        return np.ascontiguousarray(self.orientation.upright(rgb), np.uint8)

    def grey(self, rect: Rect, size: int) -> Pixels:
        """A rectangle's brightness as it is stored, uint8 (size, size): luma, or the green of RGB. Takes microseconds.

        Each is the average of what it covers, or of some twenty pixels of that. Raises ValueError where the rectangle
        is empty or leaves the picture.
        """
        stored = self._stored_rect(rect)
        step = max(1, int((stored.width * stored.height) ** 0.5 / size / 4))
        part = planes(self.picture)[0][stored.top : stored.bottom : step, stored.left : stored.right : step]
        small = cv2.resize(part[..., 1] if part.ndim == 3 else part, (size, size), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(self.orientation.upright(small), np.uint8)

    def blend(self, patches: Sequence[Patch]) -> "Frame":
        """The frame with patches laid over it, one after the other; where a matte is 0, every plane stays bit for bit.

        Raises ValueError where a rectangle is empty or leaves the picture, or an array does not fit it.
        """
        if not patches:
            return self
        picture = copy(self.picture)
        for patch in patches:
            rect, matte = patch.rect, patch.matte
            fits = patch.rgb.shape == (*matte.shape, 3) and matte.shape == (rect.height, rect.width)
            if not fits or matte.dtype != np.uint8:
                raise ValueError(f"a patch of {patch.rgb.shape} with a matte of {matte.dtype} {matte.shape} for {rect}")
            rgb = np.ascontiguousarray(self.orientation.stored(patch.rgb), np.uint8)
            _lay(picture, self._stored_rect(rect), rgb, np.ascontiguousarray(self.orientation.stored(matte), np.uint8))
        return replace(self, picture=picture)

    def _stored_rect(self, rect: Rect) -> Rect:
        if not (0 <= rect.left < rect.right <= self.width and 0 <= rect.top < rect.bottom <= self.height):
            raise ValueError(f"{rect} does not lie in a picture of {self.width}x{self.height}")
        return self.orientation.stored_rect(rect, self.width, self.height)


def _to_rgb(part: VideoFrame, size: tuple[int, int] | None) -> Pixels:
    width, height = size or (part.width, part.height)
    interpolation = AVERAGED if size else REPEATED
    # Into planes swscale has vector code, into packed pixels none that is exact.
    rgb = part.reformat(width, height, "gbrp", dst_color_range=ColorRange.JPEG, interpolation=interpolation, threads=1)
    green, blue, red = planes(rgb)
    return cast(Pixels, cv2.merge([red, green, blue]))


def _lay(picture: VideoFrame, rect: Rect, rgb: Pixels, matte: Pixels) -> None:
    """Blend RGB into the picture's own planes."""
    around = whole_chroma(rect, picture)
    margins = (rect.top - around.top, around.bottom - rect.bottom, rect.left - around.left, around.right - rect.right)
    if any(margins):
        rgb = cast(Pixels, cv2.copyMakeBorder(rgb, *margins, cv2.BORDER_REPLICATE))
        matte = cast(Pixels, cv2.copyMakeBorder(matte, *margins, cv2.BORDER_CONSTANT, value=0))
        if around.bottom > picture.height:
            matte[-1] = matte[-2]
        if around.right > picture.width:
            matte[:, -1] = matte[:, -2]
    patch = picture_of(rgb).reformat(
        format=picture.format.name,
        dst_colorspace=matrix(picture),
        src_color_range=ColorRange.JPEG,
        dst_color_range=full_or_limited(picture),
        interpolation=AVERAGED,
        threads=1,
    )
    for target, source in zip(planes(picture), planes(patch), strict=True):
        under = window(target, around, picture)
        height, width = under.shape[:2]  # without the pixel outside
        share = _least(matte, source.shape)[:height, :width]
        under[:] = _mixed(source[:height, :width], under, share if under.ndim == 2 else share[..., None])


def _mixed(over: Pixels, under: Pixels, share: Pixels) -> Pixels:
    """`over` by its share of 255, `under` by the rest, rounded; in integers, which takes half the time of floats."""
    mixed = np.multiply(over, share, dtype=np.uint16)
    mixed += np.multiply(under, 255 - share, dtype=np.uint16)
    mixed += 128
    mixed += mixed >> 8  # with the shift below, division by 255
    mixed >>= 8
    return mixed.astype(np.uint8)


def _least(matte: Pixels, shape: tuple[int, ...]) -> Pixels:
    """The least of the matte's pixels that share a sample of a plane of that shape: so none outside it changes."""
    if matte.shape[0] != shape[0]:
        matte = np.minimum(matte[::2], matte[1::2])
    if matte.shape[1] != shape[1]:
        matte = np.minimum(matte[:, ::2], matte[:, 1::2])
    return matte
