"""Tiny clips of every awkward kind, and what can be read off a file."""

import hashlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.audio.frame import AudioFrame

from support import CLIP

WIDTH, HEIGHT, FRAMES = 64, 48, 20
SOUND_RATE = 48000


def draw(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A soft gradient with a block that moves, RGB uint8 (h, w, 3)."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([60 + 120 * x // width, 60 + 120 * y // height, np.full_like(x, 90 + 3 * index)], axis=-1)
    picture[10:26, 2 * index : 2 * index + 16] = (200, 60, 60)
    return picture.astype(np.uint8)


def make_clip(
    path: Path,
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    encoder: str = "libx264",
    pix_fmt: str = "yuv420p",
    pts: Iterable[int] = range(FRAMES),
    time_base: Fraction = Fraction(1, 25),
    rate: Fraction = Fraction(25),
    sound: str | None = "aac",
    sound_start: Fraction = Fraction(0),
    subtitles: bool = False,
    tags: tuple[int, int, int, int] = (2, 2, 2, 0),
    matrix: list[int] | None = None,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    format: str | None = None,
    metadata: dict[str, str] | None = None,
    chapters: list[Any] | None = None,
    alpha: int = 255,
) -> Path:
    """Write a clip. tags: matrix, primaries, transfer, range. alpha: of the left half, where pix_fmt has one."""
    output = av.open(str(path), "w", format=format, container_options=container_options or {})
    output.metadata.update(metadata or {})
    stream = output.add_stream(
        encoder, rate=rate, width=size[0], height=size[1], time_base=time_base, options=options or {}
    )
    stream.pix_fmt = pix_fmt
    context = stream.codec_context
    context.colorspace, context.color_primaries, context.color_trc, context.color_range = tags
    if aspect:
        context.sample_aspect_ratio = aspect
    stream.set_display_matrix(matrix)
    audio = output.add_stream(sound, rate=SOUND_RATE) if sound else None
    text = output.add_mux_stream("subrip" if path.suffix == ".mkv" else "mov_text") if subtitles else None
    if text:
        text.time_base = Fraction(1, 1000)
    if chapters:
        output.set_chapters(chapters)
    end = Fraction(0)
    for index, stamp in enumerate(pts):
        rgba = np.dstack([draw(index, *size), np.full(size[::-1], 255, np.uint8)])
        rgba[:, : size[0] // 2, 3] = alpha
        picture = av.VideoFrame.from_ndarray(rgba, "rgba").reformat(
            format=pix_fmt, dst_colorspace=tags[0] if tags[0] != 2 else 5, dst_color_range=tags[3] or 1
        )
        picture.pts, picture.time_base = stamp, time_base
        output.mux(stream.encode(picture))
        end = (stamp + 1) * time_base
    output.mux(stream.encode(None))
    if audio:
        output.mux(list(_tone(audio, sound_start, end)))
    if text:
        for second in range(2):
            packet = av.Packet(f"Line {second}".encode() if path.suffix == ".mkv" else b"\0\6Line %d" % second)
            packet.stream, packet.time_base = text, Fraction(1, 1000)
            packet.pts = packet.dts = 300 * second
            packet.duration = 200
            output.mux(packet)
    output.close()
    return path


def make_short(path: Path) -> Path:
    """The first two seconds of CLIP, 60 frames with their sound."""
    with av.open(CLIP) as clip, av.open(path, "w") as short:
        copies = {stream.index: short.add_stream_from_template(stream) for stream in clip.streams}
        for packet in clip.demux():
            if packet.size and packet.pts * packet.time_base < 2:
                packet.stream = copies[packet.stream.index]
                short.mux(packet)
    return path


def _tone(stream: Any, start: Fraction, end: Fraction) -> Iterable[av.Packet]:
    step = stream.codec_context.frame_size or SOUND_RATE // 10
    for first in range(0, int((end - start) * SOUND_RATE), step):
        wave = 0.3 * np.sin(np.arange(first, first + step) * 0.05)
        layout = "fltp" if stream.format.name == "fltp" else "s16"
        samples = np.stack([wave, wave]).astype(np.float32)
        if layout == "s16":
            samples = (samples.T.reshape(1, -1) * 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples, format=layout, layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = (
            SOUND_RATE,
            Fraction(1, SOUND_RATE),
            first + int(start * SOUND_RATE),
        )
        yield from stream.encode(frame)
    yield from stream.encode(None)


class Stream(NamedTuple):
    """A stream that is copied: its packets' content, and when each starts (PCM: when all of it starts and ends)."""

    codec: str
    md5: str
    times: list[Fraction]
    language: str


class Facts(NamedTuple):
    """What a converted file must share with its original."""

    times: list[Fraction]
    duration: Fraction
    size: tuple[int, int]
    matrix: list[int] | None
    tags: tuple[int, int, int, int]
    aspect: Fraction | None
    interlaced: bool
    others: list[Stream]


def read(path: Path) -> Facts:
    """Decode and demux everything."""
    from toonstream.sources.video import display_matrix

    with av.open(str(path)) as container:
        video = container.streams.video[0]
        pictures = [picture for packet in container.demux(video) for picture in packet.decode()]
        base = video.time_base
        stamps = [(p.pts if p.pts is not None else p.dts) * base for p in pictures]
        first = pictures[0]
        context = video.codec_context
        facts = Facts(
            stamps,
            stamps[-1] + pictures[-1].duration * base,
            (first.width, first.height),
            display_matrix(first),
            (first.colorspace, first.color_primaries, first.color_trc, first.color_range),
            video.sample_aspect_ratio or context.sample_aspect_ratio,
            first.interlaced_frame,
            [],
        )
        others = [stream.index for stream in container.streams if stream.type in ("audio", "subtitle")]
    facts.others.extend(_read_stream(path, index) for index in others)
    return facts


def _read_stream(path: Path, index: int) -> Stream:
    with av.open(str(path)) as container:
        stream = container.streams[index]
        packets = [packet for packet in container.demux(stream) if packet.size]
        md5 = hashlib.md5(b"".join(bytes(packet) for packet in packets)).hexdigest()
        times = [packet.pts * packet.time_base for packet in packets]
        if stream.codec_context.name.startswith("pcm"):  # which is cut into packets as one likes
            times = [times[0], times[-1] + packets[-1].duration * packets[-1].time_base]
        return Stream(stream.codec_context.name, md5, times, stream.language or "")


def convert(path: Path, output: Path, **options: Any) -> list[str]:
    """Source to sink, nothing between; what both had to tell."""
    from toonstream.choose import open_sink, open_source

    with open_source(path) as source, open_sink(output, source, **options) as sink:
        for frame in source:
            sink.write(frame)
    return [*source.notices, *sink.notices]
