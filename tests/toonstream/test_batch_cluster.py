"""The workers of a batch, on this machine and on others."""

import os
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace

import pytest

pytest.importorskip("distributed", reason="needs the extra cluster: pip install '.[cluster]'")

import dask
from distributed import Client, LocalCluster
from support.batch_rig import PROGRAM, batch, client, clips, cluster, environment, results, style
from support.faulty import make_faulty, note, noted
from support.namespaces import machines
from support.waiting import DEADLINE_SECONDS, wait_until
from toonstream_engines import load_style
from toonstream_engines.errors import InputError
from toonstream_engines.install import install_extra

from toonstream.batch import cluster as clusters
from toonstream.batch.inputs import Job
from toonstream.batch.manifest import Manifest
from toonstream.batch.style import PackedStyle
from toonstream.batch.task import Settings
from toonstream.commands import main

__all__ = ["batch", "client", "cluster", "environment", "style"]


def test_workers_of_this_machine_have_a_gpu_each_and_listen_to_it_alone(tmp_path, environment, style, monkeypatch):
    import psutil

    monkeypatch.setattr(clusters, "is_there", lambda backend: backend.title == "TensorRT")
    monkeypatch.setattr(clusters, "installed", lambda backend: [backend])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    packed = PackedStyle.of(load_style(style))
    with clusters.local_cluster(9, "tensorrt", "127.0.0.1:0") as client:
        assert clusters.slots(client) == (2, 2, {"GPU": 1})
        with clusters.prepared(client, Settings(tmp_path, packed.sha256), packed, []):
            assert sorted(client.run(os.getenv, "CUDA_VISIBLE_DEVICES").values()) == ["3", "5"]
        assert client.dashboard_link.startswith("http://127.0.0.1:")
        here = psutil.Process()
        ports = [port for process in (here, *here.children(recursive=True)) for port in process.net_connections()]
        listening = {port.laddr.ip for port in ports if port.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}


def test_workers_that_cannot_do_it_say_so_before_anything_starts(tmp_path, client, style, monkeypatch):
    packed = PackedStyle.of(load_style(style))
    settings = Settings(tmp_path, packed.sha256)
    prepared = clusters.prepared(client, replace(settings, backend="none"), packed, [])
    with pytest.raises(InputError, match=r"worker tcp://.* lacks what --backend asks for: none: no such"), prepared:
        pass
    identity = Manifest(tmp_path).begin()

    def problem(settings=settings, manifest=identity, samples=()):
        return clusters.Setup(settings, manifest, samples, packed).find_problem()

    here, elsewhere = clips(tmp_path, "a.mp4") / "a.mp4", tmp_path / "elsewhere/a.mp4"
    assert problem(samples=[[elsewhere, here]]) == ""
    assert f"does not see {elsewhere}; share" in problem(samples=[[here], [elsewhere]])
    assert "has another" in problem(manifest="another")
    assert "cannot write to" in problem(replace(settings, folder=tmp_path / "none"))
    older = clusters.Setup(settings, identity, [], packed)
    monkeypatch.setattr(clusters, "__version__", "0")
    assert "has ToonStream 0, not" in older.find_problem()


def test_what_workers_must_see_is_what_is_there(tmp_path):
    """Of a folder some inputs, so that one may be moved away; nothing that this machine does not see itself."""
    names = [*(f"many/{number:02}.mp4" for number in range(35)), "broken/a.mp4", "broken/b.mp4", "gone/a.mp4"]
    clips(tmp_path, "many/00.mp4", "many/32.mp4", "broken/b.mp4")
    (tmp_path / "broken/a.mp4").symlink_to("nothing")
    samples = clusters._samples([Job(tmp_path / name, name) for name in names])
    found = [[path.relative_to(tmp_path).as_posix() for path in some] for some in samples]
    assert found == [["many/00.mp4", "many/32.mp4"], ["broken/b.mp4"]]


