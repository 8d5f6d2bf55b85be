"""The job of one measuring process, and its results."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from toonstream_engines import Engine, load_style, open_engine
from toonstream_engines.external import open_external

from toonstream.bench.clip import photograph

FORMAT = 1
"""Of the JSON; one more where older figures would be misread."""

STAGES = ("decode", "faces", "crop", "generator", "composite", "encode")
"""Of a frame's way through a file, in their order."""

Measured = dict[str, Any]
"""As it goes into the JSON."""


@dataclass(frozen=True)
class Job:
    """What one process measures: a `kind` among worker.KINDS, for at most so many seconds; `output` is kept.

    style or external: what draws, with its backend and precision; the floor has neither. faces: as Toonifier takes it.
    """

    kind: str
    input: str
    output: str
    seconds: float
    style: str = ""
    external: str = ""
    """A published generator, as open_external takes it."""
    backend: str = ""
    precision: str = ""
    faces: int | None = None

    def engine(self) -> Engine:
        """Raises UserError where it cannot be opened."""
        if self.external:
            return open_external(self.external, photograph()[None, :256, 48:304], self.backend, self.precision)
        return open_engine(load_style(self.style), self.backend, self.precision)

    @classmethod
    def of_json(cls, text: str) -> "Job":
        return cls(**json.loads(text))

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def summary(values: Sequence[float] | NDArray[np.floating], count: int | None = None) -> dict[str, float]:
    """Percentiles of the values, and their mean over `count` frames, if that is another number."""
    if not len(values):
        return {"mean": 0.0, "p50": 0.0, "p95": 0.0, "p99": 0.0}
    p50, p95, p99 = (float(p) for p in np.percentile(values, [50, 95, 99]))
    return {"mean": float(np.sum(values)) / (count or len(values)), "p50": p50, "p95": p95, "p99": p99}
