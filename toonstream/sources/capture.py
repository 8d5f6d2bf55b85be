"""What FFmpeg captures or receives: cameras, screens, streams. Whatever is lost is opened again."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

from av import AudioFrame, Packet, VideoFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import ExitError, FFmpegError
from av.stream import Stream
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import InputError, UserError

from toonstream.frame import Frame
from toonstream.orientation import Rect
from toonstream.picture import UNSPECIFIED, cut_out, square_size, with_square_pixels
from toonstream.sources.clock import LATE, MICROSECOND, now, stamp
from toonstream.sources.demux import demux
from toonstream.sources.native import Native

RETRY_SECONDS = 1.0
"""Between two attempts to open what is lost."""

PAUSE_SECONDS = 0.05
"""How long `read` waits where there is nothing to read."""

IN_PIECES = ("hls", "dash")
"""Formats whose packets come many at once, long before their time, and are held until then; files of a server, too."""

HANGING_SECONDS = 0.3
"""A read that takes so long beyond a request to close is left alone."""

SOUND_PIECES = 100
"""Pieces of sound, of some 20 ms, that may wait to be sent on."""

SOUND_FOLLOWS = 1 / 30
"""The share of what pictures come too late or too soon for the sound by which the sound's clock is moved at each."""

JUMP_SECONDS = 1.0
"""From where on that clock is reset."""

OLDEST = 1_000_000
"""A time stamp of the driver's that lies further back, in microseconds, is of some other clock."""


