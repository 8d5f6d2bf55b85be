"""Pictures in formats that a Frame does not keep, made into ones that it does, without a change of colours."""

import av
import numpy as np
from av.codec.codec import find_best_pix_fmt_of_list
from av.video.reformatter import ColorRange, Colorspace

from toonstream.frame import NATIVE_FORMATS
from toonstream.picture import AVERAGED, planes

_PLANAR = ("yuv420p", "yuv422p", "yuv444p")


class Native:
    """Call it with each picture; the first conversion of a kind leaves a line in `notices`."""

    def __init__(self, notices: list[str]) -> None:
        self._notices = notices
        self._size: tuple[int, int] | None = None

    def __call__(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The picture itself where a Frame can keep it, else its conversion, with its time stamp."""
        self._size = self._size or (picture.width, picture.height)
        if (picture.width, picture.height) != self._size:
            self._tell("the picture changes its size on the way; all of it was scaled to the first frame's")
            picture = picture.reformat(*self._size, interpolation=AVERAGED)
        if picture.format.name in NATIVE_FORMATS:
            return picture
        if any(component.is_alpha for component in picture.format.components):
            picture = self._over_black(picture)
        if max(component.bits for component in picture.format.components) > 8:
            self._tell("stored with more than 8 bits a channel; converted to 8")
        if picture.format.is_rgb or picture.format.has_palette:
            odd = picture.width % 2 or picture.height % 2
            return _tagged_reformat(picture, "yuv444p" if odd else "yuv420p")
        best, _ = find_best_pix_fmt_of_list(_PLANAR, picture.format)
        return picture.reformat(format=best.name if best else "yuv420p", interpolation=AVERAGED)

    def _over_black(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Transparent parts as players show them."""
        rgba = picture.reformat(format="rgba", dst_color_range=ColorRange.JPEG, interpolation=AVERAGED)
        pixels = planes(rgba)[0]
        alpha = pixels[..., 3:]
        if int(alpha.min()) == 255 and picture.format.is_rgb:
            return picture
        self._tell("partly transparent; laid over black")
        over = av.VideoFrame.from_numpy_buffer(
            (pixels[..., :3].astype(np.uint16) * alpha // 255).astype(np.uint8), "rgb24"
        )
        over.pts, over.time_base, over.duration = picture.pts, picture.time_base, picture.duration
        return over

    def _tell(self, line: str) -> None:
        if line not in self._notices:
            self._notices.append(line)


def _tagged_reformat(picture: av.VideoFrame, name: str) -> av.VideoFrame:
    """RGB as video is mostly stored, and says so."""
    video = picture.reformat(
        format=name,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=AVERAGED,
    )
    video.colorspace = video.color_primaries = video.color_trc = 1
    video.color_range = ColorRange.MPEG
    return video
