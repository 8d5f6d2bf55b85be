"""Pictures in formats that a Frame does not keep, made into ones that it does, without a change of colours or shape."""

from fractions import Fraction

import numpy as np
from av import VideoFrame
from av.codec.codec import find_best_pix_fmt_of_list
from av.video.reformatter import ColorRange

from toonstream.frame import NATIVE_FORMATS
from toonstream.orientation import Rect
from toonstream.picture import AVERAGED, OF_RGB, UNSPECIFIED, Pixels, full_or_limited, planes, video_of_rgb, window
from toonstream.sources.hdr import is_hdr, standard_range

_PLANAR = ("yuv420p", "yuv422p", "yuv444p")


class Native:
    """Call it with each picture; the first conversion of a kind leaves a line in `notices`.

    size: (width, height) of what comes out, the first picture's unless given. What has another is scaled into it, with
    black beside it where its shape is another.
    """

    def __init__(self, notices: list[str], size: tuple[int, int] | None = None) -> None:
        self._notices = notices
        self._size = size
        self._aspect: Fraction | None = None

    def __call__(self, picture: VideoFrame, aspect: Fraction | None = None) -> VideoFrame:
        """The picture itself where a Frame can keep it, else its conversion, with all that is noted beside it.

        aspect: width to height of a pixel; None for square ones.
        """
        aspect = aspect or Fraction(1)
        size = self._size = self._size or (picture.width, picture.height)
        self._aspect = self._aspect or aspect
        converted = self._converted(picture)
        if (picture.width, picture.height) == size:
            return converted
        self._tell(f"the picture changes its size on the way; all of it was scaled to {size[0]}x{size[1]}")
        return _fitted(converted, size, aspect / self._aspect)

    def _converted(self, picture: VideoFrame) -> VideoFrame:
        if is_hdr(picture):
            self._tell("high dynamic range; converted to BT.709")
            return video_of_rgb(standard_range(picture), picture)
        if picture.format.name in NATIVE_FORMATS and not picture.format.is_rgb:
            return picture
        if max(component.bits for component in picture.format.components) > 8:
            self._tell("stored with more than 8 bits a channel; converted to 8")
        if any(component.is_alpha for component in picture.format.components) or picture.format.has_palette:
            return video_of_rgb(self._over_black(picture), picture)
        if picture.format.is_rgb:
            return video_of_rgb(planes(picture.reformat(format="rgb24", interpolation=AVERAGED))[0], picture)
        best, _ = find_best_pix_fmt_of_list(_PLANAR, picture.format)
        converted = picture.reformat(format=best.name if best else "yuv420p", interpolation=AVERAGED)
        if converted.colorspace == OF_RGB:  # as decoders of PNG mark grey, too
            converted.colorspace = UNSPECIFIED
        return converted

    def _over_black(self, picture: VideoFrame) -> Pixels:
        """Transparent parts as players show them, RGB uint8 (h, w, 3)."""
        rgba = planes(picture.reformat(format="rgba", dst_color_range=ColorRange.JPEG, interpolation=AVERAGED))[0]
        rgb, alpha = rgba[..., :3], rgba[..., 3:]
        if alpha.min() == 255:
            return rgb
        self._tell("partly transparent; laid over black")
        return (rgb.astype(np.uint16) * alpha // 255).astype(np.uint8)

    def _tell(self, line: str) -> None:
        if line not in self._notices:
            self._notices.append(line)


def _fitted(picture: VideoFrame, size: tuple[int, int], stretch: Fraction) -> VideoFrame:
    """The picture, of `stretch` times its width, as large as it goes into the middle of a black one of that size."""
    width, height = picture.width * stretch, picture.height
    scale = min(size[0] / width, Fraction(size[1], height))
    inner = max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)  # whole samples of chroma
    left, top = (max(0, outer - part) // 4 * 2 for outer, part in zip(size, inner, strict=True))
    small = picture.reformat(*inner, interpolation=AVERAGED)
    whole = picture.reformat(*size)  # the only way to a new picture with these notes
    black = 0 if full_or_limited(picture) == ColorRange.JPEG else 16
    for index, (target, source) in enumerate(zip(planes(whole), planes(small), strict=True)):
        target[:] = 128 if index else black
        place = window(target, Rect(left, top, left + inner[0], top + inner[1]), whole)
        place[:] = source[: place.shape[0], : place.shape[1]]
    return whole
