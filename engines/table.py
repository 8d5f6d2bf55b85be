"""How a style does with each backend, as a table."""

from collections.abc import Collection

from engines.trial import Trial


def table(tried: Collection[Trial]) -> str:
    """A line for each: what ran, milliseconds for a face, steps of 255 from torch, size, and what is amiss."""
    rows = [("backend", "ms", "largest", "99.9 %", "MB", "")]
    for trial in tried:
        found, why = trial.difference, "not on this machine" if trial.absent else trial.failure
        steps = (str(found.largest), f"{found.most:g}") if found else ("", "")
        ms = f"{1000 * trial.seconds:.2f}" if trial.seconds else ""
        rows.append((str(trial.candidate), ms, *steps, f"{trial.size / 1e6:.1f}", why))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        f"{row[0]:{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:5], widths[1:5], strict=True))
        + (f"  {row[5]}" if row[5] else "")
        for row in rows
    )
