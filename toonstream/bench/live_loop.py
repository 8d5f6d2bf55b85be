"""A turn of the live loop: the clip as a camera, and a note of when each frame is put out."""

import threading
import time
from pathlib import Path

from toonstream_engines.closeable import Closeable

from toonstream.bench.job import Job, Measured, summary
from toonstream.frame import Frame
from toonstream.live.measures import Measures
from toonstream.live.session import Session
from toonstream.sources.looping import LoopingSource

START_SECONDS = 2.0
"""What is left out at the beginning: networks begin, and the face is found."""


class Camera(LoopingSource):
    """A video as a camera, which notes when it gave each frame."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.given: list[float] = []

    def read(self) -> Frame | None:
        frame = super().read()
        if frame:
            self.given.append(frame.seconds)
        return frame


class Arrivals(Measures):
    """Notes what was put out, from START_SECONDS after the first frame.

    frames: of each since, when it was captured, when it was put out, counted from the start, and its delay, in seconds.
    enough: whether that went on for so many seconds, and for two frames at least.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.enough = False
        self.frames: list[tuple[float, float, float]] = []
        self.cpu_seconds = 0.0
        self._seconds = seconds
        self._start: float | None = None
        self._cpu: float | None = None

    def output(self, captured: float) -> None:
        super().output(captured)
        now = time.monotonic()
        self._start = self._start or now + START_SECONDS
        if now < self._start:
            return
        self._cpu = self._cpu or time.process_time()
        self.cpu_seconds = time.process_time() - self._cpu
        self.frames.append((captured, now - self._start, now - captured))
        if now > self._start + self._seconds and len(self.frames) > 1:
            self.enough = True


class Nowhere(Closeable):
    """A LiveSink that somebody always watches, and that costs nothing."""

    description = "the benchmark"
    private = False
    watched = True

    def write(self, frame: Frame) -> None:
        pass

    def close(self) -> None:
        pass


def live(job: Job) -> Measured:
    """Frames that were put out, the share of the camera's that was left out, and the delay from capture to output."""
    session = Session(job.engine(), faces=job.faces)
    with Camera(Path(job.input)) as camera:
        session.measures = arrivals = Arrivals(job.seconds)
        session.run(camera, [Nowhere()], lambda: session.stop() if arrivals.enough else None)
    stages = arrivals.stages_ms()
    for thread in threading.enumerate():
        if thread.name in ("capture", "see", "draw"):
            thread.join(job.seconds)  # the session waits a moment only; left within an engine, it would end the process
    captured, when, delays = zip(*arrivals.frames, strict=True)
    given = camera.given.index(captured[-1]) - camera.given.index(captured[0]) + 1
    delays_ms = [1000 * delay for delay in delays]
    seconds = when[-1] - when[0]
    return {
        "frames": len(when),
        "seconds": seconds,
        "cpu_seconds": arrivals.cpu_seconds,
        "dropped": 1 - len(captured) / given,
        "delay": summary(delays_ms),
        "stages": stages,
        "delays": [[round(t, 3), round(ms, 1)] for t, ms in zip(when, delays_ms, strict=True)],
    }
