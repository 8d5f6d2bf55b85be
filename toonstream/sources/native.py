"""Pictures in formats that a Frame does not keep, made into ones that it does, without a change of colours."""

import numpy as np
from av import VideoFrame
from av.codec.codec import find_best_pix_fmt_of_list
from av.video.reformatter import ColorRange

from toonstream.frame import NATIVE_FORMATS
from toonstream.picture import AVERAGED, Pixels, planes, video_of_rgb
from toonstream.sources.hdr import is_hdr, standard_range

_PLANAR = ("yuv420p", "yuv422p", "yuv444p")


class Native:
    """Call it with each picture; the first conversion of a kind leaves a line in `notices`."""

    def __init__(self, notices: list[str]) -> None:
        self._notices = notices
        self._size: tuple[int, int] | None = None

    def __call__(self, picture: VideoFrame) -> VideoFrame:
        """The picture itself where a Frame can keep it, else its conversion, with all that is noted beside it."""
        self._size = self._size or (picture.width, picture.height)
        if (picture.width, picture.height) != self._size:
            self._tell("the picture changes its size on the way; all of it was scaled to the first frame's")
            picture = picture.reformat(*self._size, interpolation=AVERAGED)
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
        return picture.reformat(format=best.name if best else "yuv420p", interpolation=AVERAGED)

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
