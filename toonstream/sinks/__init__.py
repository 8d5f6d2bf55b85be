"""Where frames go: video files, photos, and what shows live video."""

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from toonstream_engines.errors import InputError

from toonstream.frame import Frame
from toonstream.sinks.containers import output_suffix
from toonstream.sinks.output import with_mark
from toonstream.sources import PHOTOS, Source, photo_suffix


class Sink(Protocol):
    """Write frames in order inside its context; what was written stays playable, however the context is left.

    notices: what of the original could not be kept, a line each; complete after the first frame.
    """

    @property
    def notices(self) -> list[str]: ...

    def write(self, frame: Frame) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LiveSink(Protocol):
    """Takes live frames, the newest at once; a reader that is slow misses some, and never holds up `write`.

    A live frame's pts is the moment of its capture on the clock of time.monotonic, in units of its time base, and its
    picture is stored upright.
    description: what it is and where, for people. private: only the user sees it; only then may it be given the
    before/after split, which shows the real face. watched: somebody looks at it now; while nobody looks at any sink the
    engine and the camera rest. `write` raises UserError where the sink is lost for good.
    """

    @property
    def description(self) -> str: ...

    @property
    def private(self) -> bool: ...

    @property
    def watched(self) -> bool: ...

    def write(self, frame: Frame) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_sink(path: Path, source: Source, encoder: str | None = None, overwrite: bool = False) -> Sink:
    """A file for the cartoon of `source`, with all else that the source's own file holds.

    Raises InputError for a file that is there already (unless `overwrite`), a suffix that does not do, or an unknown
    encoder.
    """
    from toonstream.sources.photo import PhotoSource

    if isinstance(source, PhotoSource):
        from toonstream.sinks.photo import PhotoSink

        return PhotoSink(path, original=source.path, tags=source.tags, alpha=source.alpha, overwrite=overwrite)
    from toonstream.sinks.video import VideoSink

    original = getattr(source, "path", None)
    return VideoSink(path, rate=source.rate, original=original, encoder=encoder, overwrite=overwrite)


def default_output(path: Path) -> Path:
    """NAME.toon.EXT beside the input; another EXT only where we do not write the input's kind of file under that."""
    suffix = output_suffix(path.suffix)
    if path.is_file():
        try:
            photo = photo_suffix(path)
        except (OSError, InputError):  # told when it is opened
            photo = None
        if bool(photo) != (path.suffix.lower() in PHOTOS):
            suffix = photo or ".mp4"
    return with_mark(path.with_suffix(suffix), ".toon")
