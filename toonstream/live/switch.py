"""A session's source, which the user may change for another camera or the screen while it runs."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from av import AudioFrame
from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import UserError

from toonstream.frame import Frame
from toonstream.picture import matrix
from toonstream.sources import LiveSource
from toonstream.sources.camera import cameras
from toonstream.sources.native import Native
from toonstream.sources.stream import without_login


class Switch(Closeable):
    """A source that can be changed. Opens `name` with `open`; both raise UserError where it cannot be opened.

    name: of the source in use, without a password in it. wanted: of the one to be opened in its place at the next
    `read`, or None. failure: why the last change failed, for a person to read, or None. Frames of later sources are
    fitted into the first one's size, and have another `scene`. The rest is LiveSource's.
    """

    def __init__(self, name: str, open: Callable[[str], LiveSource]) -> None:
        self.name = without_login(name)
        self.wanted: str | None = None
        self.failure: str | None = None
        self._open = open
        self._source = open(name)
        self.size, self.rate = self._source.size, self._source.rate
        self._first = self.name, self._source.description
        self._given = {self.name: name}
        self._fit = Native([], self.size)
        self._scene = 0

    def choices(self) -> dict[str, str]:
        """The sources that `choose` takes: names, each with a title."""
        name, title = self._first
        others = {
            device: about
            for device, about in cameras()
            if not title.startswith((f"{about} ({device}),", f"{about},"))  # the first itself
        }
        return {name: title, **others, "screen": "Screen"}

    def choose(self, name: str) -> None:
        """Ask for another source. If it cannot be opened, the one before goes on. Any thread may call it."""
        self.failure = None
        self.wanted = name if name != self.name else None

    @property
    def description(self) -> str:
        return self._source.description

    @property
    def path(self) -> Path | None:
        """Of the file that is played, if it is one."""
        return getattr(self._source, "path", None)

    @property
    def problem(self) -> str | None:
        return self._source.problem

    def read(self) -> Frame | None:
        if self.wanted:
            self._change(self.wanted)
        frame = self._source.read()
        if frame is None:
            return None
        if (frame.width, frame.height) != self.size:
            frame.picture.colorspace = matrix(frame.picture)  # which may depend on the size
            frame = replace(frame, picture=self._fit(frame.picture))
        return replace(frame, scene=self._scene)

    def _change(self, name: str) -> None:
        """Closes the old source first: it may be the same device, and few computers have the bandwidth for two."""
        self._source.close()
        try:
            self._source = self._open(self._given.get(name, name))
            self.name, self._fit, self._scene = name, Native([], self.size), self._scene + 1
        except UserError as error:
            self.failure = f"{error}. Going on with {self._source.description}"  # which opens again when it is read
        finally:
            if self.wanted == name:
                self.wanted = None

    def listen(self) -> deque[AudioFrame] | None:
        """The sound of the source in use; that of later ones is not heard."""
        return self._source.listen()

    def skip(self) -> None:
        self._source.skip()

    def close(self) -> None:
        self._source.close()
