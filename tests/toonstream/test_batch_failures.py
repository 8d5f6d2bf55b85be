"""Files that fail, workers that die, a disk that is full: it costs a batch one file at most."""

import io
import json
import os
import subprocess
import sys

import pytest
from support.batch_rig import batch, client, clips, cluster, environment, results, style
from support.clips import FRAMES, make_clip, read
from support.faulty import make_faulty, note, noted, silent
from support.waiting import wait_until
from toonstream_engines import load_style

from toonstream.batch import cluster as clusters
from toonstream.batch.inputs import Job
from toonstream.batch.style import PackedStyle
from toonstream.batch.task import Settings, convert

__all__ = ["batch", "client", "cluster", "environment", "style"]


def test_a_failure_costs_one_file_and_is_remembered(tmp_path, batch, capsys, monkeypatch):
    clips(tmp_path, "a.mp4")
    bad, out = tmp_path / "bad.mp4", tmp_path / "out"
    bad.write_text("I am no video.")
    listed = f"{tmp_path / 'a.mp4'}\n{bad}\r\n\n{tmp_path / 'gone.mp4'}\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed), "utf-8"))
    assert batch("-", "-o", out, "--json") == 2
    told, error = capsys.readouterr()
    gone, failed = error.splitlines()
    assert gone == f"toonstream: {tmp_path / 'gone.mp4'}: no such file"
    assert failed.startswith(f"toonstream: {bad}: cannot be read as a video")
    assert len(json.loads(told)["failures"]) == 2
    assert results(out) == ["a.toon.mp4"]
    assert batch(bad, "-o", out) == 2
    told, error = capsys.readouterr()
    assert "to do" not in told
    assert "in an earlier run; --retry-failed tries again" in error
    assert batch(bad, "-o", out, "--retry-failed") == 2
    assert "earlier" not in capsys.readouterr().err
    clips(tmp_path, "bad.mp4")  # mended
    assert batch(bad, "-o", out, "-q") == 0


@pytest.mark.parametrize(("retries", "status", "failures"), [(1, 1, 2), (2, 0, 2)])
def test_what_may_pass_is_tried_again(tmp_path, batch, retries, status, failures):
    path, out = make_faulty(tmp_path / "disk.fails"), tmp_path / "out"
    assert batch(path, "-o", out, "-q", "--retries", retries) == status
    assert len(noted(path, "failed")) == failures
    assert results(out) == ["disk.toon.mkv"] * (status == 0)


def test_a_worker_is_killed_in_a_file(tmp_path, batch):
    folder, out = clips(tmp_path / "in", "a.mp4", "b.mp4"), tmp_path / "out"
    path = make_faulty(folder / "once.kills-once")
    assert batch(path, folder, "-o", out, "-q") == 0
    assert len(noted(path, "killed")) == 1
    assert results(out) == ["in/a.toon.mp4", "in/b.toon.mp4", "once.toon.mkv"]
    assert len(read(out / "once.toon.mkv").times) == FRAMES


def test_a_task_that_runs_twice_has_one_result(tmp_path, client, style):
    """As Dask has it when a worker loses its network and lives on: two workers, at the same time."""
    path, out = make_faulty(tmp_path / "twice.waits"), tmp_path / "out"
    out.mkdir()
    packed = PackedStyle.of(load_style(style))
    job, settings = Job(path, "twice.toon.mkv"), Settings(out, packed.sha256, backend="onnxruntime")
    with clusters.prepared(client, settings, packed, [job]):
        tasks = [
            client.submit(convert, job, settings, silent, workers=[worker], pure=False)
            for worker in client.scheduler_info(n_workers=-1)["workers"]
        ]
        wait_until(lambda: len(noted(path, "waiting")) == 2)
        note(path, "go")
        outcomes = [task.result() for task in tasks]
    assert all(outcome.record for outcome in outcomes)
    assert results(out) == ["twice.toon.mkv"]
    assert len(read(out / "twice.toon.mkv").times) == FRAMES


def test_a_full_disk_costs_one_file(tmp_path, batch, capsys):
    if os.geteuid() != 0:
        pytest.skip("mounts a small disk, which needs root")
    out = tmp_path / "out"
    out.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", out], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        small = make_clip(tmp_path / "small.mp4")
        large = make_clip(tmp_path / "large.mp4", size=(320, 240), options={"qp": "4"}, pts=range(40))
        full = f"{out / 'large.toon.mp4'}: the disk is full"
        assert batch(large, "-o", out, "--json") == 1
        told, error = capsys.readouterr()
        assert json.loads(told)["failures"] == [full]
        assert error == f"toonstream: {full}\n"
        assert results(out) == []
        assert batch(large, small, "-o", out) == 1
        assert f"{full} (in an earlier run;" in capsys.readouterr().err
        assert results(out) == ["small.toon.mp4"]
        assert len(read(out / "small.toon.mp4").times) == FRAMES
    finally:
        subprocess.run(["umount", out], check=True)


@pytest.mark.slow
def test_a_file_that_kills_workers_is_tried_alone_and_given_up(tmp_path, batch, capsys):
    path, out = make_faulty(tmp_path / "poison.kills"), tmp_path / "out"
    folder = clips(tmp_path / "in", "a.mp4", "b.mp4", "c.mp4", "d.mp4")
    assert batch(path, folder, "-o", out, "-q") == 1
    assert f"{path}: its worker died" in capsys.readouterr().err
    assert len(noted(path, "killed")) == 4  # beside others, and three times alone
    assert results(out) == [f"in/{name}.toon.mp4" for name in "abcd"]
    others = max((out / name).stat().st_mtime_ns for name in results(out))
    assert others < path.with_suffix(".killed").stat().st_mtime_ns  # they did not wait for it
    assert batch(path, folder, "-o", out, "-q") == 1
    assert len(noted(path, "killed")) == 4
