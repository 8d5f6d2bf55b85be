"""Many files by Dask, on real workers: each has one result, whole, whatever dies, fails or comes twice."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np
import pytest

pytest.importorskip("distributed", reason="needs the extra cluster: pip install '.[cluster]'")

import dask
from distributed import Client, LocalCluster
from support import faulty
from support.clips import FRAMES, make_clip, read
from support.faulty import make_faulty, note, noted, silent
from support.namespaces import machines
from support.tiny_style import save_style
from support.waiting import DEADLINE_SECONDS, wait_until
from toonstream_engines import load_style
from toonstream_engines.errors import InputError
from toonstream_engines.install import install_extra

from toonstream.batch import cluster as clusters
from toonstream.batch.inputs import Job, find_jobs
from toonstream.batch.manifest import NAME, Manifest, fingerprint
from toonstream.batch.progress import Progress
from toonstream.batch.scratch import scratch, someone_died, sweep
from toonstream.batch.style import PackedStyle, unpacked
from toonstream.batch.task import Outcome, Settings, convert
from toonstream.commands import main

PROGRAM = "import sys; from toonstream.commands import main; sys.exit(main())"


@pytest.fixture(scope="module")
def style(tmp_path_factory) -> Path:
    return save_style(tmp_path_factory.mktemp("style") / "tiny")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Faulty clips are known here and to workers that are started; the cache is a new one."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("site-packages")
        faulty.register(folder)
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setenv("TOONSTREAM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def cluster(environment):
    """Two workers, as many for all tests."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs="CRITICAL",
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with Client(cluster) as client:
        client.wait_for_workers(2)
        yield client


@pytest.fixture
def batch(cluster, style):
    """Runs the command on those workers."""

    def run(*arguments) -> int:
        options = ["--style", style, "--backend", "onnxruntime", "--cluster", cluster.scheduler_address]
        return main(["batch", *map(str, [*options, *arguments])])

    return run


