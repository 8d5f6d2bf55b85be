"""What came of a batch: a closing table for people, JSON for machines."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from toonstream_engines.table import columns

from toonstream.batch.manifest import Record

SLOWEST = 3


@dataclass
class Report:
    """Of one run. failures: each names its output or input; those of an earlier run are among them."""

    made: list[Record] = field(default_factory=list)
    done_before: int = 0
    failures: list[str] = field(default_factory=list)
    status: int = 0
    """The exit status."""
    seconds: float = 0.0
    dashboard: str = ""

    def fail(self, error: str, status: int) -> None:
        self.failures.append(error)
        self.status = max(self.status, status)

    def to_json(self) -> str:
        return json.dumps(self._figures() | {"slowest": self._slowest(), "failures": self.failures})

    def table(self) -> str:
        figures = self._figures()
        head = ["", "files", "frames", "faces", "frames/s", "seconds"]
        rows = [["made", *(f"{figures[key]:,}" for key in ("made", "frames", "faces", "fps", "seconds"))]]
        rows += [["there already", str(self.done_before)] + 4 * [""]] if self.done_before else []
        rows += [["failed", str(len(self.failures))] + 4 * [""]] if self.failures else []
        if len(self.made) > 1:
            rows += [
                [f"slowest: {one['output']}", "", f"{one['frames']:,}", str(one["faces"]), _rate(one), _seconds(one)]
                for one in self._slowest()
            ]
        return "\n".join(columns([head, *rows]))

    def _figures(self) -> dict[str, Any]:
        frames = sum(record["frames"] for record in self.made)
        return {
            "made": len(self.made),
            "done_before": self.done_before,
            "frames": frames,
            "faces": sum(record["faces"] for record in self.made),
            "fps": round(frames / self.seconds, 1) if self.seconds else 0.0,
            "seconds": round(self.seconds, 1),
            "dashboard": self.dashboard,
        }

    def _slowest(self) -> Sequence[Record]:
        keys = "output", "frames", "faces", "seconds", "engine", "machine"
        slowest = sorted(self.made, key=lambda record: -record["seconds"])[:SLOWEST]
        return [{key: record[key] for key in keys} for record in slowest]


def _rate(record: Record) -> str:
    return f"{record['frames'] / record['seconds']:.1f}" if record["seconds"] else ""


def _seconds(record: Record) -> str:
    return f"{record['seconds']:.1f}"