def test_a_scheduler_that_has_not_written_its_file_is_waited_for(tmp_path, batch, client, monkeypatch, capsys):
    file = tmp_path / "dask.json"
    connect = clusters.cluster_at

    def later(address):
        threading.Timer(0.2, client.write_scheduler_file, [file]).start()
        return connect(address)

    clips(tmp_path, "a.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(clusters, "cluster_at", later)
        assert batch(tmp_path, "-o", tmp_path / "out", "-q", "--cluster", file) == 0
    assert capsys.readouterr().err == f"toonstream: {file}: no scheduler has written it yet; waiting\n"
    file.write_text("{}")
    assert batch(tmp_path, "-o", tmp_path / "out2", "-q", "--cluster", file) == 2
    assert "no Dask scheduler answers there" in capsys.readouterr().err


@pytest.mark.slow
def test_four_machines_with_one_shared_folder(tmp_path, environment, style, capsys):
    """And a fifth, without the folder: it gets no files of a batch that runs, and keeps the next from starting."""
    folder, out = clips(tmp_path / "shared", *(f"{number}.mp4" for number in range(6))), tmp_path / "shared/out"
    waiting = [make_faulty(folder / f"long{number}.waits") for number in range(4)]
    with ExitStack() as opened:
        try:
            network = opened.enter_context(machines())
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"network namespaces cannot be made here: {error}")
        scheduler = opened.enter_context(LocalCluster(n_workers=0, host=network.host, dashboard_address="127.0.0.1:0"))
        worker = f"{sys.executable} -m dask worker {scheduler.scheduler_address} --nthreads 1 --no-dashboard"
        for number in range(4):
            network.start(worker, tmp_path / "home" / str(number))
        client = opened.enter_context(Client(scheduler))
        client.wait_for_workers(4)
        command = ["batch", *map(str, waiting), str(folder), "-o", str(out), "--cluster", scheduler.scheduler_address]
        command += ["--style", str(style), "--backend", "onnxruntime"]
        running = subprocess.Popen([sys.executable, "-c", PROGRAM, *command], stderr=subprocess.PIPE, text=True)
        assert running.stderr
        wait_until(lambda: all(noted(path, "waiting") for path in waiting))
        stranger = network.start(worker, tmp_path / "home/stranger", hide=folder)
        refused = f"does not see {folder}/long0.waits; share the folder under the same path with all workers"
        line = running.stderr.readline()
        assert line.startswith(f"toonstream: worker tcp://{stranger}:")
        assert line.endswith(f" {refused}; it gets no files\n")
        for path in waiting:
            note(path, "go")
        assert running.communicate(timeout=DEADLINE_SECONDS)[1] == ""
        assert running.returncode == 0
        made = [f"long{number}.toon.mkv" for number in range(4)] + [f"shared/{number}.toon.mp4" for number in range(6)]
        assert results(out) == made
        shutil.rmtree(out)
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"toonstream: worker tcp://{stranger}:")
        assert error.endswith(f" {refused}\n")
        assert results(out) == []


def test_a_worker_with_a_gpu_takes_one_file_at_a_time_on_it():
    ours = {"processes": False, "dashboard_address": "127.0.0.1:0", "threads_per_worker": 4}
    for resources, expected in (({}, (8, 2, {})), ({"GPU": 1}, (2, 2, {"GPU": 1}))):
        with LocalCluster(n_workers=2, resources=resources, **ours) as cluster, Client(cluster) as client:
            assert clusters.slots(client) == expected


def test_without_a_cluster(tmp_path, style, capsys, monkeypatch):
    clips(tmp_path, "a.mp4")
    command = ["batch", str(tmp_path), "-o", str(tmp_path / "out"), "--style", str(style)]
    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
        assert main([*command, "--cluster", "tcp://127.0.0.1:1"]) == 2
    assert "toonstream: --cluster tcp://127.0.0.1:1: no Dask scheduler answers there" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "toonstream.batch.cluster")
    monkeypatch.delattr("toonstream.batch.cluster")
    assert main(command) == 2
    assert install_extra("cluster") in capsys.readouterr().err
