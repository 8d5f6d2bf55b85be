"""Where frames go: video files and photos."""

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from toonstream.frame import Frame


class Sink(Protocol):
    """Write frames in order inside its context; what was written stays playable, however the context is left.

    notices: what of the original could not be kept, a line each.
    """

    notices: list[str]

    def write(self, frame: Frame) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def default_output(path: Path) -> Path:
    """NAME.toon.EXT beside the input; another EXT only where its container cannot hold what we write."""
    from toonstream.sinks.containers import output_suffix

    return path.with_name(f"{path.stem}.toon{output_suffix(path.suffix)}")
