"""Turns on whole files: the converter's own work, and the floor under it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from toonstream import pipeline
from toonstream.bench.job import Job, Measured, summary
from toonstream.choose import open_sink, open_source
from toonstream.composite import Toon
from toonstream.sinks import Sink
from toonstream.sources import Source
from toonstream.toonifier import Toonifier


class Enough(Exception):  # noqa: N818  # it is no error
    """Ends a turn whose time is up."""


class Progress:
    """Frames as they are done, for at most so many seconds from its making."""

    def __init__(self, seconds: float) -> None:
        self._cpu, self._start = time.process_time(), time.perf_counter()
        self._end = self._start + seconds
        self._done: list[float] = []
        self._faces = 0

    def tell(self, toons: Sequence[Toon]) -> None:
        """A frame is done. Raises Enough."""
        self._done.append(time.perf_counter())
        self._faces += len(toons)
        if self._done[-1] > self._end:
            raise Enough

    def measured(self) -> Measured:
        """Call it when all is written. `seconds` are of the whole work, as the converter's own closing line has it."""
        return {
            "frames": len(self._done),
            "seconds": time.perf_counter() - self._start,
            "cpu_seconds": time.process_time() - self._cpu,
            "faces": self._faces / max(1, len(self._done)),
            "between": summary(1000 * np.diff(self._done)),
        }


def floor(job: Job) -> Measured:
    """Nothing but decoding and encoding: no program that does both this way can be faster."""
    progress = Progress(job.seconds)
    with _files(job) as (source, sink):
        for frame in source:
            sink.write(frame)
            progress.tell([])
    return progress.measured()


def file(job: Job) -> Measured:
    """The converter's own work."""
    with Toonifier(job.engine(), faces=job.faces) as toonifier:
        progress = Progress(job.seconds)
        with _files(job) as (source, sink):
            pipeline.run(source, toonifier, sink, progress.tell)
        return progress.measured()


@contextmanager
def _files(job: Job) -> Iterator[tuple[Source, Sink]]:
    with (
        suppress(Enough),
        open_source(Path(job.input)) as source,
        open_sink(Path(job.output), source, overwrite=True) as sink,
    ):
        yield source, sink