class CaptureSource(Closeable):
    """Opens by `open`, at once and again whenever it is lost. Raises what `open` raises the first time.

    name: for messages. open: raises UserError where it cannot. whole: every packet is needed to decode the next.
    The rest is LiveSource's.
    """

    def __init__(self, name: str, open: Callable[[], InputContainer], whole: bool = False) -> None:
        self.name = name
        self.problem: str | None = None
        self._open = open
        self._busy = threading.Lock()
        self._whole = whole
        self._index = 0
        self._retry_at = 0.0
        self._container: InputContainer | None = None
        self._sound: deque[AudioFrame] | None = None
        self._begin()
        context = self._stream.codec_context
        if not context.width or not context.height:
            self.close()
            raise InputError(f"{name}: it reports no frame size")
        self.size = square_size(context.width, context.height, self._aspect)
        self.rate: Fraction | None = self._stream.average_rate or self._stream.guessed_rate
        self._native = Native([])

    @property
    def description(self) -> str:
        width, height = self.size
        return f"{self.name}, {width}x{height}" + (f" at {float(self.rate):.4g} frames a second" if self.rate else "")

    def read(self) -> Frame | None:
        with self._busy:
            packet = self._next()
            if packet is None:
                return None
            moment = self._moment(packet)
            self._set_sound(packet, moment)
            try:
                pictures = self._stream.decode(packet)
            except FFmpegError:  # one damaged picture, as weak links give; the next may be whole
                return None
            if not pictures:
                return None
            self._index += 1
            return stamp(Frame(self._own(pictures[-1]), 0, None, MICROSECOND), moment, self._index)

    def skip(self) -> None:
        with self._busy:
            packet = self._next()
            if packet is not None and self._whole:
                with suppress(FFmpegError):
                    self._stream.decode(packet)

    def listen(self) -> deque[AudioFrame] | None:
        with self._busy:
            if self._sound is not None or self._container is None or not self._container.streams.audio:
                return None
            self._sound = deque(maxlen=SOUND_PIECES)
            self._demux(self._container)
            return self._sound

    def close(self) -> None:
        if self._busy.acquire(timeout=HANGING_SECONDS):  # a driver that hangs is left to the end of the program
            try:
                self._release()
            finally:
                self._busy.release()

    def _release(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _begin(self) -> None:
        container = self._open()
        if not container.streams.video:
            container.close()
            raise InputError(f"{self.name}: there is no video in it")
        self._container = container
        self._stream: VideoStream = container.streams.video[0]
        self._aspect = self._stream.sample_aspect_ratio
        self._stream.thread_type = "SLICE"  # threads of whole frames would each keep one back
        self._demux(container)
        self._paced = container.format.name in IN_PIECES or container.size > 0  # what has a size is no live stream
        self._start: Fraction | None = None
        self._sound_start: float | None = None
        self._opened_at = time.monotonic()
        self.problem = None

    def _demux(self, container: InputContainer) -> None:
        wanted: list[Stream] = [self._stream]
        if self._sound is not None:
            wanted += container.streams.audio[:1]
        self._packets = demux(container, *wanted)

    def _next(self) -> Packet[Any] | None:
        """The next packet with something in it; opens what is closed or was lost."""
        if self._container is None:
            if time.monotonic() < self._retry_at:
                time.sleep(PAUSE_SECONDS)
                return None
            try:
                self._begin()
            except UserError as error:
                self._lose(str(error))
                return None
        try:
            packet = next(self._packets, None)
            while packet is not None and isinstance(packet.stream, AudioStream):
                self._hear(packet)
                packet = next(self._packets, None)
        except FFmpegError as error:
            self._lose(f"{self.name}: lost ({reason(error)}); waiting for it to come back")
            return None
        if packet is None or (packet.size == 0 and packet.pts is None):
            self._lose(f"{self.name}: ended; waiting for it to come back")
            if self._paced:  # a file of a server goes on from its start, like one that is here
                self.problem, self._retry_at = None, self._opened_at + RETRY_SECONDS
            return None
        if self._paced:
            self._wait(packet)
        return packet if packet.size else None

    def _lose(self, problem: str) -> None:
        self._release()
        self.problem = problem
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _moment(self, packet: Packet[VideoStream]) -> int:
        """When the packet was captured: by the driver where it tells on our clock, else now."""
        moment = now()
        if packet.pts is not None and packet.time_base == MICROSECOND and 0 <= moment - packet.pts < OLDEST:
            return packet.pts
        return moment

    def _hear(self, packet: Packet[Any]) -> None:
        """Keeps the packet's sound, stamped on the clock of the pictures; not before there is one."""
        if self._sound is None or self._sound_start is None:
            return
        with suppress(FFmpegError):  # a damaged piece
            pieces: list[Any] = packet.decode()
            for piece in pieces:
                if piece.pts is not None:
                    moment = self._sound_start + float(piece.pts * piece.time_base)
                    piece.pts, piece.time_base = round(moment / MICROSECOND), MICROSECOND
                    self._sound.append(piece)

    def _set_sound(self, packet: Packet[Any], moment: int) -> None:
        """Moves the clock of the sound to where pictures that come at such moments have it."""
        if self._sound is None or packet.pts is None:
            return
        start = float(moment * MICROSECOND - packet.pts * packet.time_base)
        if self._sound_start is None or abs(start - self._sound_start) > JUMP_SECONDS:
            self._sound_start = start
        self._sound_start += SOUND_FOLLOWS * (start - self._sound_start)

    def _wait(self, packet: Packet[Any]) -> None:
        """Until it is the packet's turn; one that is far too late moves all that come after it."""
        if packet.dts is None:
            return
        due = packet.dts * packet.time_base  # it rises from packet to packet; the time to show them goes to and fro
        clock = Fraction(now()) * MICROSECOND
        if self._start is None or self._start + due < clock - LATE or self._start + due > clock + 60:
            self._start = clock - due
        time.sleep(max(0.0, float(self._start + due - clock)))

    def _own(self, picture: VideoFrame) -> VideoFrame:
        """The picture in planes that a frame may keep: those of a raw one are the driver's own, and pass away."""
        raw = self._stream.codec_context.name == "rawvideo"
        if raw and picture.colorspace == UNSPECIFIED and not picture.format.is_rgb:
            picture.colorspace = Colorspace.ITU601  # as webcams have it, whatever their size
        native = self._native(picture)
        if raw and native is picture:
            native = cut_out(native, Rect(0, 0, native.width, native.height))
        return with_square_pixels(native, self._aspect)


def reason(error: FFmpegError) -> str:
    """Why something cannot be read, for people: FFmpeg calls it an exit where a time is up."""
    return "nothing comes" if isinstance(error, ExitError) else str(error.strerror)
