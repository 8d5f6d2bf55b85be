"""Sound that the new container cannot hold as it is, encoded again."""

from __future__ import annotations

import math
from contextlib import suppress

import av
from av import AudioFrame, AudioResampler
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.codec.codec import Codec
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

_ENCODERS = {"webm": "libopus"}
_USUAL_ENCODER = "aac"
_CHANNEL_BIT_RATE = 96_000  # at which neither is told from the original by ear
_LONGEST_SILENCE = 60  # seconds; one damaged time stamp can tell of days


class EncodedSound:
    """A stream of sound in `output`, decoded from `original` and encoded as AAC, or as Opus for WebM.

    name: the codec's, and what becomes of its channels. Raises ValueError or FFmpegError where there is no decoder, or
    no place in the container.
    """

    def __init__(self, original: Stream, output: OutputContainer) -> None:
        sound = original.codec_context
        if not isinstance(sound, AudioCodecContext) or not sound.sample_rate:
            raise ValueError("no decoder")
        encoder = Codec(_ENCODERS.get(output.format.name, _USUAL_ENCODER), "w")
        rates = encoder.audio_rates or [sound.sample_rate]
        rate = min(rates, key=lambda rate: (rate < sound.sample_rate, abs(rate - sound.sample_rate)))
        layout = _layout(encoder, sound, rate)
        stream = output.add_stream(encoder.name, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = _CHANNEL_BIT_RATE * stream.channels
        stream.codec_context.open()
        self.stream = stream
        self.name = encoder.canonical_name + (", in stereo" if stream.channels < sound.channels else "")
        self._output = output
        self._decoder = sound
        self._end: float | None = None
        self._kind: tuple[str, str, int] | None = None
        self._resampler = self._new_resampler()

    def _new_resampler(self) -> AudioResampler:
        """What is missing in damaged sound becomes silence, so that the rest keeps its time.

        As integers, which hold nothing beyond full scale: at such floats FFmpeg's AAC encoder never ends.
        """
        return AudioResampler("s32", self.stream.layout, self.stream.rate, options={"async": "1"})

    def write(self, packet: Packet[Stream] | None) -> None:
        """Encodes what a packet of the original holds, and all that is held back for None. Raises FFmpegError."""
        frames: list[AudioFrame] = []
        with suppress(FFmpegError):  # a damaged packet
            frames = self._decoder.decode(packet)
        for frame in frames:
            kind = frame.format.name, frame.layout.name, frame.sample_rate
            if self._end is not None and (kind != self._kind or (frame.time or 0) > self._end + _LONGEST_SILENCE):
                self._encode(None)
                self._resampler = self._new_resampler()  # which leaves a gap in the time stamps
                frame.pts = max(frame.pts or 0, math.ceil(self._end / (frame.time_base or 1)))
            self._encode(frame)
            self._kind = kind
            self._end = (frame.time or 0) + frame.samples / frame.sample_rate
        if packet is None and self._end is not None:
            self._encode(None)
            self._output.mux(self.stream.encode(None))

    def _encode(self, frame: AudioFrame | None) -> None:
        for piece in self._resampler.resample(frame):
            self._output.mux(self.stream.encode(piece))


def _layout(encoder: Codec, sound: AudioCodecContext, rate: int) -> str:
    """The sound's own layout of channels where the encoder knows it, or the usual one of as many, else stereo.

    What is meant for the sides goes to the back, as the encoders' own 5.1 has it.
    """
    for name in (sound.layout.name.removesuffix("(side)"), f"{sound.channels}c"):
        trial = av.CodecContext.create(encoder, "w")
        assert isinstance(trial, AudioCodecContext)
        try:
            assert encoder.audio_formats
            trial.format, trial.sample_rate, trial.layout = encoder.audio_formats[0], rate, name
            trial.open()
        except (ValueError, FFmpegError):
            continue
        return name
    return "stereo"
