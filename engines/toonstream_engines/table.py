"""Tables in plain text, and how a style does with each backend as one."""

from collections.abc import Collection, Sequence

from toonstream_engines.probe import Probe


def table(tried: Collection[Probe]) -> str:
    """A line for each: what ran, milliseconds for a face, steps of 255 from torch, size, and what is amiss."""
    rows, amiss = [("backend", "ms", "largest", "99.9 %", "MB")], [""]
    for probe in tried:
        found = probe.difference
        steps = (str(found.largest), f"{found.most:g}") if found else ("", "")
        ms = f"{1000 * probe.seconds:.2f}" if probe.seconds else ""
        rows.append((str(probe.candidate), ms, *steps, f"{probe.size / 1e6:.1f}"))
        amiss.append("not on this machine" if probe.absent else probe.failure)
    return "\n".join(f"{line}  {why}".rstrip() for line, why in zip(columns(rows), amiss, strict=True))


def columns(cells: Sequence[Sequence[str]]) -> list[str]:
    """Lines of cells, the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]).rstrip()
        for line in cells
    ]
