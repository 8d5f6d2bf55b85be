"""Video files: every frame, with its own time stamp, in the planes that the decoder made."""

import math
from collections.abc import Generator, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import SideDataContainer
from av.stream import Disposition
from av.video.frame import PictureType
from av.video.stream import VideoStream
from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import InputError

from toonstream.frame import Frame
from toonstream.orientation import UPRIGHT, Orientation
from toonstream.sources.clean_aperture import clean_aperture
from toonstream.sources.demux import demux
from toonstream.sources.native import Native
from toonstream.sources.time_line import TimeLine

ANY_TEXT: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}
"""For av.open: titles that are not UTF-8 are read, and written as they were. PyAV 19 always does so."""

_STILLS = {"ico", "image2"}  # beside FFmpeg's many that end in _pipe; the second is TGA, known by its name alone
_STILL_BRANDS = {"heic", "heix", "mif1", "avif"}
_A_FRAME_A_PACKET = {"h264", "hevc"}
_OF_ANY_SIZE = {"vp8", "vp9"}  # as calls are recorded, small at first and larger once the line is known
_EARLY_END = 1  # seconds that may be missing at the end before we say so


class VideoSource(Closeable):
    """A video file, opened and decoded as far as its first frame. Raises InputError where there is none.

    path: the file itself, for a sink that takes over its sound. aspect: width to height of a pixel as it is seen; None
    for square ones. The rest is Source's.
    """

    live = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: list[str] = []
        self._container = open_container(path)
        try:
            self._stream = main_video(self._container, path)
            self._stream.thread_type = "AUTO"
            self._time_line = TimeLine(self._container)
            if self._stream.metadata.get("alpha_mode") == "1":  # a second picture beside VP8 or VP9
                self.notices.append("partly transparent; the transparency is left out")
            self._native = Native(self.notices, _largest(path) if self._stream.name in _OF_ANY_SIZE else None)
            self._pictures = self._decode()
            first = next(self._pictures, None)
            if first is None:
                raise InputError(f"{path}: no frame of its video can be decoded")
        except BaseException:
            self._container.close()
            raise
        self._first = first
        self._orientation = _orientation(first)
        if _all_around(first):
            self.notices.append("a 360-degree video; the mark by which players know that is left out")
        width, height = first.width, first.height
        clean = clean_aperture(path) if "mp4" in self._container.format.name else None
        if clean and clean != (width, height):
            self.notices.append(f"the mark by which players crop it to {clean[0]}x{clean[1]} is left out")
        self.size = (height, width) if self._orientation.swap else (width, height)
        aspect = self._stream.sample_aspect_ratio
        self.aspect = 1 / aspect if aspect and self._orientation.swap else aspect
        self.rate: Fraction | None = self._stream.average_rate or self._stream.guessed_rate
        self.length: int | None = self._stream.frames or None
        if not self.length and self.rate and self._container.duration:
            self.length = round(self.rate * Fraction(self._container.duration, av.time_base))

    def __iter__(self) -> Iterator[Frame]:
        time_base = self._stream.time_base or Fraction(1, 90000)
        step = max(1, round(1 / (self.rate * time_base))) if self.rate else 1
        last, end = None, 0
        for index, picture in enumerate(chain((self._first,), self._pictures)):
            # Encoders want rising time stamps; where a container has none, the order of decoding gives them.
            rising = (t for t in (picture.pts, picture.dts) if t is not None and (last is None or t > last))
            pts = next(rising, 0 if last is None else last + (step if picture.pts is None else 1))
            last, end = pts, pts + (picture.duration or step)
            picture.pts, picture.time_base = pts, time_base
            yield Frame(picture, index, pts, time_base, picture.duration or step, self._orientation)
        self._tell_early_end(end * time_base)

    def close(self) -> None:
        with suppress(ValueError):  # another thread is in it, and will find the container closed
            self._pictures.close()  # it refers to this, and this to it: that would keep the decoder
        self._container.close()

    def _decode(self) -> Generator[av.VideoFrame, None, None]:
        damaged, missing, whole = 0, 0, self._stream.codec_context.name in _A_FRAME_A_PACKET
        packets = self._time_line.demux([self._stream])
        ended = False
        while not ended:
            packet, pictures = None, []
            try:
                packet = next(packets, None)
                ended = packet is None or (packet.size == 0 and packet.dts is None)
                pictures = self._stream.decode(packet)
            except FFmpegError:
                damaged += 1
                ended = packet is None  # the file cannot be read on
            missing += 0 if ended or packet is None or packet.is_discard else 1
            for picture in pictures:
                missing -= 1
                damaged += picture.is_corrupt
                whole = whole and not picture.interlaced_frame  # whose fields may come one by one
                picture.pict_type = PictureType.NONE  # else the encoder would repeat the old choice of key frames
                yield self._native(picture, self._stream.codec_context.sample_aspect_ratio)
        damaged = max(damaged, missing if whole else 0)
        if damaged:
            self.notices.append(f"{damaged} damaged frames")

    def _tell_early_end(self, end: Fraction) -> None:
        if self._time_line.jumps:
            self.notices.append("joined of recordings whose clocks differ; they follow each other without a gap")
            return
        promised = _promised_end(self._container, self._stream)
        if promised and end + _EARLY_END < promised:
            self.notices.append(f"the file ends after {float(end):.1f} of {float(promised):.1f} seconds")


