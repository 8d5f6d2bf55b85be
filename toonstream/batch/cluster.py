"""Workers: started on this machine, or found; checked, and given the style, before the first file."""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from toonstream_engines.cache import cache_folder
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.install import install_extra

os.environ.setdefault("DASK_CONFIG", str(cache_folder() / "dask"))  # where Dask puts files of its own, unasked
try:
    import cv2
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster, Worker, WorkerPlugin
    from distributed.system import MEMORY_LIMIT
except ImportError as error:
    raise InputError(f"a batch needs Dask ({error}): {install_extra('cluster')}") from error

from toonstream import __version__
from toonstream.batch.inputs import Job
from toonstream.batch.manifest import Manifest
from toonstream.batch.style import PackedStyle
from toonstream.batch.task import Settings

_log = logging.getLogger("distributed")  # of every worker that comes and goes: for Dask's people, not for ours
_log.addHandler(logging.NullHandler())
_log.propagate = False

WORKER_BYTES = 1 << 30
"""Memory that a worker is taken to need."""
LOOPBACK = "127.0.0.1"


@contextmanager
def local_cluster(jobs: int, dashboard: str) -> Iterator[Client]:
    """Workers on this machine for so many jobs, each a process with one job at a time; nothing but loopback is opened.

    dashboard: its address, as "127.0.0.1:8787"; another port where that is taken.
    """
    workers = max(1, min(jobs, CPU_COUNT, int(MEMORY_LIMIT // WORKER_BYTES)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*Port .* is already in use")
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host=LOOPBACK,
                dashboard_address=dashboard,
                silence_logs="CRITICAL",
            )
        except (OSError, ValueError) as error:
            raise UserError(f"the workers do not start ({error}); is --dashboard an address here?") from error
    with cluster, Client(cluster) as client:
        yield client


@contextmanager
def cluster_at(address: str) -> Iterator[Client]:
    """The scheduler at an address as tcp://HOST:8786, or of a file that `dask scheduler --scheduler-file` wrote."""
    try:
        client = Client(scheduler_file=address) if os.path.isfile(address) else Client(address)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"--cluster {address}: no Dask scheduler answers there ({error})") from error
    with client:
        yield client


def prepare(client: Client, settings: Settings, style: PackedStyle, jobs: Sequence[Job]) -> None:
    """Every worker, the later ones too, is checked and gets the style. Raises InputError where one cannot do the jobs.

    A worker that comes later and cannot do them does not start, so that it does not fail one file after the other.
    """
    folders = {job.source.parent: job.source for job in jobs}  # a file of each
    setup = Setup(settings.folder, Manifest(settings.folder).begin(), style, list(folders.values()))
    problems = client.run(_problem, setup, on_error="return")
    told = sorted({f"{name}: {problem}" for name, problem in problems.items() if problem})
    if told:
        more = f"; and {len(told) - 1} other workers" if len(told) > 1 else ""
        raise InputError(f"worker {told[0]}{more}")
    client.register_plugin(setup)


def _problem(setup: "Setup", dask_worker: Worker) -> str:
    return setup.problem()


class Setup(WorkerPlugin):
    """What a worker does before its first file."""

    def __init__(self, folder: Path, manifest: str, style: PackedStyle, samples: Sequence[Path]) -> None:
        self.name = f"toonstream-{manifest}-{style.sha256}"
        self._folder, self._manifest, self._style, self._samples = folder, manifest, style, samples
        self._version = __version__

    def problem(self) -> str:
        """Why this worker cannot do the batch; "" where it can."""
        if __version__ != self._version:
            return f"has ToonStream {__version__}, not {self._version}; install the same on all machines"
        for path in self._samples:
            if not path.is_file():
                return f"does not see {path}; share the folder under the same path with all workers"
        if not os.access(self._folder, os.W_OK):
            return f"cannot write to {self._folder}; share the folder under the same path with all workers"
        if Manifest(self._folder).id() != self._manifest:
            return (
                f"has another {self._folder} than this machine; share the folder under the same path with all workers"
            )
        return ""

    def setup(self, worker: Worker) -> None:
        if problem := self.problem():
            raise UserError(problem)
        cv2.setNumThreads(1)  # the stages share the cores already
        self._style.unpack()


def slots(client: Client) -> tuple[int, int, dict[str, float]]:
    """How many files the workers take at a time; how many workers; and what a file needs of a worker.

    Where a worker offers the resource GPU, a file needs one: then only such workers get files, one for each GPU.
    """
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    gpus = [int(worker["resources"].get("GPU", 0)) for worker in workers]
    if any(gpus):
        places = [min(worker["nthreads"], gpu) for worker, gpu in zip(workers, gpus, strict=True) if gpu]
        return sum(places), len(places), {"GPU": 1}
    return sum(worker["nthreads"] for worker in workers), len(workers), {}
