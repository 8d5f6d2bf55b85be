"""Pictures in NUT, a container of FFmpeg's, with times that have OBS show each as soon as it comes.

OBS shows a picture as long after the first as its time says, and reads the next only then. With true times, or with
multipart JPEG and the wall clock in their place, it stays behind by what opening the stream took, which is a lot on a
busy machine; and beyond a picture's own time it cannot keep up with the rate any more. So the clock here stands nearly
still at first: every picture after is late by its time, and late ones are shown at once.
"""

import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import Protocol

import av

from toonstream.sinks.stream import Picture

MILLISECOND = Fraction(1, 1000)

MUXER = {
    "flush_packets": "1",
    "write_index": "0",  # what it would note for it, 140 bytes a picture, stays until the reader leaves
}

BEHIND_SECONDS = 1.0
"""How far behind the clock is: more than opening takes; from two seconds on OBS would take it to have jumped."""


class Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...


def write_nut(pictures: Iterator[Picture], file: Writable) -> None:
    """Writes each picture when it comes, until they end. Raises FFmpegError where the file does not take them."""
    first = next(pictures, None)
    if first is None:
        return
    with av.open(file, "w", format="nut", container_options=MUXER) as output:
        width, height = first.size
        stream = output.add_mux_stream("mjpeg", width=width, height=height)
        stream.time_base = MILLISECOND
        start, stamp = time.monotonic(), -1
        for picture in chain([first], pictures):
            stamp = max(stamp + 1, round((time.monotonic() - start - BEHIND_SECONDS) / MILLISECOND))
            packet = av.Packet(picture.jpeg)
            packet.stream, packet.time_base = stream, MILLISECOND
            packet.pts = packet.dts = stamp
            packet.is_keyframe = True
            output.mux_one(packet)
