"""A turn that takes the stages apart: each by itself, with the machine to itself."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from toonstream_engines.engine import Arrays, Engine
from toonstream_engines.errors import InputError

from toonstream.bench.job import STAGES, Job, Measured, summary
from toonstream.choose import open_sink, open_source
from toonstream.frame import Frame
from toonstream.toonifier import Toonifier

CHUNK = 16
"""Frames that each stage works on in a row, so that the threads of the one before have come to rest."""

Item = TypeVar("Item")


class Stopwatch:
    """Milliseconds by stage; a stage that runs within another is not counted for that one."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)
        self._inner: list[float] = []

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        self._inner.append(0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            milliseconds = 1000 * (time.perf_counter() - start)
            self.taken[stage].append(milliseconds - self._inner.pop())
            if self._inner:
                self._inner[-1] += milliseconds

    def each(self, stage: str, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each one's making timed."""
        iterator = iter(items)
        while True:
            with self(stage):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item


class Timed(Engine):
    """An engine whose work is the stage "generator"."""

    def __init__(self, engine: Engine, watch: Stopwatch) -> None:
        super().__init__(engine.model)
        self.title, self.device, self.precision = engine.title, engine.device, engine.precision
        self._engine, self._watch = engine, watch

    def _infer(self, inputs: Arrays) -> Arrays:
        with self._watch("generator"):
            return self._engine._infer(inputs)

    def close(self) -> None:
        self._engine.close()


def stages(job: Job) -> Measured:
    """Milliseconds a frame of each of STAGES; faces are tracked as in files, with the networks on some frames only."""
    watch, end = Stopwatch(), time.perf_counter() + job.seconds
    frames = 0
    sides: list[int] = []
    with ExitStack() as stack:
        toonifier = stack.enter_context(Toonifier(Timed(job.engine(), watch), faces=job.faces))
        source = stack.enter_context(open_source(Path(job.input)))
        sink = stack.enter_context(open_sink(Path(job.output), source, overwrite=True))

        def decoded() -> Iterator[Frame]:
            pictures = watch.each("decode", source)
            while chunk := list(islice(pictures, CHUNK)):
                yield from chunk

        seen = watch.each("faces", toonifier.follow(decoded(), source.rate))
        while chunk := list(islice(seen, CHUNK)):
            drawn, made = [], []
            for frame, faces in chunk:
                with watch("crop"):
                    drawn.append((frame, toonifier.draw(frame, faces)))
            for frame, toons in drawn:
                with watch("composite"):
                    made.append(toonifier.composite(frame, toons))
            for frame in made:
                with watch("encode"):
                    sink.write(frame)
            sides += [toon.picture.shape[0] for _, toons in drawn for toon in toons]
            if not frames:  # in the first ones, networks and codecs begin
                watch.taken.clear()
            frames += len(chunk)
            if time.perf_counter() > end and frames > CHUNK:
                break
    if frames <= CHUNK:
        raise InputError(f"{job.input}: {frames} frames are too few to measure anything")
    drawings = len(watch.taken["crop"])  # for each of which the generator may run several times, or not at all
    return {
        "frames": frames - CHUNK,
        "crop": float(np.median(sides)) if sides else 0.0,
        "stages": {stage: summary(watch.taken[stage], drawings if stage == "generator" else None) for stage in STAGES},
    }
