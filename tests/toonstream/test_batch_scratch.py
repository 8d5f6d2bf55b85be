"""The folders that a batch's tries work in."""

import signal
import subprocess
import sys

import pytest

pytest.importorskip("filelock", reason="needs the extra cluster: pip install '.[cluster]'")

from toonstream.batch.scratch import scratch, someone_died, sweep


def test_what_the_dead_leave_is_told_from_what_the_living_hold(tmp_path):
    output = tmp_path / "a.mp4"
    program = (
        "import os, pathlib, signal; from toonstream.batch.scratch import scratch\n"
        f"with scratch(pathlib.Path({str(output)!r})) as folder:\n"
        "    (folder / 'a.mp4').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    died = subprocess.run([sys.executable, "-c", program], check=False)
    assert died.returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    with scratch(output) as mine:
        assert not someone_died(tmp_path / "b.mp4")
        assert left.exists()
        assert someone_died(output)
        sweep([tmp_path])
        assert list(tmp_path.iterdir()) == [mine]
        assert not someone_died(output)
    assert not list(tmp_path.iterdir())
