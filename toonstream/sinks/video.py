"""A video file, written under a name of its own until it is whole, with the sound and the rest of the original."""

from contextlib import nullcontext, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.codec.codec import find_best_pix_fmt_of_list
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.part import make_part

from toonstream.frame import Frame
from toonstream.picture import AVERAGED, full_or_limited, matrix, planes, video_of_rgb
from toonstream.sinks.containers import container_of
from toonstream.sinks.encoders import find_encoder, settings
from toonstream.sinks.original import Original
from toonstream.sinks.output import check_output, failure, publish
from toonstream.sources.video import ANY_TEXT, display_matrix

_FALLBACK_RATE = Fraction(30)
_REORDERED_SECONDS = 0.25


class VideoSink:
    """Frames go into a new file, `NAME.part.EXT`; it becomes `NAME.EXT` when the context is left without an exception.

    After an exception what was drawn stays there, and the last of `notices` names it.
    original: the video file whose sound, subtitles, chapters and tags go along. rate: the nominal one, for a player's
    information; frames keep their own time stamps. live: nobody can give the frames again, so that a file of any kind
    can be read up to about its last second, whatever ends the program; it has no B-frames. Raises InputError at once
    for a file that is there already (unless `overwrite`), a suffix that is no container, or an unknown encoder;
    UserError where the disk fails or fills up.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate: Fraction | None = None,
        original: Path | None = None,
        encoder: str | None = None,
        overwrite: bool = False,
        live: bool = False,
    ) -> None:
        self.path = path
        self._live = live
        self._overwrite = overwrite
        self._part: Path | None = None
        self.notices: list[str] = []
        self._kind = container_of(path)
        self._codec = find_encoder(encoder or self._kind.encoder)
        self._rate = rate or _FALLBACK_RATE
        self._original_path = original
        self._original: Original | None = None
        self._output: OutputContainer | None = None
        self._reformatter = VideoReformatter()  # a picture's own must not be used by two threads
        self._durations: dict[int, int] = {}
        self._end = Fraction(0)
        check_output(path, original, overwrite)

    def __enter__(self) -> Self:
        return self

    def write(self, frame: Frame) -> None:
        """Encode one frame. Raises UserError where the file cannot be written."""
        picture = frame.picture
        try:
            if any(frame.orientation) and not self._kind.turns:
                picture = _upright(frame)
            if picture.format.is_rgb:
                picture = video_of_rgb(planes(picture)[0], picture)
            if self._output is None:
                self._open(picture, swapped=frame.orientation.swap and not self._kind.turns)
            elif self._part and not self._part.exists():  # the system takes what is written to it all the same
                raise UserError(f"{self.path}: {self._part} was removed while it was written; nothing of it is left")
            self._mux(self._like_first(picture))
        except (FFmpegError, OSError) as error:
            raise failure(self.path, error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._output:
                with suppress(UserError) if kind else nullcontext():
                    self._finish(whole=kind is None)
        finally:
            if self._original:
                self._original.close()
            self._tell_of_part()

    def _tell_of_part(self) -> None:
        """Name what an interrupted run leaves; nothing is left where nothing was drawn."""
        if not self._part or not self._part.exists():
            return
        if self._output and self._part.stat().st_size:
            plays = "" if _plays(self._part) else "; it is incomplete and may not play"
            self.notices.append(f"what was written so far is in {self._part}{plays}")
        else:
            self._part.unlink()

    def _finish(self, whole: bool) -> None:
        """Make the part playable, and the file itself of it where it is whole."""
        assert self._output is not None
        try:
            self._mux(None)
            if self._original:
                self._original.finish(None if whole else self._end)
            self._output.close()
        except FFmpegError as error:
            with suppress(FFmpegError):
                self._output.close()
            raise failure(self.path, error) from error
        except BaseException:  # an interrupt: what is written still gets the end without which it would not play
            with suppress(FFmpegError):
                self._output.close()
            raise
        if whole:
            part, self._part = self._part, None
            assert part
            publish(part, self.path, self._overwrite)

    def _open(self, picture: av.VideoFrame, swapped: bool) -> None:
        """Everything follows from the first picture: planes, colours and orientation go in as they came.

        swapped: whether its pixels were turned by a quarter.
        """
        kind = self._kind
        self._part = make_part(self.path)
        options = kind.options | (kind.live if self._live else {})
        options["flush_packets"] = "1"  # into the file at once: a killed program loses what it holds
        output = av.open(f"file:{self._part}", "w", format=kind.format, container_options=options, **ANY_TEXT)
        encoding = settings(self._codec, picture.width, picture.height, float(self._rate))
        near_zero = not kind.below_zero and (picture.time or 0) < _REORDERED_SECONDS
        if self._live or near_zero:  # B-frames come earlier than their time: all would be shifted
            encoding["bf"] = "0"
        try:
            stream = output.add_stream(
                self._codec.name,
                rate=self._rate,
                width=picture.width,
                height=picture.height,
                time_base=picture.time_base,
                options=encoding,
            )
        except ValueError as error:
            raise InputError(
                f"{self.path}: this container cannot hold {self._codec.name}; choose another file type"
            ) from error
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.pix_fmt = self._format(picture)
        context.colorspace, context.color_range = picture.colorspace, picture.color_range
        context.color_primaries, context.color_trc = picture.color_primaries, picture.color_trc
        stream.set_display_matrix(display_matrix(picture))
        if picture.interlaced_frame:
            context.flags |= Flags.interlaced_dct
        if self._codec.canonical_name == "hevc" and self._kind.format in ("mp4", "mov"):
            context.codec_tag = "hvc1"  # the one of two tags that Apple's players know
        if self._original_path:
            self._original = Original(self._original_path, output, stream)
            self.notices += self._original.notices
            aspect = self._original.sample_aspect_ratio or Fraction(0, 1)
            context.sample_aspect_ratio = 1 / aspect if aspect and swapped else aspect
        try:
            context.open()
        except FFmpegError as error:
            video = f"{picture.width}x{picture.height}, {context.pix_fmt}, a clock of {picture.time_base} s"
            raise InputError(
                f"--encoder {self._codec.name}: does not work here, or not with this video ({video}: {error.strerror})"
            ) from error
        output.start_encoding()
        self._output, self._stream = output, stream
        self._colours = matrix(picture), full_or_limited(picture)

    def _like_first(self, picture: av.VideoFrame) -> av.VideoFrame:
        """The picture in the stream's format, and in the first one's colours: another source may have others."""
        colours = matrix(picture), full_or_limited(picture)
        if picture.format.name == self._stream.pix_fmt and colours == self._colours:
            return picture
        return self._reformatter.reformat(
            picture,
            format=self._stream.pix_fmt,
            src_colorspace=colours[0],
            dst_colorspace=self._colours[0],
            src_color_range=colours[1],
            dst_color_range=self._colours[1],
            interpolation=AVERAGED,
        )

    def _format(self, picture: av.VideoFrame) -> str:
        """The picture's own format where the encoder takes it, else the nearest that it takes."""
        formats = [one.name for one in self._codec.video_formats or []]
        odd = picture.width % 2 or picture.height % 2
        if odd and self._codec.canonical_name in ("h264", "hevc"):  # whose coarse chroma comes in even sizes only
            formats = [name for name in formats if "444p" in name] or formats
        if picture.format.name in formats:
            return picture.format.name
        best, _ = find_best_pix_fmt_of_list(formats, picture.format)
        return best.name if best else "yuv420p"

    def _mux(self, picture: av.VideoFrame | None) -> None:
        """Encode a picture, or what the encoder holds back for None; the original's packets keep step."""
        assert self._output is not None
        if picture is not None and picture.pts is not None:
            self._durations[picture.pts] = picture.duration
            self._end = (picture.pts + picture.duration) * (picture.time_base or Fraction(0))
        for packet in self._stream.encode(picture):
            if packet.pts in self._durations:
                packet.duration = self._durations.pop(packet.pts)
            if self._original and packet.dts is not None:
                self._original.copy_until(packet.dts * packet.time_base)
            self._output.mux_one(packet)


def _upright(frame: Frame) -> av.VideoFrame:
    """The picture as it is seen, RGB, for a container that cannot tell players to turn it."""
    upright = Frame.from_rgb(frame.rgb(), frame.pts, frame.time_base, frame.index).picture
    upright.duration = frame.picture.duration
    return upright


def _plays(path: Path) -> bool:
    try:
        with av.open(f"file:{path}"):
            return True
    except FFmpegError:
        return False