def results(folder: Path) -> list[str]:
    """All files but those of the manifest; so what is left over shows."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in files if name not in (NAME, ".toonstream.lock"))


def clips(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make_clip(path)
    return folder


def pictures(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray() for frame in container.decode(video=0)])


# Inputs


def test_inputs_and_where_they_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("S1/a.mp4", "S1/more/a.mkv", "S1/.hidden/a.mp4", "S1/a.toon.mp4", "S1/notes.txt", "S2/b.mp4", "c.mp4"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    out = tmp_path / "S1" / "out"
    out.mkdir()
    (out / "made.mp4").write_text("not to be read")

    def outputs(*inputs: str) -> list[str]:
        jobs, problems = find_jobs(inputs, out)
        assert not problems
        assert all(job.source.is_absolute() and job.source.is_file() for job in jobs)
        return [job.output for job in jobs]

    season = ["S1/a.toon.mp4", "S1/more/a.toon.mkv"]
    assert (
        outputs("S1/") == outputs(str(tmp_path / "S1")) == outputs("S1/**/*.m*") == outputs("S1", "S1/a.mp4") == season
    )
    assert outputs("c.mp4", "S2") == ["c.toon.mp4", "S2/b.toon.mp4"]
    assert outputs(".") == ["c.toon.mp4", *season, "S2/b.toon.mp4"]
    assert outputs("S*/*.mp4") == ["S1/a.toon.mp4", "S2/b.toon.mp4"]
    monkeypatch.chdir("S2")
    assert outputs("../c.mp4", "..") == ["c.toon.mp4", *season, "S2/b.toon.mp4"]


def test_inputs_that_cannot_be(tmp_path):
    for name in ("one/a.mp4", "two/a.mp4", "two/b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "empty").mkdir()
    names = ("gone.mp4", "none/*.mp4", "empty", "one/a.mp4", "two/a.mp4", "two/b.mp4")
    jobs, problems = find_jobs([str(tmp_path / name) for name in names], tmp_path / "out")
    assert [job.output for job in jobs] == ["a.toon.mp4", "b.toon.mp4"]
    for problem, words in zip(problems, ("no such file", "matches no", "no video", "two/a.mp4: would be"), strict=True):
        assert words in str(problem)


# The manifest


def test_a_manifest_takes_lines_from_many_and_passes_over_torn_ones(tmp_path):
    manifest = Manifest(tmp_path)
    assert manifest.id() == ""
    identity = manifest.begin()
    assert identity
    assert Manifest(tmp_path).begin() == identity

    def write(number: int) -> None:
        Manifest(tmp_path).append({"output": f"{number} é\udcff", "text": "x" * 5000})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    with manifest.path.open("ab") as file:
        file.write(b'{"output": "torn')
    write(40)
    lines = manifest.path.read_bytes().splitlines()
    assert len(lines) == 43
    names = [json.loads(line.decode(errors="surrogatepass"))["output"] for line in lines[1:] if b"torn" not in line]
    assert sorted(names) == sorted(f"{number} é\udcff" for number in range(41))


def test_a_line_counts_where_its_files_are_still_those(tmp_path):
    manifest, job, settings = Manifest(tmp_path), Job(tmp_path / "in.mp4", "out.mp4"), {"style": "s"}
    source, output = job.source, tmp_path / job.output

    def result(settings=settings):
        return manifest.read().result(job, settings)

    source.write_text("in")
    output.write_text("out")
    assert result() is None
    record = {"output": job.output, "input": fingerprint(source), "settings": settings, "result": fingerprint(output)}
    manifest.append(record)
    assert result() == record
    assert result({"style": "other"}) is None
    os.utime(source, ns=(1, 1))  # copied, say
    assert result() == record
    for path in (source, output):
        before = path.read_text()
        path.write_text("other"[: len(before)])
        assert result() is None
        path.write_text(before)
        assert result() == record
    output.unlink()
    assert result() is None


# Folders of tries


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


# Styles


def test_a_style_is_checked_where_it_comes(tmp_path, monkeypatch, style):
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path))
    packed = PackedStyle.of(load_style(style))
    damaged = PackedStyle(packed.name, packed.sha256, {**packed.files, "fp32.onnx": b"other"})
    with pytest.raises(InputError, match="damaged"):
        damaged.unpack()
    packed.unpack()
    damaged.unpack()  # it is there: nothing is taken
    folder = unpacked(packed.sha256)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == packed.files
    (folder / "fp32.onnx").write_bytes(b"other")
    packed.unpack()
    assert (folder / "fp32.onnx").read_bytes() == packed.files["fp32.onnx"]
    assert list(folder.parent.iterdir()) == [folder]


# Whole batches


def test_a_batch_makes_what_the_plain_command_makes_and_then_has_nothing_to_do(tmp_path, batch, style, capsys):
    folder, out = clips(tmp_path / "in", "a.mkv", "deep/er/a.mkv", "b.mkv"), tmp_path / "out"
    lossless = "--encoder", "ffv1"  # x264 itself makes other packets of the same frames now and then
    assert batch(folder, "-o", out, *lossless) == 0
    told, error = capsys.readouterr()
    assert error == ""
    assert told.startswith("3 of 3 files to do, as http://127.0.0.1:")
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


def test_a_failure_costs_one_file_and_is_remembered(tmp_path, batch, capsys, monkeypatch):
    clips(tmp_path, "a.mp4")
    bad, out = tmp_path / "bad.mp4", tmp_path / "out"
    bad.write_text("I am no video.")
    monkeypatch.setattr(sys, "stdin", [f"{tmp_path / 'a.mp4'}\n", f"{bad}\n", f"{tmp_path / 'gone.mp4'}\n"])
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
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for there in (lambda: (out / NAME).exists(), (out / "a.toon.mp4").exists, lambda: bool(noted(path, "waiting"))):
        wait_until(there)  # one after the other, since each takes long on a busy machine
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


# Clusters


def test_workers_of_this_machine_have_a_gpu_each_and_listen_to_it_alone(tmp_path, environment, style, monkeypatch):
    import psutil

    monkeypatch.setattr(clusters, "is_there", lambda backend: backend.title == "TensorRT")
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
    elsewhere = Job(tmp_path / "elsewhere/a.mp4", "a.mp4")
    prepared = clusters.prepared(client, Settings(tmp_path, packed.sha256), packed, [elsewhere])
    with pytest.raises(InputError, match=r"worker tcp://.* does not see .*elsewhere/a\.mp4"), prepared:
        pass
    identity = Manifest(tmp_path).begin()
    assert clusters.Setup(tmp_path, identity, [], packed).find_problem() == ""
    assert "has another" in clusters.Setup(tmp_path, "another", [], packed).find_problem()
    assert "cannot write to" in clusters.Setup(tmp_path / "none", identity, [], packed).find_problem()
    older = clusters.Setup(tmp_path, identity, [], packed)
    monkeypatch.setattr(clusters, "__version__", "0")
    assert "has ToonStream 0, not" in older.find_problem()


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
