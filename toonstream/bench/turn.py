"""One turn, in a process of its own: the job comes as JSON, and what was measured goes into a file."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from engines import Engine, load_style, open_engine
from engines.errors import UserError
from engines.peer import open_peer
from toonstream import pipeline
from toonstream.bench.clip import photograph
from toonstream.composite import Toon
from toonstream.frame import Frame
from toonstream.sinks import open_sink
from toonstream.sources import open_source
from toonstream.toonifier import Toonifier

CHUNK = 16
"""Frames that each stage works on in a row, so that the threads of the others have come to rest."""

Item = TypeVar("Item")
Measured = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What a turn does: a `kind` among KINDS, for at most so many seconds. It writes `output` and leaves it there.

    style or peer: what draws, with its backend and precision; the floor has neither. faces: as Toonifier takes it.
    """

    kind: str
    input: str
    output: str
    seconds: float
    style: str = ""
    peer: str = ""
    backend: str = ""
    precision: str = ""
    faces: int | None = None

    def engine(self) -> Engine:
        """Raises UserError where it cannot be had."""
        if self.peer:
            return open_peer(self.peer, photograph()[None, :256, 48:304], self.backend, self.precision)
        return open_engine(load_style(self.style), self.backend, self.precision)

    def toonifier(self) -> Toonifier:
        return Toonifier(self.engine(), faces=self.faces)

    @classmethod
    def of_json(cls, text: str) -> "Job":
        return cls(**json.loads(text))

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Enough(Exception):  # noqa: N818  # it is no error: the time is up
    """Ends a turn whose time is up."""


class Progress:
    """Frames as they are done, for at most so many seconds from its making."""

    def __init__(self, seconds: float) -> None:
        self._end = time.perf_counter() + seconds
        self._cpu, self._start = time.process_time(), time.perf_counter()
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
            "between": summary(1000 * np.diff(self._done), len(self._done) - 1),
        }


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
        self.title, self.device, self.precision, self.side = engine.title, engine.device, engine.precision, engine.side
        self._engine, self._watch = engine, watch

    def _infer(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
        with self._watch("generator"):
            return self._engine._infer(arrays)

    def close(self) -> None:
        self._engine.close()


def summary(values: Sequence[float] | NDArray[np.floating], count: int) -> dict[str, float]:
    """Mean over `count` frames, and percentiles of the values."""
    if not len(values):
        return {"mean": 0.0, "p50": 0.0, "p95": 0.0, "p99": 0.0}
    p50, p95, p99 = (float(p) for p in np.percentile(values, [50, 95, 99]))
    return {"mean": float(np.sum(values)) / max(1, count), "p50": p50, "p95": p95, "p99": p99}


def opened(job: Job) -> Measured:
    """What the engine really is. The first time, it is built and proved here, so that no other turn waits for it."""
    with job.engine() as engine:
        name = engine.model.path.stem if job.peer else load_style(job.style).name
        return {"name": name, "engine": engine.description, "sha256": engine.model.sha256}


def floor(job: Job) -> Measured:
    """Nothing but decoding and encoding: no program that does either can be faster."""
    progress = Progress(job.seconds)
    try:
        with open_source(Path(job.input)) as source, open_sink(Path(job.output), source, overwrite=True) as sink:
            for frame in source:
                sink.write(frame)
                progress.tell([])
    except Enough:
        pass
    return progress.measured()


def file(job: Job) -> Measured:
    """The converter's own work."""
    with job.toonifier() as toonifier:
        progress = Progress(job.seconds)
        try:
            with open_source(Path(job.input)) as source, open_sink(Path(job.output), source, overwrite=True) as sink:
                pipeline.run(source, toonifier, sink, progress.tell)
        except Enough:
            pass
        return progress.measured()


def stages(job: Job) -> Measured:
    """Each stage by itself with the machine to itself, one after the other, in milliseconds a frame."""
    watch, end = Stopwatch(), time.perf_counter() + job.seconds
    frames, sides = 0, []
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
            drawn = []
            for frame, faces in chunk:
                with watch("crop"):
                    drawn.append((frame, toonifier.draw(frame, faces)))
            made = []
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
    per_frame = {"generator": len(watch.taken["crop"])}  # it may run several times a frame, or not at all
    taken = {stage: watch.taken[stage] for stage in STAGES}
    return {
        "frames": frames - CHUNK,
        "crop": float(np.median(sides)) if sides else 0.0,
        "stages": {stage: summary(taken[stage], per_frame.get(stage, len(taken[stage]))) for stage in STAGES},
    }


STAGES = ("decode", "faces", "crop", "generator", "composite", "encode")
KINDS = {"opened": opened, "floor": floor, "file": file, "stages": stages}


def peak_memory() -> float | None:
    """The most that this process had in memory at any time, in MB; None where the system does not tell."""
    try:
        # Linux hands getrusage's figure down from the parent process.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return None


def main() -> int:
    """`python -m toonstream.bench.turn JOB RESULT`"""
    job, result = Job.of_json(sys.argv[1]), Path(sys.argv[2])
    cv2.setNumThreads(1)  # as the converter does
    try:
        measured = KINDS[job.kind](job) | {"memory": peak_memory()}
    except UserError as error:
        measured = {"error": str(error), "status": error.status}
    result.write_text(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
