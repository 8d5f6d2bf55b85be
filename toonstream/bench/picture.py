"""A measurement as a picture: a frame's time by stage, and the live delay over time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from toonstream_engines.cache import give_matplotlib_a_folder

from toonstream.bench.figures import figures, floor
from toonstream.bench.job import STAGES
from toonstream.bench.table import head, name

COLOURS = ("#4477aa", "#66ccee", "#228833", "#ee6677", "#ccbb44", "#aa3377")
"""Paul Tol's bright ones, which people of every sight can tell apart."""

WIDEST = 4
"""Bars longer than so many times the shortest are cut, or nothing of the short ones would show."""

Row = Mapping[str, Any]


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Write a PNG: for each clip bars to the left, delays to the right."""
    give_matplotlib_a_folder()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    clips = result["clips"]
    rows = [[row for row in result["rows"] if row["clip"] == clip] for clip in range(len(clips))]
    heights = [max(2.4, 1.0 + 0.42 * len(mine)) for mine in rows]
    figure = Figure(figsize=(15, 1.2 + sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(head(result).splitlines()[0], fontsize=8)
    plots = figure.subplots(
        len(clips), 2, squeeze=False, gridspec_kw={"height_ratios": heights, "width_ratios": (3, 2)}
    )
    for (left, right), clip, mine in zip(plots, clips, rows, strict=True):
        _bars(left, clip, mine)
        _delays(right, mine)
        left.set_title(clip["title"], fontsize=9, loc="left")
        right.set_title(f"live, at {clip['rate']:g} frames a second: delay of each", fontsize=9, loc="left")
    handles, labels = plots[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=8, ncols=len(labels), loc="outside lower left", frameon=False)
    figure.savefig(path, dpi=110)


def _bars(plot: Any, clip: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """What the stages take, one after the other, with what a frame takes where they overlap."""
    found = [{key: median(values) for key, values in figures(row).items()} for row in rows]
    places = range(len(rows))
    ends = [0.0] * len(rows)
    for stage, colour in zip(STAGES, COLOURS, strict=True):
        lengths = [row[stage] for row in found]
        plot.barh(places, lengths, left=ends, color=colour, height=0.6, label=stage)
        ends = [end + length for end, length in zip(ends, lengths, strict=True)]
    whole = [1000 / row["fps"] for row in found]
    plot.plot(whole, places, "kD", markersize=5, label="a frame of a file, the stages overlapping")
    plot.axvline(1000 / median(floor(clip)["fps"]), color="k", linestyle=":", label="the floor")
    limit = 1.18 * max(ms for ms in [*ends, *whole] if ms <= WIDEST * min(ends))
    for place, end, ms in zip(places, ends, whole, strict=True):
        longest = max(end, ms)
        label = f" {1000 / ms:.1f} fps" + ("" if longest < limit else f", {end:.0f} ms in all ")
        plot.text(min(longest, limit), place, label, va="center", ha="left" if longest < limit else "right")
    plot.set_xlim(0, limit)
    plot.set_yticks(places, [name(row) for row in rows], fontsize=8)
    plot.invert_yaxis()
    plot.set_xlabel("milliseconds a frame", fontsize=8)


def _delays(plot: Any, rows: Sequence[Row]) -> None:
    """Of the round whose median delay is the middle one."""
    from matplotlib.ticker import LogFormatter

    for row in rows:
        turns = sorted(row["live"], key=lambda turn: turn["delay"]["p50"])
        plot.plot(*zip(*turns[len(turns) // 2]["delays"], strict=True), linewidth=1, label=name(row))
    plot.set_yscale("log")
    plot.yaxis.set_major_formatter(LogFormatter())
    plot.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.5)))
    plot.tick_params(axis="y", which="both", labelsize=7)
    plot.set_ylabel("ms", fontsize=8)
    plot.set_xlabel("seconds", fontsize=8)
    plot.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2)
