"""What goes along with the picture: sound, subtitles, fonts, chapters and tags of the original file.

All of it is copied as it is; only sound that the new container cannot hold is encoded again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from io import BytesIO
from itertools import islice
from pathlib import Path

import av
from av.audio.codeccontext import AudioCodecContext
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import AttachmentStream, Discard, Stream
from av.video.stream import VideoStream

from toonstream.sinks.sound import EncodedSound
from toonstream.sources.demux import demux
from toonstream.sources.time_line import TimeLine
from toonstream.sources.video import ANY_TEXT, main_video, open_container

# Tags that tell how the original itself was written and would be wrong in a new file.
_OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "rotate", "vendor_id"}
_PICTURES = {"metadata_block_picture", "coverart"}  # covers as text, in base64
_FONTS = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf")  # how TrueType and OpenType fonts start; subtitles need them
_LAYOUTS = {1: "mono", 2: "stereo"}  # what MP4 asks for, by the number of channels
_OF_THE_STATISTICS = ("bps", "number_of_", "_statistics_")


class Original:
    """The input opened once more, for all but its picture; packets are copied as the new video comes to their time.

    notices: what does not go along.
    """

    def __init__(self, path: Path, output: OutputContainer, video: VideoStream) -> None:
        self.notices: list[str] = []
        self._output = output
        self._container = open_container(path)
        self._video = main_video(self._container, path)
        self._copies: dict[int, Stream] = {}
        self._encoded: dict[int, EncodedSound] = {}
        self._last_dts: dict[int, int] = {}
        first_packets = _first_packets(path)
        chapters = self._container.chapters()
        left_out = []
        for stream in self._container.streams:
            first = first_packets.get(stream.index, [])
            # Chapters as a track, which FFmpeg discards, and time codes: the muxer itself writes them.
            rewritten = stream.type == "data" and (stream.discard == Discard.all or "timecode" in stream.metadata)
            if stream is not self._video and not rewritten and not self._add(stream, first):
                left_out.append(f"{_name(stream)} stream {stream.index}")
        if chapters and output.format.name in ("flv", "mpegts"):
            left_out.append("chapters")
        if left_out:
            self.notices.append(f"left out: {', '.join(left_out)}")
        video.metadata.update(_of_stream(self._video))
        video.disposition = self._video.disposition
        output.metadata.update(_lasting(self._container.metadata))
        if any(key.startswith("com.") for key in output.metadata):  # tags of a phone, in a table of their own
            output.container_options["movflags"] = "+use_metadata_tags"
        if chapters:
            output.set_chapters(chapters)
        self._packets = self._demux()
        self._next = next(self._packets, None)

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        return self._video.sample_aspect_ratio

    def finish(self, time: Fraction | None) -> None:
        """Copy the last packets, as `copy_until` does, and what is held back of sound that is encoded."""
        self.copy_until(time)
        for sound in self._encoded.values():
            sound.write(None)

    def copy_until(self, time: Fraction | None) -> None:
        """Copy the packets that start before `time` in seconds; all that are left for None."""
        while self._next is not None and (time is None or _time(self._next) < time):
            self._copy(self._next)
            self._next = next(self._packets, None)

    def close(self) -> None:
        self._container.close()

    def _add(self, stream: Stream, first_packets: list[Packet[Stream]]) -> bool:
        """Whether the stream goes along; other pictures do not, since they would show the real faces."""
        if isinstance(stream, AttachmentStream):
            if self._output.format.name != "matroska" or not (stream.data or b"").startswith(_FONTS):
                return False
        elif stream.type not in ("audio", "subtitle"):
            return False
        try:
            copy = self._add_stream(stream, first_packets)
        except (ValueError, FFmpegError):  # the container has no place for it
            return False
        copy.metadata.update(_of_stream(stream))
        copy.disposition = stream.disposition
        self._copies[stream.index] = copy
        return True

    def _add_stream(self, stream: Stream, first_packets: list[Packet[Stream]]) -> Stream:
        if isinstance(stream, AttachmentStream) or _fits(stream, self._output.format.name, first_packets):
            return _add_copy(stream, self._output)
        sound = self._encoded[stream.index] = EncodedSound(stream, self._output)
        self.notices.append(f"{_name(stream)} stream {stream.index} does not fit; encoded as {sound.name}")
        return sound.stream

    def _demux(self) -> Iterator[Packet[Stream]]:
        streams = [self._container.streams[index] for index in self._copies]
        hidden: dict[int, Packet[Stream]] = {}
        if not streams:
            return
        try:
            for packet in TimeLine(self._container).demux(streams):
                gap = packet.size == 2 and packet.stream.name == "mov_text"  # which the muxer puts in by itself
                if not packet.size or gap:
                    continue
                if packet.is_discard and packet.stream_index not in self._encoded:
                    # Cut off by an edit list, which few containers have.
                    hidden[packet.stream_index] = packet
                    continue
                if before := hidden.pop(packet.stream_index, None):  # decoders of sound start from it
                    yield before
                yield packet
        except FFmpegError:  # damaged from here on; the source reports it
            return

    def _copy(self, packet: Packet[Stream]) -> None:
        index = packet.stream_index
        if index in self._encoded:
            self._encoded[index].write(packet)
            return
        last = self._last_dts.get(index)
        step = packet.stream.type != "subtitle"  # whose lines may start together
        if packet.dts is None:
            packet.dts = packet.pts if packet.pts is not None else (0 if last is None else last + 1)
        if last is not None and packet.dts < last + step:  # muxers refuse a step back
            packet.dts = last + step
        packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
        self._last_dts[index] = packet.dts
        packet.stream = self._copies[index]
        self._output.mux_one(packet)


def _first_packets(path: Path) -> dict[int, list[Packet[Stream]]]:
    """Some packets of each stream, as far as they lie at the beginning of the file."""
    found: dict[int, list[Packet[Stream]]] = {}
    with open_container(path) as container, suppress(FFmpegError):
        for packet in islice(demux(container), 500):
            packets = found.setdefault(packet.stream_index, [])
            if packet.size and len(packets) < 4:
                packets.append(packet)
    return found


def _fits(stream: Stream, container: str, packets: list[Packet[Stream]]) -> bool:
    """Whether a file of it alone can be written and read: some muxers refuse a stream only at the end, or never."""
    if container == "flv" and _codec(stream).startswith("pcm_"):  # at which FFmpeg's muxer aborts the process
        return False
    if container == "mpegts" and stream.codec_context and stream.codec_context.codec.text_sub:
        return False  # it would take them, and nobody could read them; here they often begin too late for a trial
    trial = BytesIO()
    try:
        with av.open(trial, "w", format=container, **ANY_TEXT) as output:
            copy = _add_copy(stream, output)
            for index, packet in enumerate(packets):
                # A second apart: muxers refuse packets that fall together in the time base of the output.
                packet.pts = packet.dts = round(index / packet.time_base)
                packet.stream = copy
                output.mux_one(packet)
        if not packets:
            return True
        trial.seek(0)
        with av.open(trial, format=container, **ANY_TEXT) as written:
            return [one.type for one in written.streams] == [stream.type]
    except (ValueError, FFmpegError):
        return False


def _add_copy(stream: Stream, output: OutputContainer) -> Stream:
    copy = output.add_stream_from_template(stream, opaque=True)
    sound = copy.codec_context
    if isinstance(sound, AudioCodecContext) and sound.layout.name.endswith(" channels"):  # AVI counts them, no more
        sound.layout = _LAYOUTS.get(sound.channels, sound.layout)
    return copy


def _codec(stream: Stream) -> str:
    return stream.codec_context.name if stream.codec_context else ""


def _time(packet: Packet[Stream]) -> Fraction:
    """When the packet starts, in seconds; one that does not say goes at once."""
    stamp = packet.dts if packet.dts is not None else packet.pts
    return Fraction(-1) if stamp is None else stamp * packet.time_base


def _name(stream: Stream) -> str:
    if isinstance(stream, AttachmentStream):
        return f"attachment {stream.name} in"
    return f"{_codec(stream)} {stream.type}".strip()


def _of_stream(stream: Stream) -> dict[str, str]:
    """A stream's tags; MP4's title of one is read as `name` and written as `title`."""
    return {"title" if key == "name" else key: value for key, value in _lasting(stream.metadata).items()}


def _lasting(tags: dict[str, str]) -> dict[str, str]:
    return {
        key: value
        for key, value in tags.items()
        if key.lower() not in _OF_THE_FILE | _PICTURES and not key.lower().startswith(_OF_THE_STATISTICS)
    }
