"""A measurement as a picture: a frame's time by stage."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from toonstream.bench.figures import figures, floor
from toonstream.bench.job import STAGES
from toonstream.bench.table import head, name

COLOURS = ("#4477aa", "#66ccee", "#228833", "#ee6677", "#ccbb44", "#aa3377")
"""Paul Tol's bright ones, which people of every sight can tell apart."""

WIDEST = 4
"""Bars longer than so many times the shortest are cut, or nothing of the short ones would show."""


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Write a PNG: a bar of the stages for each row, with the time that a frame takes when they overlap."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    clips, rows = result["clips"], result["rows"]
    figure = Figure(figsize=(11, 1.6 + sum(0.9 + 0.42 * len(_of(rows, i)) for i in range(len(clips)))))
    FigureCanvasAgg(figure)
    figure.suptitle(head(result).splitlines()[0], fontsize=8)
    heights = [1 + len(_of(rows, i)) for i in range(len(clips))]
    plots = figure.subplots(len(clips), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for number, (plot, clip) in enumerate(zip(plots, clips, strict=True)):
        mine = _of(rows, number)
        times = [{stage: median(figures(row)[stage]) for stage in STAGES} for row in mine]
        whole = [1000 / median(figures(row)["fps"]) for row in mine]
        widest = WIDEST * min(sum(t.values()) for t in times)
        places = range(len(mine))
        left = [0.0] * len(mine)
        for stage, colour in zip(STAGES, COLOURS, strict=True):
            lengths = [t[stage] for t in times]
            plot.barh(places, lengths, left=left, color=colour, height=0.6, label=stage)
            left = [a + b for a, b in zip(left, lengths, strict=True)]
        plot.plot(whole, places, "kD", markersize=5, label="a frame, the stages overlapping")
        plot.axvline(1000 / median(floor(clip)["fps"]), color="k", linestyle=":", label="the floor")
        limit = min(1.12 * max([*left, *whole]), widest)
        plot.set_xlim(0, limit)
        for place, end, ms in zip(places, left, whole, strict=True):
            plot.text(
                min(max(end, ms) + 0.01 * limit, 0.99 * limit),
                place,
                f"{1000 / ms:.1f} fps",
                va="center",
                ha="left" if max(end, ms) < 0.9 * limit else "right",
                fontsize=8,
            )
        plot.set_yticks(places, [name(row) for row in mine], fontsize=8)
        plot.invert_yaxis()
        plot.set_title(clip["title"], fontsize=9, loc="left")
    plots[-1].set_xlabel("milliseconds a frame")
    plots[0].legend(fontsize=7, ncols=4, loc="lower right", bbox_to_anchor=(1, 1.02), frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def _of(rows: list[Mapping[str, Any]], clip: int) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["clip"] == clip]
