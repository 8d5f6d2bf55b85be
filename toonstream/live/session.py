"""The live loop: capture, faces, generator and output overlap, and the newest frame wins at every step.

A frame is put out only with faces of its own, which went through the guard; so whatever is late, fails or is being
switched, what shows is what the guard lets through.
"""

import threading
import time
from collections.abc import Callable, Sequence, Set
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import cv2
from toonstream_engines import Engine, styles
from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import UserError
from toonstream_engines.style import DEFAULT

from toonstream.composite import Toon
from toonstream.faces.pick import Pick
from toonstream.frame import Frame
from toonstream.live.guard import Guard
from toonstream.live.measures import Measures
from toonstream.live.strangers import Strangers
from toonstream.live.style_loader import StyleLoader
from toonstream.live.tracking import LiveTracker, Observation
from toonstream.live.views import mirrored, split, stamped
from toonstream.newest import Newest
from toonstream.sinks import LiveSink
from toonstream.sources import LiveSource
from toonstream.sources.clock import now
from toonstream.toonifier import Toonifier

CHECK_SECONDS = 0.1
"""How often to check whether anybody watches, and how long a stage waits for its next frame."""

STALL_SECONDS = 0.5
"""After how long without a frame the last picture is shown again, so that no reader takes the stream for dead."""

LEAST_STEP = 1000
"""Microseconds between two frames: the clocks of some containers are no finer."""

REST_SECONDS = 1.0
"""After how long without anybody watching the engine pauses."""

CLOSE_SECONDS = 60.0
"""After how long without anybody watching the camera is closed."""

END_SECONDS = 0.6
"""How long to wait for the stages to end; one that hangs in a driver is left running."""

BUSY_SECONDS = 15.0
"""How long to wait, beyond that, for a network that still runs: Python aborts when it exits during such a call."""


class Seen(NamedTuple):
    """A frame and its faces; None where looking failed. whole: the same with who else is there, later."""

    frame: Frame
    observation: Observation | None
    whole: Future[Observation | None]


class Drawn(NamedTuple):
    """A frame, and what was detected in it; None where that failed.

    toons: the cartoons of the faces that are drawn. bare: identities not drawn because the effect is off.
    """

    frame: Frame
    observation: Observation | None
    toons: list[Toon]
    bare: Set[int]


