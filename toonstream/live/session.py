"""The live loop: capture, faces, generator and output overlap, and the newest frame wins at every step.

A frame is put out only with faces of its own, which went through the guard; so whatever is late, fails or is being
switched, what shows is what the guard lets through.
"""

import threading
import time
from collections.abc import Callable, Sequence, Set
from typing import NamedTuple

import cv2
import numpy as np
from toonstream_engines import Engine, load_style, open_engine, styles
from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import UserError
from toonstream_engines.style import DEFAULT

from toonstream.composite import Toon
from toonstream.faces.pick import Pick
from toonstream.frame import Frame
from toonstream.live.guard import Guard
from toonstream.live.look import Look, Sight
from toonstream.live.measures import Measures
from toonstream.live.strangers import Strangers
from toonstream.live.views import mirrored, split, stamped
from toonstream.newest import Newest
from toonstream.sinks import LiveSink
from toonstream.sources import LiveSource
from toonstream.sources.clock import now
from toonstream.toonifier import SMALLEST_CROP, Toonifier, shape_of

LOOK_SECONDS = 0.1
"""How often it is looked whether somebody watches."""

STALL_SECONDS = 0.5
"""From when on the last picture is shown again where no frame comes, so that no reader takes us for dead."""

REST_SECONDS = 1.0
"""How long nobody has to watch before the engine rests."""

CLOSE_SECONDS = 60.0
"""How long nobody has to watch before the camera is closed."""

END_SECONDS = 0.6
"""How long the stages get to end; one that hangs in a driver is left behind."""

BUSY_SECONDS = 15.0
"""How long a network then gets for what it is at: Python aborts where it ends amid that."""


class Drawn(NamedTuple):
    """A frame, and what was seen in it; None where looking failed.

    toons: the cartoons of the faces that are drawn. bare: who was not drawn as the effect is off.
    """

    frame: Frame
    sight: Sight | None
    toons: list[Toon]
    bare: Set[int]


