"""Opens the style that a user chooses while the one in use goes on."""

import threading
import time
from collections.abc import Callable

import numpy as np
from toonstream_engines import Engine, load_style, open_engine

from toonstream.toonifier import SMALLEST_CROP, shape_of


class StyleLoader:
    """The style in use, and the one chosen in its place, which a thread opens. Any thread may call its methods.

    style: the name or folder of the one in use. wanted: of the one being opened, or None. backend: as for open_engine.
    report: called with the error where the wanted one cannot be opened. end: once it is set, nothing more is opened.
    """

    def __init__(self, style: str, backend: str, report: Callable[[Exception], None], end: threading.Event) -> None:
        self.style = style
        self.wanted: str | None = None
        self._backend, self._report, self._end = backend, report, end
        self._opened: tuple[str, Engine] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def choose(self, style: str) -> None:
        """Start to open it; the style chosen last wins."""
        with self._lock:
            self.wanted = None if style == self.style else style
            if self.wanted and not self._thread:
                self._thread = threading.Thread(target=self._work, name="load", daemon=True)
                self._thread.start()

    def swap(self, use: Callable[[Engine], None]) -> bool:
        """Call `use` with the engine of the wanted style once it is open. Returns whether it was."""
        with self._lock:
            opened, self._opened = self._opened, None
            if opened is None:
                return False
            style, engine = opened
            if style != self.wanted:
                engine.close()
                return False
            self.wanted = None
            use(engine)
            self.style = style
        return True

    def close(self, deadline: float) -> None:
        """Free what was opened and not used. Waits for the thread, until `deadline` of time.monotonic at most."""
        self._end.set()
        if thread := self._thread:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            opened, self._opened = self._opened, None
        if opened:
            opened[1].close()

    def _work(self) -> None:
        """Opens the wanted style; then the one that is wanted by that time."""
        while style := self._next():
            engine: Engine | None = None
            problem: Exception | None = None
            try:
                engine = open_engine(load_style(style), self._backend)
                warm_up(engine)
                shape_of(engine)
            except Exception as error:
                problem = error
            with self._lock:
                wanted = self.wanted == style and not self._end.is_set()
                if wanted and problem:
                    self.wanted = None
                elif wanted and engine:
                    before, self._opened = self._opened, (style, engine)
                    engine = before[1] if before else None
            if wanted and problem:
                self._report(problem)
            if engine:
                engine.close()

    def _next(self) -> str | None:
        """What to open now; None ends the thread."""
        with self._lock:
            opened = self._opened[0] if self._opened else None
            if self.wanted in (None, opened) or self._end.is_set():
                self._thread = None
                return None
            return self.wanted


def warm_up(engine: Engine) -> None:
    """Run it once on an empty crop: the first run is slow."""
    side = engine.model.side or SMALLEST_CROP
    sizes = {"n": 1, "h": side, "w": side}
    engine.run({port.name: np.zeros(port.resolve(sizes), port.dtype) for port in engine.model.inputs})
