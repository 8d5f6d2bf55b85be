"""How long a run will take on this machine, measured on a few steps of each stage, which are then undone."""

import copy
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from toonstream_train.core.trainer import Trainer

WARM_UP, MEASURED = 2, 3
"""Steps, of which the first of a shape are slow, and a stage's periods."""
PATIENCE = 10.0
"""Seconds after which what has been measured of a stage is enough."""
UNITS = (("years", 31_556_952), ("months", 2_629_746), ("days", 86_400), ("hours", 3_600), ("minutes", 60))


@dataclass(frozen=True)
class Pace:
    """How fast a stage of a run is."""

    stage: str
    steps: int
    """Still to come."""
    seconds: float
    """A step."""


def forecast(trainer: Trainer) -> list[Pace]:
    """The pace of each stage that is not over. The run then begins as if nothing had been measured."""
    fabric = trainer.fabric
    learned = copy.deepcopy(trainer.learned())
    random = torch.get_rng_state(), torch.cuda.get_rng_state(fabric.device) if fabric.device.type == "cuda" else None
    paces, begin = [], 0
    for stage in trainer.stages:
        end = begin + stage.steps
        if trainer.step < end:
            left = end - max(trainer.step, begin)
            trainer.step = max(trainer.step, begin)
            paces.append(Pace(stage.name, left, _measure(trainer, left, stage.period)))
            trainer.restore(copy.deepcopy(learned))  # optimisers would go on in these tensors
        begin = end
    torch.set_rng_state(random[0])
    if random[1] is not None:
        torch.cuda.set_rng_state(random[1], fabric.device)
    return paces


def _measure(trainer: Trainer, left: int, period: int) -> float:
    """Mean seconds of a step over `period` steps, of which `left` are to come.

    The median of MEASURED periods after the warm-up, or the last one where they take longer than PATIENCE.
    """
    times: list[float] = []
    start = time.perf_counter()
    for _ in range(min(left, WARM_UP + MEASURED * period)):
        before = time.perf_counter()
        trainer.train_step()
        if trainer.fabric.device.type == "cuda":
            torch.cuda.synchronize(trainer.fabric.device)
        times.append(time.perf_counter() - before)
        if len(times) % period == 0 and trainer.agreed(time.perf_counter() - start > PATIENCE)[0]:
            break
    whole = max(1, (len(times) - WARM_UP) // period) * period
    times = times[-whole:]
    return statistics.median(statistics.fmean(times[i : i + period]) for i in range(0, len(times), period))


def in_words(paces: Sequence[Pace], settings: Any) -> str:
    """What a run is going to take, and which settings of the recipe would make it shorter."""
    stages = ", then ".join(f"{pace.steps:,} steps of {pace.seconds:.2g} s ({pace.stage})" for pace in paces)
    shorter = []
    if hasattr(settings, "steps"):
        shorter.append(f"steps={settings.steps // 2}")
    if getattr(settings, "batch", 1) > 1:
        shorter.append(f"batch={settings.batch // 2}")
    if hasattr(settings, "geometry") and settings.geometry.size > 128:
        shorter.append("geometry.size=128")
    advice = f"; shorter with --set {' or --set '.join(shorter)}" if shorter else ""
    return f"{stages}: about {duration(sum(pace.steps * pace.seconds for pace in paces))}{advice}"


def duration(seconds: float) -> str:
    """In the largest unit of which there are two or more: 5400 -> "90 minutes"."""
    for name, length in UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} seconds"
