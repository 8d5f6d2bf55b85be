"""Whole batches on real workers: each file has one result, and what is done is not done again."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
from support.batch_rig import PROGRAM, batch, clips, cluster, environment, results, style
from support.clips import FRAMES, make_clip, read
from support.faulty import make_faulty, note, noted
from support.waiting import DEADLINE_SECONDS, wait_until

from toonstream.batch.manifest import NAME
from toonstream.batch.task import TELL_SECONDS
from toonstream.commands import main

__all__ = ["batch", "cluster", "environment", "style"]


def pictures(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray() for frame in container.decode(video=0)])


def test_a_batch_makes_what_the_plain_command_makes_and_then_has_nothing_to_do(tmp_path, batch, style, capsys):
    folder, out = clips(tmp_path / "in", "a.mkv", "deep/er/a.mkv", "b.mkv"), tmp_path / "out"
    lossless = "--encoder", "ffv1"  # x264 itself makes other packets of the same frames now and then
    assert batch(folder, "-o", out, *lossless) == 0
    told, error = capsys.readouterr()
    assert error == ""
    assert told.startswith("3 of 3 files to do; dashboard: http://127.0.0.1:")
    assert told.splitlines()[2].split()[:4] == ["made", "3", str(3 * FRAMES), "0"]
    assert "slowest: in/" in told
    assert results(out) == ["in/a.toon.mkv", "in/b.toon.mkv", "in/deep/er/a.toon.mkv"]
    plain = tmp_path / "plain.mkv"
    drawn_alike = "--style", str(style), "--backend", "onnxruntime", *lossless
    assert main([str(folder / "a.mkv"), "-o", str(plain), *drawn_alike]) == 0
    assert np.array_equal(pictures(plain), pictures(out / "in/a.toon.mkv"))
    assert read(plain) == read(out / "in/a.toon.mkv")
    times = [(out / name).stat().st_mtime_ns for name in results(out)]
    capsys.readouterr()
    assert batch(folder, "-o", out, "--json", "--overwrite", *lossless) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["made"], told["done_before"], told["failures"]) == (0, 3, [])
    assert times == [(out / name).stat().st_mtime_ns for name in results(out)]


def test_what_changed_is_done_anew_under_the_usual_rules(tmp_path, batch, capsys):
    folder, out = clips(tmp_path, "a.mp4", "b.mp4"), tmp_path / "out"
    inputs = folder / "a.mp4", folder / "b.mp4"
    assert batch(*inputs, "-o", out, "-q") == 0
    assert capsys.readouterr() == ("", "")
    make_clip(inputs[0], pts=range(30))
    assert batch(*inputs, "-o", out, "--json") == 2
    told, error = capsys.readouterr()
    assert json.loads(told)["done_before"] == 1
    assert error == f"toonstream: {out / 'a.toon.mp4'}: the file is there already; --overwrite replaces it\n"
    assert batch(*inputs, "-o", out, "--json", "--overwrite") == 0
    assert json.loads(capsys.readouterr().out)["made"] == 1
    assert len(read(out / "a.toon.mp4").times) == 30
    assert batch(*inputs, "-o", out, "-q", "--faces", "1") == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    (out / "b.toon.mp4").unlink()
    assert batch(*inputs, "-o", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["made"] == 1


def test_names_of_any_bytes(tmp_path, batch, monkeypatch, capsys):
    """Whatever separates them on the list; and while their progress is told."""
    path, out = make_faulty(tmp_path / os.fsdecode(b"\xff\n\r\t.waits")), tmp_path / "out"
    listed = os.fsencode(path) + b"\0" + os.fsencode(clips(tmp_path, "a.mp4") / "a.mp4") + b"\0"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed), "utf-8"))

    def go() -> None:
        wait_until(lambda: noted(path, "waiting"))
        time.sleep(TELL_SECONDS)
        note(path, "go")

    waiting = threading.Thread(target=go)
    waiting.start()
    assert batch("-", "-o", out, "--json") == 0
    waiting.join()
    assert capsys.readouterr().err == ""
    assert results(out) == ["a.toon.mp4", os.fsdecode(b"\xff\n\r\t.toon.mkv")]
    assert noted(path, "waiting") == noted(path, "waiting")[:1]  # no worker was lost over it
    assert batch(path, "-o", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["done_before"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_batch_that_was_stopped_goes_on(tmp_path, environment, style, number):
    path, out = make_faulty(tmp_path / "long.waits"), tmp_path / "out"
    folder = clips(tmp_path / "in", "a.mp4", "b.mp4")
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        "batch",
        folder / "a.mp4",
        path,
        folder,
        "-o",
        out,
        "--dashboard",
        "127.0.0.1:0",
    ]
    command += ["--style", style, "--backend", "onnxruntime"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    for there in (lambda: (out / NAME).exists(), (out / "a.toon.mp4").exists, lambda: bool(noted(path, "waiting"))):
        wait_until(there)  # one after the other, since each takes long on a busy machine
    if number == signal.SIGINT:  # as a terminal does for someone impatient: to the workers, too, and twice
        os.killpg(process.pid, number)
        time.sleep(0.2)
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, error = process.communicate(timeout=DEADLINE_SECONDS)
    [worker] = noted(path, "waiting")
    wait_until(lambda: not alive(worker))
    assert "Traceback" not in error
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "toonstream: interrupted; the same command goes on from here\n" in error
        assert {Path(name).suffix for name in results(out)} == {".mp4"}
    before = (out / "a.toon.mp4").stat().st_mtime_ns
    note(path, "go")
    again = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(again.stdout)
    assert told["made"] + told["done_before"] == 3
    assert told["done_before"] >= 1
    assert results(out) == ["a.toon.mp4", "in/b.toon.mp4", "long.toon.mkv"]
    assert (out / "a.toon.mp4").stat().st_mtime_ns == before
    assert all(len(read(out / name).times) == FRAMES for name in results(out))


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_two_clients_on_one_folder(tmp_path, cluster, style):
    path, out = make_faulty(tmp_path / "both.waits"), tmp_path / "out"
    folder = clips(tmp_path / "in", *(f"{number}.mp4" for number in range(6)))
    command = [sys.executable, "-c", PROGRAM, "batch", path, folder, "-o", out, "--json", "--style", style]
    command += ["--backend", "onnxruntime", "--cluster", cluster.scheduler_address]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    wait_until(lambda: len(noted(path, "waiting")) == 2)
    note(path, "go")
    for client in clients:
        told, error = client.communicate(timeout=DEADLINE_SECONDS)
        assert (client.returncode, error) == (0, "")
        assert json.loads(told)["made"] + json.loads(told)["done_before"] == 7
    assert results(out) == ["both.toon.mkv", *(f"in/{number}.toon.mp4" for number in range(6))]
    assert all(len(read(out / name).times) == FRAMES for name in results(out))
