"""Files joined of several, whose clock restarts on the way: their time stamps shifted, so that time goes on."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av import Packet
from av.container import InputContainer
from av.format import Flags
from av.stream import Discard, Stream

from toonstream.sources.demux import demux

_FORWARD, _BACK = 10, Fraction(1, 10)
"""Seconds that a stream may jump before that is a new clock, as FFmpeg's command line has it."""


class TimeLine:
    """The packets of a container, as they lie in it, with the time stamps of one clock.

    Transport and program streams say that their clock may jump, where recordings or parts of a DVD were joined. The
    stream that comes to a jump first goes on without a gap, and the others are shifted by as much as they come to it.
    jumps: how many there were so far. Whoever reads the same file gets the same shifts.
    """

    def __init__(self, container: InputContainer) -> None:
        self.jumps = 0
        self._container = container
        self._may_jump = bool(container.format.flags & Flags.ts_discont.value)  # type: ignore[operator]  # which is an int
        self._newest = Fraction(0)
        self._shifts: dict[int, Fraction] = {}
        self._ends: dict[int, Fraction] = {}
        self._lasts: dict[int, Fraction] = {}

    def demux(self, streams: list[Stream]) -> Iterator[Packet[Stream]]:
        """The packets of these streams. Raises what the container's demux raises."""
        wanted = {stream.index for stream in streams}
        if not self._may_jump:
            for stream in self._container.streams:
                if stream.index not in wanted:
                    stream.discard = Discard.all  # else the reading ends where a part of one is missing
            yield from demux(self._container, *streams)
            return
        for packet in demux(self._container):  # all streams, since each may be the first at a jump
            self._shift(packet)
            if packet.stream_index in wanted:
                yield packet

    def _shift(self, packet: Packet[Stream]) -> None:
        index = packet.stream_index
        steady = packet.stream.type in ("video", "audio")  # what is not comes when it likes
        shift = self._shifts.get(index, self._newest) if steady else self._newest
        if steady and packet.dts is not None:
            time = packet.dts * packet.time_base
            shift = self._going_on(index, time, shift)
            self._shifts[index] = shift
            self._lasts[index] = time + shift
            self._ends[index] = time + shift + (packet.duration or 0) * packet.time_base
        if shift:
            ticks = round(shift / packet.time_base)
            packet.dts = None if packet.dts is None else packet.dts + ticks
            packet.pts = None if packet.pts is None else packet.pts + ticks

    def _going_on(self, index: int, time: Fraction, shift: Fraction) -> Fraction:
        """The shift with which a packet of that time goes on where its stream has ended."""
        end = self._ends.get(index)
        if end is None:
            return shift
        if abs(time + self._newest - end) < abs(time + shift - end):
            shift = self._newest
        if time + shift > end + _FORWARD or time + shift < self._lasts[index] - _BACK:
            shift = self._newest = end - time
            self.jumps += 1
        return shift
