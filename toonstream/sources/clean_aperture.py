"""The clean aperture of MP4 and QuickTime, which PyAV does not tell: players crop the picture to it."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PATH = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_SAMPLE_ENTRY_BYTES = 78  # of a picture, before the boxes in it (ISO/IEC 14496-12, 12.1.3)


def clean_aperture(path: Path) -> tuple[int, int] | None:
    """(width, height) in pixels of the first clean aperture that the file notes (`clap`); None where there is none."""
    with path.open("rb") as file:
        return next(_found(file, 0, path.stat().st_size, _PATH), None)


def _found(file: BinaryIO, start: int, end: int, names: tuple[bytes, ...]) -> Iterator[tuple[int, int]]:
    for name, inside, after in _boxes(file, start, end):
        if not names:
            yield from _of_entry(file, inside + _SAMPLE_ENTRY_BYTES, after)
        elif name == names[0]:
            counts = 8 if name == b"stsd" else 0  # its version and how many entries it has
            yield from _found(file, inside + counts, after, names[1:])


def _of_entry(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int]]:
    for name, inside, after in _boxes(file, start, end):
        if name == b"clap" and after - inside >= 32:
            file.seek(inside)
            width, width_part, height, height_part = struct.unpack(">4I", file.read(16))
            if width_part and height_part:
                yield round(width / width_part), round(height / height_part)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The name of each box from `start` to `end`, and where its content starts and ends."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack(">I4s", head[:8])
        length = 8
        if size == 1 and len(head) == 16:
            size, length = int.from_bytes(head[8:]), 16
        after = start + size if size else end
        if (size and size < length) or after > end:
            return
        yield name, start + length, after
        start = after
