"""Streams from the network: RTSP, RTMP, HTTP, MPEG-TS over TCP or UDP, and what else FFmpeg knows."""

import re

import av
from av.container import InputContainer
from av.error import FFmpegError
from toonstream_engines.errors import InputError, UserError

from toonstream.sources.capture import CaptureSource, reason

SECONDS = (10.0, 5.0)
"""How long to wait for a stream to open, and for its next packet."""

LOW_DELAY = {"fflags": "nobuffer", "flags": "low_delay", "rtsp_flags": "prefer_tcp", "tcp_nodelay": "1"}
WHOLE = {"flags": "low_delay"}
"""For what a server may have as a file: nobuffer drops what was read at the opening, and with it the only key frame."""


def open_stream(address: str) -> CaptureSource:
    """Raises InputError for an address that FFmpeg cannot read, UserError where nobody answers there."""
    return CaptureSource(without_login(address), lambda: _open(address), whole=True)


def without_login(address: str) -> str:
    """The address without the name and password in it: they are for its server, not for all who see what it gives."""
    return re.sub(r"(?<=://)[^/?#]*@", "", address)


def _open(address: str) -> InputContainer:
    try:
        of_server = address.startswith(("http://", "https://"))
        return av.open(address, options=WHOLE if of_server else LOW_DELAY, timeout=SECONDS)
    except FFmpegError as error:
        name, why = without_login(address), reason(error)
        if "Protocol not found" in why:
            raise InputError(f"{name}: unsupported kind of address") from error
        raise UserError(f"{name}: cannot be opened ({why}); is its sender running?") from error
