"""MPEG-TS over TCP, H.264 with the source's own sound: for OBS where the sound has to travel along."""

import select
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction

import av
from av import AudioFrame, AudioResampler, Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import UserError

from toonstream.frame import Frame
from toonstream.newest import Newest
from toonstream.picture import AVERAGED, copy, full_or_limited, matrix
from toonstream.sinks.listening import parse, reason

TICKS = Fraction(1, 90_000)
"""The clock of MPEG-TS."""

SOUND_RATE = 48_000
USUAL_RATE = Fraction(30)

LOOK_SECONDS = 0.2
"""Between two checks whether the sink was closed or the reader has gone."""

STUCK_SECONDS = 5.0
"""A reader that takes nothing for so long is let go."""

SEND_BUFFER_BYTES = 64 << 10

# Quick rather than small: it goes to a program on this machine or on the next.
X264 = {"preset": "superfast", "tune": "zerolatency", "crf": "18", "g": "60"}
MUXER = {
    "flush_packets": "1",
    "max_interleave_delta": "40000",  # microseconds for which a picture waits for sound that does not come
}


class TransportStream(Closeable):
    """Waits at tcp://HOST:PORT for a reader, one at a time, and sends what is new while there is one.

    rate: nominal, of the pictures. sound: what the source has to hear, stamped on the clock of its pictures; it is
    emptied; None where there is none. Raises InputError for what is no address, UserError where it cannot open. The
    rest is LiveSink's.
    """

    private = False

    def __init__(self, address: str, rate: Fraction | None, sound: deque[AudioFrame] | None = None) -> None:
        place = parse(address, "tcp", 9000)
        try:
            self._listener = socket.create_server((place.host, place.port), family=place.family)
        except OSError as error:
            raise UserError(f"--to {address}: {reason(error)}") from error
        self.url = f"{address.rpartition(':')[0]}:{self._listener.getsockname()[1]}"
        self.description = f"stream for OBS {self.url}, {'without' if sound is None else 'with'} sound"
        if not place.loopback:
            self.description += ", which everybody on the network can see"
        self.watched = False
        self._rate = rate or USUAL_RATE
        self._sound = sound
        self._frames: Newest[Frame] = Newest()
        self._closed = threading.Event()
        self._reader: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, name="transport", daemon=True)
        self._thread.start()

    def write(self, frame: Frame) -> None:
        if self.watched:
            self._frames.put(frame)

    def close(self) -> None:
        self._closed.set()
        if reader := self._reader:
            with suppress(OSError):
                reader.shutdown(socket.SHUT_RDWR)  # which ends a send that hangs
        self._thread.join()

    def _serve(self) -> None:
        with self._listener:
            self._listener.settimeout(LOOK_SECONDS)
            while not self._closed.is_set():
                try:
                    reader, _ = self._listener.accept()
                except OSError:  # nobody yet
                    continue
                with reader:
                    reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    reader.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
                    reader.settimeout(STUCK_SECONDS)
                    self._reader, self.watched = reader, True
                    with suppress(OSError, FFmpegError):  # the reader has gone
                        self._send(reader)
                    self._reader, self.watched = None, False

    def _send(self, reader: socket.socket) -> None:
        self._frames.take(0)  # what was meant for the reader before
        while (first := self._next(reader)) is None:
            pass
        with av.open(_Pipe(reader), "w", format="mpegts", container_options=MUXER) as output:
            encoder = _Encoder(output, first, self._rate, self._sound)
            frame: Frame | None = first
            while True:
                if frame:
                    encoder.write(frame)
                frame = self._next(reader)

    def _next(self, reader: socket.socket) -> Frame | None:
        """The newest frame; None where there is none yet. Raises OSError where there is nobody to send it to."""
        frame = self._frames.take(LOOK_SECONDS)
        readable, _, _ = select.select([reader], [], [], 0)
        if self._closed.is_set() or (readable and not reader.recv(4096)):
            raise ConnectionAbortedError
        return frame


class _Pipe:
    """A connection as FFmpeg writes to it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> int:
        self._connection.sendall(data)
        return len(data)


class _Encoder:
    """Pictures, of the first one's size, and sound, from the first picture on, into a container."""

    def __init__(self, output: OutputContainer, first: Frame, rate: Fraction, sound: deque[AudioFrame] | None) -> None:
        self._output = output
        self._start = Fraction(first.pts or 0) * first.time_base
        self._last = -1
        self._reformatter = VideoReformatter()  # a picture's own must not be used by two threads
        self._video = output.add_stream("libx264", rate=rate, options=X264)
        self._video.width, self._video.height = first.width // 2 * 2, first.height // 2 * 2
        self._video.pix_fmt = "yuv420p"
        self._video.time_base = self._video.codec_context.time_base = TICKS
        self._matrix = Colorspace.ITU709 if first.picture.format.is_rgb else matrix(first.picture)
        self._video.codec_context.colorspace, self._video.codec_context.color_range = self._matrix, ColorRange.MPEG
        self._sound = sound
        if sound is not None:
            sound.clear()
            self._audio = output.add_stream("aac", rate=SOUND_RATE, layout="stereo")
            self._kind: tuple[str, str, int] | None = None

    def write(self, frame: Frame) -> None:
        """A picture, and the sound that came since the last one. Raises OSError where the reader has gone."""
        while self._sound:
            self._output.mux(list(self._encode(self._sound.popleft())))
        picture = self._reformatter.reformat(
            frame.picture if not any(frame.orientation) else Frame.from_rgb(frame.rgb(), 0, TICKS, 0).picture,
            self._video.width,
            self._video.height,
            "yuv420p",
            src_colorspace=matrix(frame.picture),
            dst_colorspace=self._matrix,
            src_color_range=full_or_limited(frame.picture),
            dst_color_range=ColorRange.MPEG,
            interpolation=AVERAGED,
            threads=1,
        )
        if picture is frame.picture:
            picture = copy(picture)
        self._last = max(self._last + 1, round((Fraction(frame.pts or 0) * frame.time_base - self._start) / TICKS))
        picture.pts, picture.time_base, picture.pict_type = self._last, TICKS, PictureType.NONE
        self._output.mux(self._video.encode(picture))

    def _encode(self, frame: AudioFrame) -> "Iterator[Packet[AudioStream]]":
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if kind != self._kind:  # as at first, or where a broadcast goes on with other sound
            self._kind = kind
            # Stamps from the network wander: it stretches, and fills what is missing with silence.
            self._resampler = AudioResampler("fltp", "stereo", SOUND_RATE, options={"async": "1000"})
        moment = Fraction(frame.pts or 0) * Fraction(frame.time_base or 0) - self._start
        if moment >= 0:
            frame.pts, frame.time_base = round(moment * frame.sample_rate), Fraction(1, frame.sample_rate)
            for piece in self._resampler.resample(frame):
                yield from self._audio.encode(piece)
