"""Where frames come from: files, cameras, the screen, streams. What each has to be; the rest are modules here."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from av import AudioFrame

from toonstream.frame import Frame

PHOTOS = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"})
_PHOTOS_BEGIN = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp"}
_VIDEOS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".flv", ".3gp", ".gif"}
_OLDER_VIDEOS = {".asf", ".mpeg", ".mpg", ".ogv", ".wmv"}
_PHOTOS_IN_PAIRS = {".mpo"}  # JPEG, of two views
SUFFIXES = frozenset(PHOTOS | _PHOTOS_IN_PAIRS | _VIDEOS | _OLDER_VIDEOS)
"""Of what is read; a file that is named is read by its content, whatever its suffix."""
_NOT_READ = {".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp"}
SEARCHED = SUFFIXES | _NOT_READ
"""What a folder is searched for: pictures that are not read are told of, each by name, and not passed over."""


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


class CaptureRequest(NamedTuple):
    """What a camera or the screen is asked for; it may give something else. size: (width, height); rate: a second."""

    size: tuple[int, int] | None = None
    rate: int | None = None


class LiveSource(Protocol):
    """Something that goes on whether anybody reads it or not. One thread at a time.

    size: (width, height) of all its frames. rate: nominal frames a second, None if unknown. description: what it is and
    what it gives, for people. problem: why it gives nothing at the moment, or None. Each frame's pts is the moment of
    its capture on the clock of time.monotonic, in microseconds, and its picture is stored upright.
    """

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def rate(self) -> Fraction | None: ...

    @property
    def description(self) -> str: ...

    @property
    def problem(self) -> str | None: ...

    def read(self) -> Frame | None:
        """The next frame; None where there is none yet. What is closed or lost is opened again, once a second."""

    def listen(self) -> deque[AudioFrame] | None:
        """From now on keeps the sound that comes along, stamped like frames; whoever sends it on takes it out.

        The oldest goes where nobody does. None where there is no sound, or somebody has it already.
        """

    def skip(self) -> None:
        """Lets a frame pass, at as little cost as the source allows."""

    def close(self) -> None:
        """Lets go of the device until the next `read`; may be called twice, and by another thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


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
