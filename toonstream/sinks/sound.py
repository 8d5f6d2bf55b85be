"""Sound that the new container cannot hold as it is, encoded anew."""

from __future__ import annotations

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


class EncodedSound:
    """A stream of sound in `output`, decoded from `original` and encoded as AAC, or as Opus for WebM.

    name: the codec's. Raises ValueError or FFmpegError where there is no decoder, or no place in the container.
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
        self.name = encoder.canonical_name
        self._output = output
        self._decoder = sound
        self._heard = False
        # What is missing in damaged sound becomes silence, so that the rest keeps its time.
        self._resampler = AudioResampler(stream.format, layout, rate, options={"async": "1"})

    def write(self, packet: Packet[Stream] | None) -> None:
        """Encodes what a packet of the original holds, and all that is held back for None. Raises FFmpegError."""
        frames: list[AudioFrame] = []
        with suppress(FFmpegError):  # a damaged packet
            frames = self._decoder.decode(packet)
        for frame in frames:
            self._encode(frame)
        if packet is None and self._heard:
            self._encode(None)
            self._output.mux(self.stream.encode(None))

    def _encode(self, frame: AudioFrame | None) -> None:
        self._heard = True
        for piece in self._resampler.resample(frame):
            self._output.mux(self.stream.encode(piece))


def _layout(encoder: Codec, sound: AudioCodecContext, rate: int) -> str:
    """The sound's own layout of channels where the encoder knows it, else stereo."""
    trial = av.CodecContext.create(encoder, "w")
    assert isinstance(trial, AudioCodecContext)
    try:
        assert encoder.audio_formats
        trial.format, trial.sample_rate, trial.layout = encoder.audio_formats[0], rate, sound.layout
        trial.open()
    except (ValueError, FFmpegError):
        return "stereo"
    return sound.layout.name
