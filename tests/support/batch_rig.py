"""What whole batches are tested with: two real Dask workers, the command on them, a tiny style, tiny clips."""

import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="needs the extra cluster: pip install '.[cluster]'")

from distributed import Client, LocalCluster

from support import faulty
from support.clips import make_clip
from support.tiny_style import save_style
from toonstream.batch.manifest import NAME
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
