"""A video file, written under a name of its own until it is whole, with the sound and the rest of the original."""

import errno
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.codec.codec import find_best_pix_fmt_of_list
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from engines.errors import InputError, UserError
from toonstream.frame import AVERAGED, Frame
from toonstream.sinks.containers import container_of
from toonstream.sinks.encoders import find_encoder, settings
from toonstream.sinks.original import Original
from toonstream.sources.video import display_matrix

_FALLBACK_RATE = Fraction(30)


class VideoSink:
    """Frames go into `NAME.part.EXT`, which becomes `NAME.EXT` when the context is left without an exception.

    original: the video file whose sound, subtitles, chapters and tags go along. rate: the nominal one, for a player's
    information; frames keep their own time stamps. Raises InputError at once for a file that is there already (unless
    `overwrite`), a suffix that is no container, or an unknown encoder; UserError where the disk fails or fills up.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate: Fraction | None = None,
        original: Path | None = None,
        encoder: str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = path
        self.part = path.with_name(f"{path.stem}.part{path.suffix}")
        self.notices: list[str] = []
        self._kind = container_of(path)
        self._codec = find_encoder(encoder or self._kind.encoder)
        self._rate = rate or _FALLBACK_RATE
        self._original_path = original
        self._original: Original | None = None
        self._output: OutputContainer | None = None
        self._durations: dict[int, int] = {}
        check_output(path, original, overwrite)

    def __enter__(self) -> Self:
        return self

    def write(self, frame: Frame) -> None:
        """Encode one frame. Raises UserError where the file cannot be written."""
        try:
            if self._output is None:
                self._open(frame)
            picture = frame.picture
            if picture.format.name != self._stream.pix_fmt:
                picture = picture.reformat(format=self._stream.pix_fmt, interpolation=AVERAGED)
            self._mux(picture)
        except FFmpegError as error:
            raise self._failure(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._output is None:
            return
        try:
            self._mux(None)
            if self._original and kind is None:
                self._original.copy_until(None)
            self._output.close()
        except FFmpegError as failure:
            if kind is None:
                raise self._failure(failure) from failure
        else:
            if kind is None:
                self.part.replace(self.path)
        finally:
            if self._original:
                self._original.close()

    def _open(self, frame: Frame) -> None:
        """Everything follows from the first frame: planes, colours and orientation go in as they came."""
        picture = frame.picture
        self._output = av.open(f"file:{self.part}", "w", format=self._kind.format, container_options=self._kind.options)
        try:
            stream = self._output.add_stream(
                self._codec.name,
                rate=self._rate,
                width=picture.width,
                height=picture.height,
                time_base=frame.time_base,
                options=settings(self._codec, picture.width, picture.height, float(self._rate))
                | self._kind.encoder_options,
            )
        except ValueError as error:
            raise InputError(f"{self.path}: {self._codec.name} does not go into this container") from error
        assert isinstance(stream, VideoStream)
        self._stream = stream
        stream.pix_fmt = self._format(picture)
        context = stream.codec_context
        context.colorspace, context.color_range = picture.colorspace, picture.color_range
        context.color_primaries, context.color_trc = picture.color_primaries, picture.color_trc
        stream.set_display_matrix(display_matrix(picture))
        if self._original_path:
            self._original = Original(self._original_path, self._output, stream)
            self.notices += self._original.notices
            context.sample_aspect_ratio = self._original.sample_aspect_ratio or Fraction(0, 1)
        self._output.start_encoding()

    def _format(self, picture: av.VideoFrame) -> str:
        """The picture's own format where the encoder takes it, else the nearest that it takes."""
        formats = self._codec.video_formats or []
        if any(one.name == picture.format.name for one in formats):
            return picture.format.name
        best, _ = find_best_pix_fmt_of_list(formats, picture.format)
        return best.name if best else "yuv420p"

    def _mux(self, picture: av.VideoFrame | None) -> None:
        """Encode a picture, or what the encoder holds back for None; the original's packets keep step."""
        assert self._output is not None
        if picture is not None and picture.pts is not None:
            self._durations[picture.pts] = picture.duration
        for packet in self._stream.encode(picture):
            if packet.pts in self._durations:
                packet.duration = self._durations.pop(packet.pts)
            if self._original and packet.dts is not None:
                self._original.copy_until(packet.dts * packet.time_base)
            self._output.mux_one(packet)

    def _failure(self, error: FFmpegError) -> UserError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return UserError(f"{self.path}: the disk is full")
        return UserError(f"{self.path}: cannot be written ({error.strerror})")


def check_output(path: Path, original: Path | None, overwrite: bool) -> None:
    """Raises InputError where writing `path` would lose a file or there is no folder for it."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    if original and path.exists() and path.samefile(original):
        raise InputError(f"{path}: this is the input itself; name another output")
    if path.exists() and not overwrite:
        raise InputError(f"{path}: the file is there already; --overwrite replaces it")
