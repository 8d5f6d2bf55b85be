"""A turn of the live loop: the clip in the place of a camera, and a sink that notes when each frame arrives."""

import threading
import time
from collections.abc import Container
from pathlib import Path
from types import TracebackType
from typing import Self

from toonstream.bench.job import Job, Measured, summary
from toonstream.frame import Frame
from toonstream.live.session import Session
from toonstream.sources.looping import LoopingSource

START_SECONDS = 2.0
"""What is left out at the beginning: networks begin, and the face is found."""


class Camera(LoopingSource):
    """A video in the place of a camera, which notes the time stamp of each frame that it gave."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.stamps: list[int | None] = []

    def read(self) -> Frame | None:
        frame = super().read()
        if frame:
            self.stamps.append(frame.pts)
        return frame


class Arrivals:
    """A LiveSink that takes what a camera gave, from START_SECONDS after its first frame.

    frames: of each that arrived since, its time stamp, when, and its delay since then, both in seconds. enough: whether
    that went on for so many seconds, and for two frames at least.
    """

    description = "the benchmark"
    private = False
    watched = True

    def __init__(self, stamps: Container[int | None], seconds: float) -> None:
        """stamps: of the camera's frames; a session that waits for one shows the last again, under another stamp."""
        self._stamps = stamps
        self.enough = False
        self.frames: list[tuple[int | None, float, float]] = []
        self.cpu_seconds = 0.0
        self._seconds = seconds
        self._start: float | None = None
        self._cpu: float | None = None

    def write(self, frame: Frame) -> None:
        now = time.monotonic()
        if frame.pts not in self._stamps:
            return
        self._start = self._start or now + START_SECONDS
        if now < self._start:
            return
        self._cpu = self._cpu or time.process_time()
        self.cpu_seconds = time.process_time() - self._cpu
        self.frames.append((frame.pts, now - self._start, now - frame.seconds))
        if now > self._start + self._seconds and len(self.frames) > 1:
            self.enough = True

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def live(job: Job) -> Measured:
    """Frames that were put out, the share of the camera's that was left out, and the delay from capture to output."""
    session = Session(job.engine(), faces=job.faces)
    with Camera(Path(job.input)) as camera:
        arrivals = Arrivals(camera.stamps, job.seconds)
        session.run(camera, [arrivals], lambda: session.stop() if arrivals.enough else None)
    for stage in [thread for thread in threading.enumerate() if thread.daemon]:
        stage.join(job.seconds)  # the session waits a moment only; left within an engine, it would end the process
    stamps, when, delays = zip(*arrivals.frames, strict=True)
    given = camera.stamps.index(stamps[-1]) - camera.stamps.index(stamps[0]) + 1
    delays_ms = [1000 * delay for delay in delays]
    seconds = when[-1] - when[0]
    return {
        "frames": len(when),
        "seconds": seconds,
        "cpu_seconds": arrivals.cpu_seconds,
        "dropped": 1 - len(stamps) / given,
        "delay": summary(delays_ms),
        "stages": session.figures()["stages_ms"],
        "delays": [[round(t, 3), round(ms, 1)] for t, ms in zip(when, delays_ms, strict=True)],
    }