class Session(Closeable):
    """Live video from a source through faces to sinks; implements controls.Controls.

    style, backend: as for a Toonifier. faces: how many are drawn, as for a Toonifier; others are blurred. on_lost:
    one of guard.ON_LOST. Raises UserError where style or backend cannot be opened.
    """

    def __init__(
        self, style: str | Engine = DEFAULT, backend: str = "auto", faces: int | None = None, on_lost: str = "hold"
    ) -> None:
        self.effect = self._covered = True
        self.mirror = self.split = self.paused = False
        own = [] if isinstance(style, Engine) else [style]
        self.styles = list(dict.fromkeys([*(shipped.name for shipped in styles()), *own]))
        self._problems: dict[str, str] = {}
        self._pick = Pick(faces)  # checks `faces`, before an engine is open
        self._toonifier = Toonifier(style, backend)
        self._guard = Guard(on_lost)
        self._strangers = None if on_lost == "pass" else Strangers()
        self._captured: Newest[Frame] = Newest()
        self._seen: Newest[Seen] = Newest()
        self._drawn: Newest[Drawn] = Newest()
        self.measures = Measures()
        self._shown: Frame | None = None
        self._shown_at = 0.0
        self._faces = 0
        self._watched_at = time.monotonic()
        self._size = (0, 0)
        self._end = threading.Event()
        name = style.model.path.stem if isinstance(style, Engine) else style
        self._loader = StyleLoader(name, backend, partial(self._report, "style"), self._end)
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
        left, checked_at = list(sinks), 0.0
        try:
            while not self._end.is_set():
                if time.monotonic() > checked_at + CHECK_SECONDS:
                    checked_at = time.monotonic()
                    if any(sink.watched for sink in left):
                        self._watched_at = checked_at
                self._show(self._drawn.take(CHECK_SECONDS), left)
                tell()
        finally:
            self._finish(stages)

    def stop(self) -> None:
        """Ends `run` soon; any thread and any handler of signals may call it."""
        self._end.set()

    # The stages, each in its thread; the last one, _show, in the thread that calls `run`.

    def _capture(self, source: LiveSource) -> None:
        while not self._end.is_set():
            try:
                if self._unwatched > CLOSE_SECONDS:
                    self.effect = True  # who comes back later may have forgotten that it was off
                    source.close()
                    self._end.wait(CHECK_SECONDS)
                elif self._unwatched > REST_SECONDS:
                    source.skip()
                elif frame := source.read():
                    self._captured.put(frame)
                self._report("source", source.problem)
            except Exception as error:
                self._report("source", error)
                self._end.wait(CHECK_SECONDS)
        source.close()

    def _see(self) -> None:
        tracker = LiveTracker(self._toonifier, self._strangers)

        def tried(stage: str, looking: Callable[[], Observation]) -> Observation | None:
            try:
                with self.measures.stage(stage):
                    observation = looking()
                self._report(stage, None)
                return observation
            except Exception as error:
                self._report(stage, error)
                tracker.forget()
                return None

        while not self._end.is_set():
            frame = self._captured.take(CHECK_SECONDS)
            if frame is None:
                continue
            observation = tried("see", partial(tracker, frame))
            whole: Future[Observation | None] = Future()
            self._seen.put(Seen(frame, observation, whole))  # so that its faces are drawn meanwhile
            whole.set_result(tried("search", partial(tracker.others, frame, observation)) if observation else None)

    def _draw(self) -> None:
        last: Frame | None = None
        while not self._end.is_set():
            try:
                if self._loader.swap(self._toonifier.restyle):
                    self._report("style", None)
            except Exception as error:
                self._report("style", error)
            seen = self._seen.take(CHECK_SECONDS)
            if seen is None:
                continue
            frame, observation, whole = seen
            toons: list[Toon] = []
            bare: Set[int] = frozenset()
            try:
                if last and frame.scene != last.scene:
                    self._pick.cut()
                picked = self._pick(
                    observation.faces if observation else [], frame.seconds - last.seconds if last else 0.0
                )
                last = frame
                if self.effect:
                    with self.measures.stage("draw"):
                        toons = self._toonifier.draw(frame, picked)
                else:
                    bare = {face.identity for face in picked}
                self._report("draw", None)
            except Exception as error:
                self._report("draw", error)
            self._drawn.put(Drawn(frame, self._awaited(whole), toons, bare))
            if toons:
                try:
                    self._toonifier.renew(frame, picked)
                except Exception as error:
                    self._report("draw", error)

    def _awaited(self, whole: Future[Observation | None]) -> Observation | None:
        while not self._end.is_set():
            with suppress(TimeoutError):
                return whole.result(CHECK_SECONDS)
        return None

    def _show(self, drawn: Drawn | None, sinks: list[LiveSink]) -> None:
        """Puts out one frame, or the last one again where none comes for long. A lost sink leaves the list."""
        effect = self.effect  # read once: another thread may change it at any time
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
        frame, observation, toons, bare = drawn
        late = effect and bool(bare)  # drawn before the effect came on
        if late and last is None:
            return
        self._faces = len(observation.faces) if observation else 0
        with self.measures.stage("show"):
            if last and (self.paused or late):
                self._guard.follow(frame, observation)  # who is lost right after has not been away all the while
                shown = stamped(last, frame.index, frame.pts)
            else:
                try:
                    shown = self._guard(frame, observation, toons, bare)
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
        if last and (shown.pts or 0) < (last.pts or 0) + LEAST_STEP:  # captured before the last one was shown again
            shown = stamped(shown, last.index + 1, (last.pts or 0) + LEAST_STEP)
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
        busy = [stage for stage in self._left_behind if stage.name in ("see", "draw")]
        deadline = time.monotonic() + BUSY_SECONDS
        for stage in busy:
            stage.join(max(0.0, deadline - time.monotonic()))
        if not any(stage.is_alive() for stage in busy):
            self._toonifier.close()
            if self._strangers:
                self._strangers.close()
        self._loader.close(deadline)

    # What controls and figures are about

    @property
    def faces(self) -> int | None:
        """As controls.Controls describes it; raises ValueError as a Toonifier does."""
        return self._pick.most

    @faces.setter
    def faces(self, most: int | None) -> None:
        self._pick = Pick(most)

    @property
    def style(self) -> str:
        """As controls.Controls describes it."""
        return self._loader.style

    def choose(self, style: str) -> None:
        """As controls.Controls describes it."""
        if style not in self.styles:
            self._report("style", f"{style}: no such style; there are {', '.join(self.styles)}")
            return
        self._loader.choose(style)

    def figures(self) -> dict[str, object]:
        """As controls.Controls describes it."""
        resting = self._unwatched > REST_SECONDS
        hanging = self.measures.hanging()
        stuck = f"{hanging}: it does not come back; where this lasts, start toonstream live again" if hanging else None
        ended = next((stage.name for stage in self._stages if not stage.is_alive()), None)
        if ended and not self._end.is_set():
            stuck = f"{ended}: it has ended; start toonstream live again"
        problems = list(self._problems.values())  # at once: other threads change them
        state = "idle" if resting else "stuck" if stuck else "waiting" if "source" in self._problems else "running"
        return {
            "fps": round(self.measures.fps, 1),
            "delay_ms": {f"p{percent}": self.measures.delay_ms(percent) for percent in (50, 95)},
            "dropped": self._captured.dropped + self._seen.dropped + self._drawn.dropped,
            "stages_ms": self.measures.stages_ms(),
            "backend": self._toonifier.engine.description,
            "style": self.style,
            "loading": self._loader.wanted,
            "faces": self._faces,
            "state": state,
            "picture": "paused" if self.paused else self._guard.picture,
            "size": list(self._size),
            "message": stuck or (problems[-1] if problems else None),
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
            readable = isinstance(problem, str | UserError)
            self._problems.pop(part, None)  # the newest comes last
            self._problems[part] = str(problem) if readable else f"{part}: {type(problem).__name__}: {problem}"
