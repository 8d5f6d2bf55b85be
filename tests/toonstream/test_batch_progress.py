"""The bar of a batch."""

import io
import sys

import pytest

pytest.importorskip("filelock", reason="needs the extra cluster: pip install '.[cluster]'")

from toonstream.batch.inputs import Job
from toonstream.batch.progress import Progress
from toonstream.batch.task import Outcome


def test_the_bar_counts_bytes_frames_and_files(tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for name, size in (("a", 100), ("b", 300)):
        (tmp_path / name).write_bytes(bytes(size))
    jobs = [Job(tmp_path / name, name) for name in ("a", "b", "gone")]
    progress = Progress(jobs, quiet=False)

    def shown() -> str:
        terminal.seek(0)
        terminal.truncate()
        progress.tick(2)
        return terminal.getvalue()

    assert "0 of 3 files   0%" in shown()
    progress.hear(("b", 10, 20))
    assert "0 of 3 files  37%" in shown()
    progress.end(jobs[1], Outcome({"frames": 20}))
    progress.hear(("b", 15, 20))  # late
    assert "1 of 3 files  75%" in shown()
    for _ in range(2):
        progress.hear("worker x does not see it")
    progress.end(jobs[0], Outcome(error="no"))
    assert "2 of 3 files 100%" in shown()
    assert " frames/s on 2 workers" in shown()
    progress.close()
