"""Where frames go: files, virtual cameras, streams, windows. What each has to be; the rest are modules here."""

from types import TracebackType
from typing import Protocol, Self

from toonstream.frame import Frame


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
    before/after split, which shows the real face. watched: somebody watches it now; while nobody watches any sink the
    engine and the camera pause. `write` raises UserError where the sink is lost for good.
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
