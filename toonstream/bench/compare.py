"""What changed from one measurement to another, beyond the noise.

A figure has changed where every round of the one lies on the same side of every round of the other: by chance alone,
with five rounds each, that happens once in 126, however the noise is distributed. The floor does the same work in both;
where it has changed, the machine or its codecs have, and what takes time is compared in the floor's time of its round.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from toonstream_engines.errors import InputError
from toonstream_engines.table import columns

from toonstream.bench.figures import FIGURES, Figure, Figures, figures, floor, with_spread
from toonstream.bench.job import FORMAT
from toonstream.bench.table import name

LEAST = 0.02
"""Changes that are smaller are no news: two measurements of one thing, at different times, lie so far apart."""

CHANCE = 0.05
"""How often noise alone may look like a change, of one figure; fewer rounds than that takes are refused."""


def load(path: Path) -> dict[str, Any]:
    """What `toonstream bench` wrote. Raises InputError where it is none of that."""
    try:
        result = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give two files that toonstream bench wrote") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not what toonstream bench wrote ({error})") from error
    if not isinstance(result, dict) or result.get("format") != FORMAT or not _is_whole(result):
        raise InputError(f"{path}: not what this version of toonstream bench wrote; measure again")
    return result


def _is_whole(result: Mapping[str, Any]) -> bool:
    """Whether all is there that is compared, a number for each round; memory may be unknown."""
    try:
        {clip["title"]: clip["sha256"] for clip in result["clips"]} | result["machine"] | result["versions"]
        each = [found.items() for found, _ in _rows(result).values()]
        return all(
            (len(values) == result["rounds"] or key == "memory") and all(map(math.isfinite, values))
            for found in each
            for key, values in found
        )
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return False


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """A line for each figure that changed, and how many did not. Raises InputError where there are too few rounds."""
    rounds = before["rounds"], after["rounds"]
    chance = 2 / math.comb(sum(rounds), rounds[0])
    if chance > CHANCE:
        raise InputError(f"{rounds[0]} and {rounds[1]} rounds are too few to tell a change from noise; take five each")
    lines = [*_otherwise(before["machine"], after["machine"]), *_otherwise(before["versions"], after["versions"])]
    first, second = _rows(before), _rows(after)
    clips = {clip["title"]: clip["sha256"] for clip in before["clips"]}
    lines += [
        f"{c['title']}: the clips differ" for c in after["clips"] if clips.get(c["title"]) not in (None, c["sha256"])
    ]
    cells = [["changed", "", "before", "after", "change", ""]]
    alike, drifted = 0, False
    for title in first | second:
        if title not in first or title not in second:
            lines.append(f"{title}: only in the {'first' if title in first else 'second'}")
            continue
        (mine, plain), (other, other_plain) = first[title], second[title]
        drift = bool(plain) and changed(plain, other_plain)
        for key in [key for key in mine if key in other]:
            a, b, figure = mine[key], other[key], FIGURES[key]
            if drift and figure.timed:
                a, b = _against(a, plain, figure), _against(b, other_plain, figure)
            if not changed(a, b):
                alike += 1
                continue
            share = f"{100 * (median(b) / median(a) - 1):+.1f} %" if median(a) else ""
            better = "better" if (median(b) > median(a)) == figure.rises else "worse"
            both = with_spread(mine[key], figure.decimals), with_spread(other[key], figure.decimals)
            cells.append([title, figure.label, *both, share, better])
        drifted |= drift
    if drifted:
        lines.append("the floor has changed: what takes time is compared beside the floor of its round")
    lines += columns(cells) if len(cells) > 1 else ["nothing changed beyond the noise"]
    lines.append(f"{alike} figures lie within the noise; by chance, one in {1 / chance:.0f} would not")
    return "\n".join(lines) + "\n"


def changed(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether all of one lie beyond all of the other, and the medians apart by more than LEAST."""
    apart = min(a) > max(b) or min(b) > max(a)
    return apart and abs(median(b) - median(a)) > LEAST * abs(median(a))


def _rows(result: Mapping[str, Any]) -> dict[str, tuple[Figures, list[float]]]:
    """The figures of each row, and of each floor its frame rate; by title, each with the frame rates of its floor."""
    found: dict[str, tuple[Figures, list[float]]] = {}
    for number, clip in enumerate(result["clips"]):
        rates = floor(clip)["fps"]
        found[f"{clip['title']}, the floor"] = {"fps": rates}, []
        for row in result["rows"]:
            if row["clip"] == number:
                found[f"{clip['title']}, {name(row)}"] = figures(row), rates
    return found


def _against(values: Sequence[float], rates: Sequence[float], figure: Figure) -> list[float]:
    """Each round's beside the floor of that round: a frame rate as a share of its, a time in its time for a frame."""
    return [value / rate if figure.rises else value * rate for value, rate in zip(values, rates, strict=True)]


def _otherwise(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    keys = [key for key in {**a, **b} if key != "load" and a.get(key) != b.get(key)]
    return [f"{key}: {a.get(key)} before, {b.get(key)} after" for key in keys]
