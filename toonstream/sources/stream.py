"""Streams from the network: RTSP, RTMP, HTTP, MPEG-TS over TCP or UDP, and what else FFmpeg knows."""

import av
from av.container import InputContainer
from av.error import FFmpegError
from toonstream_engines.errors import InputError, UserError

from toonstream.sources.capture import CaptureSource, reason

SECONDS = (10.0, 5.0)
"""How long to wait for a stream to open, and for its next packet."""

# Not nobuffer: it drops what was read at the opening, so that no picture comes until the next key frame, or ever.
LOW_DELAY = {"flags": "low_delay", "rtsp_flags": "prefer_tcp", "tcp_nodelay": "1"}


def open_stream(address: str) -> CaptureSource:
    """Raises InputError for an address that FFmpeg cannot read, UserError where nobody answers there."""
    return CaptureSource(address, lambda: _open(address), whole=True)


def _open(address: str) -> InputContainer:
    try:
        return av.open(address, options=LOW_DELAY, timeout=SECONDS)
    except FFmpegError as error:
        why = reason(error)
        if "Protocol not found" in why:
            raise InputError(f"{address}: unsupported kind of address") from error
        raise UserError(f"{address}: cannot be opened ({why}); is its sender running?") from error