class Session(Closeable):
    """Live video from a source through faces to sinks; implements controls.Controls.

    style, backend: as for a Toonifier. faces: how many are drawn, as for a Toonifier; others are blurred. on_lost:
    one of guard.ON_LOST. Raises UserError where style or backend cannot be had.
    """

    def __init__(
        self, style: str | Engine = DEFAULT, backend: str = "auto", faces: int | None = None, on_lost: str = "hold"
    ) -> None:
        self.effect = self._covered = True
        self.mirror = self.split = self.paused = False
        self.style = style.model.path.stem if isinstance(style, Engine) else style
        own = [] if isinstance(style, Engine) else [style]
        self.styles = list(dict.fromkeys([*(shipped.name for shipped in styles()), *own]))
        self._problems: dict[str, str] = {}
        self._backend = backend
        self._pick = Pick(faces)  # checks `faces`, before an engine is open
        self._toonifier = Toonifier(style, backend)
        self._guard = Guard(on_lost)
        self._strangers = None if on_lost == "pass" else Strangers()
        self._captured: Newest[Frame] = Newest()
        self._seen: Newest[tuple[Frame, Sight | None]] = Newest()
        self._drawn: Newest[Drawn] = Newest()
        self._wanted: str | None = None
        self._loaded: tuple[str, Engine] | None = None
        self._loader: threading.Thread | None = None
        self._switching = threading.Lock()
        self.measures = Measures()
        self._shown: Frame | None = None
        self._shown_at = 0.0
        self._faces = 0
        self._watched_at = time.monotonic()
        self._size = (0, 0)
        self._end = threading.Event()
        self._stages: list[threading.Thread] = []
        self._left_behind: list[threading.Thread] = []

    def run(self, source: LiveSource, sinks: Sequence[LiveSink], tell: Callable[[], None] = lambda: None) -> None:
        """Until `stop`, or no sink is left: then raises what the last one raised. `tell` is called often.

        An interrupt that raises KeyboardInterrupt wherever this thread is may break what the threads share: have the
        handler call `stop`.
        """
        cv2.setNumThreads(1)  # the stages share the cores already
        self._size = source.size
        stages = [
            threading.Thread(target=self._capture, args=(source,), name="capture", daemon=True),
            threading.Thread(target=self._see, name="see", daemon=True),
            threading.Thread(target=self._draw, name="draw", daemon=True),
        ]
        for stage in stages:
            stage.start()
        self._stages = stages
        left, looked_at = list(sinks), 0.0
        try:
            while not self._end.is_set():
                if time.monotonic() > looked_at + LOOK_SECONDS:
                    looked_at = time.monotonic()
                    if any(sink.watched for sink in left):
                        self._watched_at = looked_at
                self._show(self._drawn.take(LOOK_SECONDS), left)
                tell()
        finally:
            self._finish(stages)

    def stop(self) -> None:
        """Ends `run` soon; any thread and any handler of signals may call it."""
        self._end.set()

    # The stages, each in its thread; the last in that of whoever runs the session.

    def _capture(self, source: LiveSource) -> None:
        while not self._end.is_set():
            try:
                if self._unwatched > CLOSE_SECONDS:
                    self.effect = True  # whoever comes back later may have forgotten
                    source.close()
                    self._end.wait(LOOK_SECONDS)
                elif self._unwatched > REST_SECONDS:
                    source.skip()
                elif frame := source.read():
                    self._captured.put(frame)
                self._report("source", source.problem)
            except Exception as error:
                self._report("source", error)
                self._end.wait(LOOK_SECONDS)
        source.close()

    def _see(self) -> None:
        look = Look(self._toonifier, self._strangers)
        while not self._end.is_set():
            frame = self._captured.take(LOOK_SECONDS)
            if frame is None:
                continue
            sight: Sight | None = None
            try:
                with self.measures.stage("see"):
                    sight = look(frame)
                self._report("see", None)
            except Exception as error:
                self._report("see", error)
                look.forget()
            self._seen.put((frame, sight))

    def _draw(self) -> None:
        last: Frame | None = None
        while not self._end.is_set():
            try:
                self._swap()
            except Exception as error:
                self._report("style", error)
            seen = self._seen.take(LOOK_SECONDS)
            if seen is None:
                continue
            frame, sight = seen
            toons: list[Toon] = []
            bare: Set[int] = frozenset()
            try:
                if last and frame.scene != last.scene:
                    self._pick.cut()
                picked = self._pick(sight.faces if sight else [], frame.seconds - last.seconds if last else 0.0)
                last = frame
                if self.effect:
                    with self.measures.stage("draw"):
                        toons = self._toonifier.draw(frame, picked)
                else:
                    bare = {face.identity for face in picked}
                self._report("draw", None)
            except Exception as error:
                self._report("draw", error)
            self._drawn.put(Drawn(frame, sight, toons, bare))

    def _show(self, drawn: Drawn | None, sinks: list[LiveSink]) -> None:
        """Puts out one frame, or the last one again where none comes for long. A lost sink leaves the list."""
        effect = self.effect  # another thread may change it at any time
        covers = effect and not self._covered
        self._covered = effect
        if covers:
            self._guard.cover_up()
        last = self._guard.last
        if drawn is None:
            stalled = time.monotonic() - self._shown_at > STALL_SECONDS and self._unwatched < REST_SECONDS
            if last and self._shown and (stalled or covers):
                self._put_out(stamped(last, self._shown.index + 1, now()), last, sinks)
            return
        frame, sight, toons, bare = drawn
        self._faces = len(sight.faces) if sight else 0
        with self.measures.stage("show"):
            if last and self.paused:
                shown = stamped(last, frame.index, frame.pts)
            else:
                try:
                    shown = self._guard(frame, sight, toons, frozenset() if effect else bare)
                    self._report("show", None)
                except Exception as error:
                    self._report("show", error)
                    if last is None:
                        return
                    shown = stamped(last, frame.index, frame.pts)
            self._put_out(shown, frame, sinks)
        self.measures.output(frame.seconds)

    def _put_out(self, shown: Frame, before: Frame, sinks: list[LiveSink]) -> None:
        last = self._shown
        if last and (shown.pts or 0) <= (last.pts or 0):  # captured before the last one was shown again
            shown = stamped(shown, last.index + 1, (last.pts or 0) + 1)
        self._shown, self._shown_at = shown, time.monotonic()
        public = mirrored(shown) if self.mirror else shown
        for sink in list(sinks):
            private = (
                split(mirrored(before) if self.mirror else before, public) if self.split and sink.private else None
            )
            try:
                sink.write(private or public)
            except UserError as error:
                sinks.remove(sink)
                if not sinks:
                    raise
                self._report(sink.description, error)

    def _finish(self, stages: list[threading.Thread]) -> None:
        self.stop()
        deadline = time.monotonic() + END_SECONDS
        for stage in stages:
            stage.join(max(0.0, deadline - time.monotonic()))
        self._left_behind = [stage for stage in stages if stage.is_alive()]

    def close(self) -> None:
        """Frees the networks, unless a stage still uses them that would not end; may be called twice."""
        self.stop()
        loader = self._loader
        busy = [stage for stage in self._left_behind if stage.name in ("see", "draw")] + ([loader] if loader else [])
        deadline = time.monotonic() + BUSY_SECONDS
        for stage in busy:
            stage.join(max(0.0, deadline - time.monotonic()))
        if not any(stage.is_alive() for stage in busy if stage is not loader):
            self._toonifier.close()
            if self._strangers:
                self._strangers.close()
        with self._switching:
            loaded, self._loaded = self._loaded, None
        if loaded:
            loaded[1].close()

    # What controls and figures are about

    @property
    def faces(self) -> int | None:
        """As controls.Controls tells; raises ValueError as a Toonifier does."""
        return self._pick.most

    @faces.setter
    def faces(self, most: int | None) -> None:
        self._pick = Pick(most)

    def choose(self, style: str) -> None:
        """As controls.Controls tells."""
        if style not in self.styles:
            self._report("style", f"{style}: no such style; there are {', '.join(self.styles)}")
            return
        with self._switching:
            self._wanted = None if style == self.style else style
            if self._wanted and not self._loader:
                self._loader = threading.Thread(target=self._load, name="load", daemon=True)
                self._loader.start()

    def _load(self) -> None:
        """Opens the wanted style; then the one that is wanted by that time."""
        while style := self._next_style():
            engine: Engine | None = None
            problem: Exception | None = None
            try:
                engine = open_engine(load_style(style), self._backend)
                side = engine.model.side or SMALLEST_CROP
                sizes = {"n": 1, "h": side, "w": side}
                ports = engine.model.inputs
                engine.run(
                    {port.name: np.zeros(port.resolve(sizes), port.dtype) for port in ports}
                )  # the first is slow
                shape_of(engine)
            except Exception as error:
                problem = error
            with self._switching:
                wanted = self._wanted == style and not self._end.is_set()
                if wanted and problem:
                    self._wanted = None
                elif wanted and engine:
                    loaded, self._loaded = self._loaded, (style, engine)
                    engine = loaded[1] if loaded else None
            if wanted and problem:
                self._report("style", problem)
            if engine:
                engine.close()

    def _next_style(self) -> str | None:
        """What to load now; None ends the thread that loads."""
        with self._switching:
            loaded = self._loaded[0] if self._loaded else None
            if self._wanted in (None, loaded) or self._end.is_set():
                self._loader = None
                return None
            return self._wanted

    def _swap(self) -> None:
        """Takes the style that was loaded, if it is still wanted."""
        with self._switching:
            loaded, self._loaded = self._loaded, None
            if loaded is None:
                return
            style, engine = loaded
            if style != self._wanted:
                engine.close()
                return
            self._wanted = None
            self._toonifier.restyle(engine)
            self.style = style
        self._report("style", None)

    def figures(self) -> dict[str, object]:
        """As controls.Controls tells."""
        resting = self._unwatched > REST_SECONDS
        hanging = self.measures.hanging()
        told = f"{hanging}: it does not come back; where this lasts, start toonstream live again" if hanging else None
        ended = next((stage.name for stage in self._stages if not stage.is_alive()), None)
        if ended and not self._end.is_set():
            told = f"{ended}: it has ended; start toonstream live again"
        state = "idle" if resting else "stuck" if told else "waiting" if "source" in self._problems else "running"
        return {
            "fps": round(self.measures.fps, 1),
            "delay_ms": {f"p{percent}": self.measures.delay_ms(percent) for percent in (50, 95)},
            "dropped": self._captured.dropped + self._seen.dropped + self._drawn.dropped,
            "stages_ms": self.measures.stages_ms(),
            "backend": self._toonifier.engine.description,
            "style": self.style,
            "loading": self._wanted,
            "faces": self._faces,
            "state": state,
            "picture": "paused" if self.paused else self._guard.picture,
            "size": list(self._size),
            "message": told or next(reversed(self._problems.values()), None),
        }

    @property
    def _unwatched(self) -> float:
        """Seconds for which nobody has watched any sink."""
        return time.monotonic() - self._watched_at

    def _report(self, part: str, problem: str | Exception | None) -> None:
        """Keeps the last problem of a part of the session; None where it works again."""
        if problem is None:
            self._problems.pop(part, None)
        else:
            told = isinstance(problem, str | UserError)
            self._problems.pop(part, None)  # the newest comes last
            self._problems[part] = str(problem) if told else f"{part}: {type(problem).__name__}: {problem}"
