"""A measurement as text."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from toonstream_engines.table import columns

from toonstream.bench.figures import figures, floor, shares, with_spread
from toonstream.bench.job import STAGES
from toonstream.live.measures import STAGES as LIVE_STAGES


def table(result: Mapping[str, Any]) -> str:
    """Three tables for each clip: whole files beside the floor, the stages by themselves, and live."""
    lines = [head(result)]
    for number, clip in enumerate(result["clips"]):
        rows = [row for row in result["rows"] if row["clip"] == number]
        lines += ["", f"{clip['title']}, {clip['frames']} frames at {clip['rate']:g} a second", ""]
        lines += columns(_files(clip, rows))
        lines += ["", *columns(_stages(rows)), "", *columns(_live(clip, rows))]
    rounds = f"Medians of {result['rounds']} rounds in turns, ± half of their range. " if result["rounds"] > 1 else ""
    lines += ["", rounds + "The floor only decodes and encodes, with the same settings."]
    return "\n".join(lines) + "\n"


def head(result: Mapping[str, Any]) -> str:
    """The machine and the versions, in two lines."""
    machine, versions = result["machine"], result["versions"]
    parts = [machine["processor"], f"{machine['cores']} cores"]
    parts += [f"{machine['memory']:g} GB"] if machine["memory"] else []
    parts += [*machine["gpus"], machine["system"]]
    parts += [f"load {machine['load']:.1f} at the start"] if machine["load"] is not None else []
    return ", ".join(parts) + "\n" + ", ".join(f"{name} {version}" for name, version in versions.items())


def name(row: Mapping[str, Any]) -> str:
    return f"{row['name']}: {row['engine']}"


def _files(clip: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    lines = [["file", "fps", "of the floor", "ms p50", "p95", "p99", "start s", "whole s", "cpu ms", "MB"]]
    for title, found, share in [
        ("the floor", floor(clip), ""),
        *((name(row), figures(row), with_spread(shares(row, clip), 2)) for row in rows),
    ]:
        cells = [f"{median(found[p]):.1f}" for p in ("p50", "p95", "p99")]
        cells += [f"{median(found['start']):.2f}", with_spread(found["whole"], 2), f"{median(found['processor']):.1f}"]
        memory = f"{median(found['memory']):.0f}" if "memory" in found else ""
        lines.append([title, with_spread(found["fps"], 1), share, *cells, memory])
    return lines


def _stages(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    lines = [["stages, ms a frame", *STAGES, "sum", "crop px", "faces"]]
    for row in rows:
        found = figures(row)
        middle = [median(found[stage]) for stage in STAGES]
        crop = median(turn["crop"] for turn in row["stages"])
        faces = median(turn["faces"] for turn in row["file"])
        lines.append([name(row), *(f"{ms:.2f}" for ms in middle), f"{sum(middle):.1f}", f"{crop:.0f}", f"{faces:.1f}"])
    return lines


def _live(clip: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    keys = "live", "delay p50", "delay p95", "delay p99", "dropped", "cores"
    decimals = 1, 1, 1, 1, 1, 2
    lines = [[f"live, at {clip['rate']:g} a second", "fps", "delay ms p50", "p95", "p99", "left out %", "cores used"]]
    lines[0] += [f"{stage} ms" for stage in LIVE_STAGES]
    for row in rows:
        found = figures(row)
        stages = [median(turn["stages"][stage] for turn in row["live"]) for stage in LIVE_STAGES]
        cells = [with_spread(found[key], d) for key, d in zip(keys, decimals, strict=True)]
        lines.append([name(row), *cells, *(f"{ms:.1f}" for ms in stages)])
    return lines
