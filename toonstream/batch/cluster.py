"""Workers: started on this machine, or found; checked, and given the style, before the first file."""

import logging
import os
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from toonstream_engines.errors import InputError, UserError
from toonstream_engines.install import install_extra

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


@contextmanager
def prepared(client: Client, settings: Settings, style: PackedStyle, jobs: Sequence[Job]) -> Iterator[str]:
    """Every worker, those too that come meanwhile, is checked and gets the style. Gives the name for `is_ready`.

    Raises InputError where a worker cannot do the jobs. One that comes later and cannot do them is closed.
    """
    folders = {job.source.parent: job.source for job in jobs}
    check = Check(settings.folder, Manifest(settings.folder).begin(), list(folders.values()), __version__)
    problems = client.run(_problem, check, on_error="return")
    told = sorted({f"{name}: {problem}" for name, problem in problems.items() if problem})
    if told:
        more = f"; and {len(told) - 1} other workers" if len(told) > 1 else ""
        raise InputError(f"worker {told[0]}{more}")
    setup = Setup(check, style)
    try:
        client.register_plugin(setup)
    except OSError as error:
        raise UserError(f"a worker cannot keep the style: {error}") from error
    try:
        yield setup.name
    finally:
        with suppress(Exception):  # whatever ended the batch is told; without a scheduler nothing is registered
            client.unregister_worker_plugin(setup.name)


@dataclass(frozen=True)
class Check:
    """What has to be the same on every worker as where the batch was started."""

    folder: Path
    manifest: str
    """The id of the one in `folder`."""
    samples: Sequence[Path]
    """An input of each folder."""
    version: str

    def problem(self) -> str:
        """Why this worker cannot do the batch; "" where it can."""
        share = "share the folder under the same path with all workers"
        if __version__ != self.version:
            return f"has ToonStream {__version__}, not {self.version}; install the same on all machines"
        for path in self.samples:
            if not path.is_file():
                return f"does not see {path}; {share}"
        if not os.access(self.folder, os.W_OK):
            return f"cannot write to {self.folder}; {share}"
        if Manifest(self.folder).id() != self.manifest:
            return f"has another {self.folder} than this machine; {share}"
        return ""


def _problem(check: Check) -> str:
    return check.problem()


class Setup(WorkerPlugin):
    """What a worker does before its first file."""

    def __init__(self, check: Check, style: PackedStyle) -> None:
        self.name = f"toonstream-{uuid.uuid4().hex}"
        self.ready = False
        self._check, self._style = check, style

    def setup(self, worker: Worker) -> None:
        if self._check.problem():
            worker.loop.add_callback(worker.close, reason="it cannot do ToonStream's batch")
            return
        cv2.setNumThreads(1)  # the stages share the cores already
        self._style.unpack()
        self.ready = True


def is_ready(worker: Worker, name: str) -> bool:
    """Whether the worker has been set up under that name, which `prepared` gave."""
    return bool(getattr(worker.plugins.get(name), "ready", False))


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