def _promised_end(container: InputContainer, stream: VideoStream) -> Fraction | None:
    """The time in seconds at which the header says that the video ends; None where it does not say."""
    if stream.duration and stream.time_base:
        return (stream.duration + (stream.start_time or 0)) * stream.time_base
    if "DURATION" in stream.metadata:  # Matroska's, as hours:minutes:seconds
        with suppress(ValueError):
            hours, minutes, seconds = map(Fraction, stream.metadata["DURATION"].split(":"))
            return hours * 3600 + minutes * 60 + seconds
    return Fraction(container.duration, av.time_base) if container.duration else None


def open_container(path: Path) -> InputContainer:
    """The file opened by what is in it. Raises InputError with a reason that its owner can act on."""
    try:
        # A name may look like a URL or a pattern of numbered files; file: says that it is neither.
        container: InputContainer = av.open(f"file:{path}", "r", **ANY_TEXT)
    except FFmpegError as error:
        raise InputError(f"{path}: cannot be read as a video, or is cut short ({error.strerror})") from error
    if container.format.name == "webp_pipe":  # one that stands still is a photo
        container.close()
        raise InputError(f"{path}: animated WebP cannot be read; save it as a video or as GIF")
    kind = container.format.name
    if kind.endswith("_pipe") or kind in _STILLS or container.metadata.get("major_brand") in _STILL_BRANDS:
        container.close()
        raise InputError(f"{path}: unsupported kind of picture; save it as JPEG or PNG")
    return container


def main_video(container: InputContainer, path: Path) -> VideoStream:
    """The stream to turn into a cartoon: not a cover picture. Raises InputError where there is none."""
    best = container.streams.best("video")
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise InputError(f"{path}: there is no video in this file")
    stream = best if best in moving else moving[0]
    if not isinstance(stream, VideoStream) or stream.codec_context is None:
        raise InputError(f"{path}: there is no decoder for its video")
    return stream


def _largest(path: Path) -> tuple[int, int] | None:
    """The size of the largest key frame of the video; None where none can be decoded."""
    sizes = []
    with open_container(path) as container, suppress(FFmpegError):
        stream = main_video(container, path)
        for packet in demux(container, stream):
            if packet.is_keyframe or not packet.size:
                with suppress(FFmpegError):
                    sizes += [(picture.width, picture.height) for picture in stream.decode(packet)]
    return max(sizes, key=math.prod, default=None)


def _orientation(picture: av.VideoFrame) -> Orientation:
    matrix = display_matrix(picture)
    return Orientation.of_display_matrix(matrix) if matrix else UPRIGHT


def _all_around(picture: av.VideoFrame) -> bool:
    try:
        return bool(_side_data(picture)["SPHERICAL"])
    except (KeyError, ValueError):
        return False


def display_matrix(picture: av.VideoFrame) -> list[int] | None:
    """How a container says that the picture is to be turned: nine numbers, None where it stands upright."""
    try:
        data = _side_data(picture)["DISPLAYMATRIX"]
    except KeyError:
        return None
    except ValueError:  # other notes beside it, of a kind that PyAV does not know
        turn = np.deg2rad(picture.rotation)
        cos, sin = (round(65536 * value) for value in (np.cos(turn), np.sin(turn)))
        return [cos, -sin, 0, sin, cos, 0, 0, 0, 1 << 30] if picture.rotation else None
    return [int(value) for value in np.frombuffer(bytes(data), np.int32)]


def _side_data(picture: av.VideoFrame) -> SideDataContainer:
    """What goes along with a picture.

    `picture.side_data` refers to the picture, and the picture to it: that would keep all the decoder's memory until
    Python next looks for such rings, which a program that makes few new objects puts off for very long.
    """
    return SideDataContainer(picture)  # type: ignore[call-arg]  # its stub has no __init__
