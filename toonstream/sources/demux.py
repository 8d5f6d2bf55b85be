"""The packets of a container, whatever turns up in it on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from av import Packet
from av.container import InputContainer
from av.stream import Stream


def demux(container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
    """The packets of these streams, or of all, as they lie in it. Raises FFmpegError where the file cannot be read on.

    A stream that begins too late to be found at the opening is left out.
    """
    with suppress(IndexError):  # by which PyAV says, once all others have ended, that it does not know one
        yield from container.demux(*streams)
