"""Where frames come from: video files and photos."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from toonstream_engines.errors import InputError

from toonstream.frame import Frame

PHOTOS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"})
_PHOTOS_BEGIN = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp"}
_VIDEOS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".flv", ".3gp", ".gif"}
_OLDER_VIDEOS = {".asf", ".mpeg", ".mpg", ".ogv", ".wmv"}
SUFFIXES = frozenset(PHOTOS | _VIDEOS | _OLDER_VIDEOS)
"""What a folder is searched for; a file that is named is read by its content, whatever its suffix."""


class Source(Protocol):
    """Iterate it, once, for its frames; leave its context to close it.

    size: (width, height) of the upright picture. rate: nominal frames a second, None where there is none.
    live: the source does not wait for whoever reads it. length: an estimate of the number of frames, None if unknown.
    notices: what was converted, left out or damaged, a line each; complete after the last frame.
    """

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def rate(self) -> Fraction | None: ...

    @property
    def live(self) -> bool: ...

    @property
    def length(self) -> int | None: ...

    @property
    def notices(self) -> list[str]: ...

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(path: Path) -> Source:
    """The file as a source, by what is in it rather than by its name. Raises InputError where it is none."""
    if path.is_dir():
        raise InputError(f"{path}: this is a folder, not a file")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: this is no file, but a pipe or a device; save what it gives as a file first")
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    if not start:
        raise InputError(f"{path}: the file is empty")
    if photo_suffix(path):
        from toonstream.sources.photo import PhotoSource

        return PhotoSource(path)
    from toonstream.sources.video import VideoSource

    return VideoSource(path)


def photo_suffix(path: Path) -> str | None:
    """The usual suffix of a photo's kind, by what is in the file; None where it is no photo, or a moving picture."""
    with path.open("rb") as file:
        start = file.read(12)
    suffix = next((suffix for magic, suffix in _PHOTOS_BEGIN.items() if start.startswith(magic)), None)
    if suffix == ".webp" and start[8:] != b"WEBP":
        return None
    if suffix:
        from toonstream.sources.photo import is_animated

        return None if is_animated(path) else suffix
    return None
