"""Video encoders: which there are, and settings under which each gives good pictures at a good speed."""

import os

from av.codec import Codec, codecs_available
from av.codec.codec import UnknownCodecError
from toonstream_engines.errors import InputError

# Visually close to the original, and fast enough that encoding is not the bottleneck: x264's veryfast takes less than
# half the time of its medium, for files a little larger.
_SETTINGS = {
    "libx264": {"preset": "veryfast", "crf": "18"},
    "libx265": {"preset": "superfast", "crf": "20", "x265-params": "log-level=error"},
    "libsvtav1": {"preset": "10", "crf": "26"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "6", "row-mt": "1", "crf": "24", "b": "0"},
    "libvpx": {"deadline": "realtime", "cpu-used": "6", "crf": "8", "b": "8M"},
    "h264_nvenc": {"preset": "p4", "rc": "vbr", "cq": "20", "b": "0"},
    "hevc_nvenc": {"preset": "p4", "rc": "vbr", "cq": "22", "b": "0"},
    "av1_nvenc": {"preset": "p4", "rc": "vbr", "cq": "28", "b": "0"},
}
_BITS_PER_PIXEL = 0.2  # for encoders whose own scale of quality is not known here


def find_encoder(name: str) -> Codec:
    """The encoder of that name. Raises InputError, with the names that there are, where there is none."""
    try:
        codec = Codec(name, "w")
    except UnknownCodecError as error:
        raise InputError(f"--encoder {name}: no such encoder; there are {', '.join(_names())}") from error
    os.environ.setdefault("SVT_LOG", "1")  # errors only; SVT-AV1 cannot be told in another way
    if codec.type != "video":
        raise InputError(f"--encoder {name}: not a video encoder; there are {', '.join(_names())}")
    return codec


def settings(codec: Codec, width: int, height: int, rate: float) -> dict[str, str]:
    """Options to open the encoder with."""
    return dict(_SETTINGS.get(codec.name) or {"b": str(round(width * height * rate * _BITS_PER_PIXEL))})


def _names() -> list[str]:
    return [name for name in _SETTINGS if name in codecs_available]
