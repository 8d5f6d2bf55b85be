"""Files that fail, workers that die, a disk that is full: it costs a batch one file at most."""

import io
import json
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from socket import gethostname

import pytest
from support.batch_rig import PROGRAM, batch, client, clips, cluster, environment, results, style
from support.clips import FRAMES, make_clip, read
from support.faulty import make_faulty, note, noted, silent
from support.waiting import DEADLINE_SECONDS, wait_until
from toonstream_engines import load_style
from toonstream_engines.errors import UserError

from toonstream.batch import cluster as clusters
from toonstream.batch import plan, tries
from toonstream.batch.inputs import Job
from toonstream.batch.manifest import NAME, Manifest
from toonstream.batch.style import PackedStyle
from toonstream.batch.task import Settings, convert
from toonstream.commands import main

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
    with disk(tmp_path / "out", "size=40k") as out:
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


def test_a_disk_that_is_not_to_be_written_is_told_before_anything_starts(tmp_path, style, capsys):
    clips(tmp_path / "in", "a.mp4")
    with disk(tmp_path / "out", "ro") as out:
        assert main(["batch", str(tmp_path / "in"), "-o", str(out), "--style", str(style)]) == 2
    told, error = capsys.readouterr()
    assert told == ""
    assert error.startswith(f"toonstream: {out}: nothing can be kept there (")
    assert "Read-only file system" in error


@contextmanager
def disk(folder, options):
    """A disk in memory, mounted at a new folder."""
    if os.geteuid() != 0:
        pytest.skip("mounts a disk, which needs root")
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_names_that_cannot_be_cost_one_file(tmp_path, batch, capsys):
    folder, out = clips(tmp_path / "in", "a.mp4", "b/b.mp4"), tmp_path / "out"
    (out / "in").mkdir(parents=True)
    (out / "in/b").write_text("no folder")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "broken.mp4").symlink_to("nothing")
    assert batch(folder, "-o", out, "--json") == 2
    failures = sorted(json.loads(capsys.readouterr().out)["failures"])
    told = ("broken.mp4: No such file", "pipe.mp4: not a file", "b.toon.mp4: cannot be written (")
    assert len(failures) == len(told)
    assert all(words in failure for words, failure in zip(told, failures, strict=True)), failures
    assert results(out) == ["in/a.toon.mp4", "in/b"]


def test_an_output_that_cannot_be_looked_at_stops_no_other(tmp_path, monkeypatch):
    jobs = [Job(clips(tmp_path, name) / name, name) for name in ("a.mp4", "b.mp4")]

    def refuse(output, *others):
        if output.name == "a.mp4":
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(plan, "check_output", refuse)
    made = plan.make_plan(jobs, Manifest(tmp_path), Settings(tmp_path, ""), retry_failed=False)
    assert made.todo == jobs[1:]
    assert [str(error) for error in made.refused] == [f"{tmp_path / 'a.mp4'}: cannot be written (Permission denied)"]


def test_a_worker_without_an_engine_is_not_the_files_fault(tmp_path, style):
    settings = Settings(tmp_path, "of a style that was never unpacked")
    job = Job(clips(tmp_path, "a.mp4") / "a.mp4", "a.toon.mp4")
    outcome = convert(job, settings, silent)
    assert outcome.status == 1  # it is tried again, maybe on another worker
    assert gethostname() in outcome.error
    assert outcome.note(job, settings) == []
    assert not (tmp_path / NAME).exists()
    assert results(tmp_path) == ["a.mp4"]


def test_a_scheduler_that_is_lost_while_no_worker_is_there(tmp_path):
    from distributed.client import ClosedClientError

    class Lost:
        status = "closed"

        def scheduler_info(self, n_workers):
            return {"workers": {}}

        def subscribe_topic(self, *arguments): ...

        def unsubscribe_topic(self, *arguments):
            raise ClosedClientError

    job = Job(tmp_path / "a.mp4", "a.mp4")
    with pytest.raises(UserError, match="the scheduler is lost"):
        list(tries.run(Lost(), "setup", [job], Settings(tmp_path, ""), 0, print, lambda workers: None))


@pytest.mark.slow
def test_a_scheduler_that_is_lost_ends_the_batch(tmp_path, environment, style, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "2s")
    path, file = make_faulty(tmp_path / "long.waits"), tmp_path / "dask.json"
    with ExitStack() as opened:

        def start(*command, **settings) -> subprocess.Popen:
            process = subprocess.Popen([sys.executable, *command], stderr=subprocess.PIPE, text=True, **settings)
            opened.callback(process.wait)
            opened.callback(process.kill)
            return process

        scheduler = start("-m", "dask", "scheduler", "--scheduler-file", file, "--port", "0", "--no-dashboard")
        start("-m", "dask", "worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        command = "batch", path, "-o", tmp_path / "out", "--style", style, "--backend", "onnxruntime", "-q"
        client = start("-c", PROGRAM, *command, "--cluster", file)
        wait_until(lambda: noted(path, "waiting"))
        scheduler.kill()
        _, error = client.communicate(timeout=DEADLINE_SECONDS)
    assert client.returncode == 1
    assert error.splitlines()[-1].startswith("toonstream: the scheduler is lost")
    assert "Traceback" not in error


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
