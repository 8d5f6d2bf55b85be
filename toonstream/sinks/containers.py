"""Containers that are written, the video encoder that suits each, and which of them follows from an input's."""

from dataclasses import dataclass, field
from pathlib import Path

from toonstream_engines.errors import InputError

from toonstream.sources import PHOTOS


@dataclass(frozen=True)
class Container:
    """A muxer by its FFmpeg name, its usual encoder, and options.

    live: more options, for frames that come live. turns: players can be told to turn the picture. below_zero: a packet
    may come before time 0.
    """

    format: str
    encoder: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    turns: bool = True
    below_zero: bool = True


# A file of these can be read at any time, up to about its last second, whatever ends the program. MP4 cannot: its index
# comes last. In fragments, of which the end makes a plain file, it can; but with B-frames it may lose its last frame.
_FRAGMENTS = {"movflags": "hybrid_fragmented", "frag_duration": "1000000"}
_CLUSTERS = {"cluster_time_limit": "1000"}
_MPEG_TS = Container("mpegts", options={"mpegts_copyts": "1"}, turns=False, below_zero=False)
_CONTAINERS = {
    ".mp4": Container("mp4", live=_FRAGMENTS),
    ".m4v": Container("mp4", live=_FRAGMENTS),
    ".mov": Container("mov", live=_FRAGMENTS),
    ".mkv": Container("matroska", options=_CLUSTERS),
    ".webm": Container("webm", "libvpx-vp9", _CLUSTERS),  # WebM holds no H.264
    ".ts": _MPEG_TS,
    ".mts": _MPEG_TS,
    ".m2ts": _MPEG_TS,
    ".flv": Container("flv", turns=False, below_zero=False),
    ".3gp": Container("3gp", live=_FRAGMENTS),
}
# A GIF of a cartoon has 256 colours and a hundred times the size. AVI has no time stamps, and would shift the picture
# against the sound; like all else that is not above it goes where every kind of sound may go along.
_INSTEAD = {".gif": ".mp4"}
_OTHERS_INSTEAD = ".mkv"

SUFFIXES = PHOTOS | _CONTAINERS.keys()
"""Of files that are written."""


def output_suffix(suffix: str) -> str:
    """The suffix for the cartoon of a file with that suffix."""
    if suffix.lower() in SUFFIXES:
        return suffix
    return _INSTEAD.get(suffix.lower(), _OTHERS_INSTEAD)


def container_of(path: Path) -> Container:
    """What to write for that name. Raises InputError where the suffix is none that is written."""
    try:
        return _CONTAINERS[path.suffix.lower()]
    except KeyError:
        raise InputError(f"{path}: name the output with one of {' '.join(_CONTAINERS)}") from None
