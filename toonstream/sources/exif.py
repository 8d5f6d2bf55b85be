"""EXIF: what a camera noted in a photo, without the pictures in it, which show the real face."""

import struct
from collections.abc import MutableMapping
from typing import Any

from PIL import ExifTags, Image

_MAKER_NOTE = ExifTags.Base.MakerNote.value
# Where pictures lie in the original EXIF block; nothing is there in a new one.
_PLACES = {
    ExifTags.Base.StripOffsets.value,
    ExifTags.Base.StripByteCounts.value,
    ExifTags.Base.TileOffsets.value,
    ExifTags.Base.TileByteCounts.value,
    ExifTags.Base.SubIFDs.value,
    ExifTags.Base.JpegIFOffset.value,
    ExifTags.Base.JpegIFByteCount.value,
}
_STARTS_OF_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"/9j/")  # JPEG, PNG, and JPEG in base64, as XMP holds it


def without_pictures(exif: Image.Exif) -> tuple[bytes, list[str]]:
    """The EXIF block written again, empty where nothing is noted, and what is left out. Changes `exif`.

    The maker's note goes too: its form is secret, and many hold a preview. Raises ValueError where it is damaged.
    """
    left_out = []
    try:
        if exif.get_ifd(ExifTags.IFD.IFD1):
            left_out.append("the thumbnail")
        parts: list[MutableMapping[int, Any]] = [exif]
        for inner in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if inner in exif:
                parts.append(exif.get_ifd(inner))
        for part in parts:
            if part.pop(_MAKER_NOTE, None):
                left_out.append("the maker's note")
        for tag in _PLACES & set(exif):
            del exif[tag]
        for part in parts:
            for tag in [tag for tag, value in part.items() if _holds_picture(value)]:
                del part[tag]
                left_out.append(f"{ExifTags.TAGS.get(tag, hex(tag))}, which holds a picture")
        return exif.tobytes() if len(exif) else b"", left_out
    except (OSError, SyntaxError, TypeError, struct.error) as error:
        raise ValueError(str(error)) from error


def _holds_picture(value: object) -> bool:
    data = value.encode("latin1", "replace") if isinstance(value, str) else value
    return isinstance(data, bytes) and any(start in data for start in _STARTS_OF_PICTURES)
