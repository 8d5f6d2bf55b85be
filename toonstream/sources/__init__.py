"""Where frames come from: video files and photos."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from toonstream.frame import Frame


class Source(Protocol):
    """Iterate it, once, for its frames; leave its context to close it.

    size: (width, height) of the upright picture. rate: nominal frames a second, None where there is none.
    live: the source does not wait for whoever reads it. length: an estimate of the number of frames, None if unknown.
    notices: what was converted, left out or damaged, a line each; complete after the last frame.
    """

    size: tuple[int, int]
    rate: Fraction | None
    live: bool
    length: int | None
    notices: list[str]

    def __iter__(self) -> Iterator[Frame]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(path: Path) -> Source:
    """The file as a source, by what is in it rather than by its name. Raises InputError where it is none."""
    from toonstream.sources.video import VideoSource

    return VideoSource(path)
