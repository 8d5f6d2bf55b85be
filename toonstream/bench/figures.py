"""The figures of a row, a list each with one value a round: what table, picture and comparison are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from toonstream.bench.job import STAGES

Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Figure:
    """How a figure is printed. rises: larger is better. timed: it follows the machine's speed."""

    label: str
    decimals: int = 1
    rises: bool = False
    timed: bool = True


FIGURES = {
    "fps": Figure("file, frames a second", rises=True),
    "p50": Figure("file, ms between frames, p50"),
    "p95": Figure("file, ms between frames, p95"),
    "p99": Figure("file, ms between frames, p99"),
    "start": Figure("start of the program, s", 2),
    "whole": Figure("the whole program, s", 2),
    "processor": Figure("processor time, ms a frame"),
    "memory": Figure("memory, MB", 0, timed=False),
    **{stage: Figure(f"{stage}, ms a frame", 2) for stage in STAGES},
    "live": Figure("live, frames a second", rises=True, timed=False),
    "delay p50": Figure("live, delay in ms, p50", timed=False),
    "delay p95": Figure("live, delay in ms, p95", timed=False),
    "delay p99": Figure("live, delay in ms, p99", timed=False),
    "dropped": Figure("live, % of frames left out", timed=False),
    "cores": Figure("live, processor cores in use", 2, timed=False),
}


def figures(row: Mapping[str, Any]) -> Figures:
    """By the names in FIGURES, of a row as in the JSON; without what was not measured."""
    found = _of_files(row.get("file", []))
    for stage in STAGES:
        found[stage] = [turn["stages"][stage]["mean"] for turn in row.get("stages", [])]
    turns = row.get("live", [])
    found["live"] = [turn["frames"] / turn["seconds"] for turn in turns]
    for share in ("p50", "p95", "p99"):
        found[f"delay {share}"] = [turn["delay"][share] for turn in turns]
    found["dropped"] = [100 * turn["dropped"] for turn in turns]
    found["cores"] = [turn["cpu_seconds"] / turn["seconds"] for turn in turns]
    return {name: values for name, values in found.items() if values}


def floor(clip: Mapping[str, Any]) -> Figures:
    """The same of a clip's floor, whose stages are not known."""
    return {name: values for name, values in _of_files(clip["floor"]).items() if values}


def shares(row: Mapping[str, Any], clip: Mapping[str, Any]) -> list[float]:
    """Of the floor's frame rate, what is left: each round's against the floor of that round."""
    return [mine / plain for mine, plain in zip(figures(row)["fps"], floor(clip)["fps"], strict=True)]


def with_spread(values: Sequence[float], decimals: int) -> str:
    """The median and, of several rounds, half of what lies between the least and the largest."""
    middle = f"{median(values):.{decimals}f}"
    return f"{middle} ±{(max(values) - min(values)) / 2:.{decimals}f}" if len(values) > 1 else middle


def _of_files(turns: Sequence[Mapping[str, Any]]) -> Figures:
    found = {
        "fps": [turn["frames"] / turn["seconds"] for turn in turns],
        "start": [turn["process_seconds"] - turn["seconds"] for turn in turns],
        "whole": [turn["process_seconds"] for turn in turns],
        "processor": [1000 * turn["cpu_seconds"] / turn["frames"] for turn in turns],
        "memory": [turn["memory"] for turn in turns if turn["memory"] is not None],
    }
    for share in ("p50", "p95", "p99"):
        found[share] = [turn["between"][share] for turn in turns]
    return found
