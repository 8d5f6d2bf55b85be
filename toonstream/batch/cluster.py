"""Workers: started on this machine, or found; checked, and given the style, before the first file."""

import logging
import os
import pickle
import signal
import sys
import time
import uuid
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.resource_tracker import ensure_running
from pathlib import Path
from typing import Any

from toonstream_engines.backends import BACKENDS, Backend, is_there
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.install import install_extra
from toonstream_engines.probe import installed

try:
    import cv2
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster, Reschedule, Worker, WorkerPlugin
    from distributed.system import MEMORY_LIMIT
except ImportError as error:
    raise InputError(f"a batch needs Dask ({error}): {install_extra('cluster')}") from error

from toonstream import __version__
from toonstream.batch.inputs import Job
from toonstream.batch.manifest import Manifest
from toonstream.batch.style import PackedStyle
from toonstream.batch.task import Settings
from toonstream.bench.machine import gpus

_log = logging.getLogger("distributed")  # of every worker that comes and goes: for Dask's people, not for ours
_log.addHandler(logging.NullHandler())
_log.propagate = False

WORKER_BYTES = 1 << 30
"""Memory that a worker is taken to need."""
LOOPBACK = "127.0.0.1"
NOT_READY = "is not ready"
RESCHEDULE_SECONDS = 0.5
"""That a worker which cannot do a file keeps it: no other may be free."""
SAMPLES = 10
"""Of the inputs in a folder: one that a worker sees is enough, since others may be moved away meanwhile."""


@contextmanager
def local_cluster(jobs: int, backend: str, dashboard: str) -> Iterator[Client]:
    """Workers on this machine for so many jobs, each a process with one job at a time; nothing but loopback is opened.

    One for each GPU where the backend may use them, else one for each core, as far as memory carries: a file's stages
    could use two, but leave them idle at its beginning and end. dashboard: its address, as "127.0.0.1:8787"; another
    port where that is taken. Raises InputError where the backend is not there, UserError where no worker starts.
    """
    installed(backend)
    cards = len(_gpus()) if any(map(is_there, _with_gpus(backend))) else 0
    places = cards or min(CPU_COUNT, int(MEMORY_LIMIT // WORKER_BYTES))
    with warnings.catch_warnings(), _uninterrupted():
        warnings.filterwarnings("ignore", "(?s).*Port .* is already in use")
        try:
            cluster = LocalCluster(
                n_workers=max(1, min(jobs, places)),
                threads_per_worker=1,
                host=LOOPBACK,
                dashboard_address=dashboard,
                silence_logs="CRITICAL",
                resources={"GPU": 1} if cards else {},
            )
        except (OSError, ValueError) as error:
            raise UserError(f"the workers do not start ({error}); is --dashboard an address here?") from error
    with cluster, Client(cluster) as client:
        yield client


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes that start here, and by threads that start here, get no Ctrl-C of the terminal: we end them for it."""
    if sys.platform == "win32":
        yield
        return
    ensure_running()  # else it starts meanwhile, and lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _with_gpus(backend: str) -> list[Backend]:
    """Those of NVIDIA's backends that may be used."""
    nvidia = "onnxruntime-cuda", "tensorrt", "tensorrt-rtx"
    return [BACKENDS[name] for name in nvidia if backend in ("auto", name)]


def _gpus() -> list[str]:
    """NVIDIA's of this machine, or those that the user leaves us, as CUDA_VISIBLE_DEVICES has them."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return [str(number) for number in range(len(gpus()))]
    return [name for name in chosen.split(",") if name]


@contextmanager
def cluster_at(address: str) -> Iterator[Client]:
    """The scheduler at an address as tcp://HOST:8786, or of a file that `dask scheduler --scheduler-file` writes.

    Such a file is waited for, as Dask's workers do. Raises InputError where no scheduler answers.
    """
    try:
        client = Client(scheduler_file=address) if is_scheduler_file(address) else Client(address)
    except Exception as error:  # AssertionError is among them, where a file is not a scheduler's
        why = str(error) or "no address in it"
        raise InputError(f"--cluster {address}: no Dask scheduler answers there ({why})") from error
    with client:
        yield client


def is_scheduler_file(address: str) -> bool:
    """Whether it is the name of a file, which need not be there yet."""
    return os.path.isfile(address) or ("://" not in address and (os.sep in address or address.endswith(".json")))


def dashboard(client: Client) -> str:
    """Its address; "" where the scheduler has none."""
    services = client.scheduler_info(n_workers=0).get("services", {})
    return str(client.dashboard_link) if "dashboard" in services else ""


@contextmanager
def prepared(client: Client, settings: Settings, style: PackedStyle, jobs: Sequence[Job]) -> Iterator[str]:
    """Every worker, those too that come meanwhile, is checked and gets the style. Gives the name for `check_setup`.

    Raises InputError where one of the workers cannot do the jobs, UserError where one is lost. One that comes later and
    cannot do them gets none.
    """
    manifest, local = Manifest(settings.folder).begin(), client.cluster is not None
    setup = Setup(settings, manifest, [] if local else _samples(jobs), style, local)
    try:
        try:
            client.register_plugin(setup)
            problems = client.run(_problem, setup.name, on_error="return")
        except ImportError as error:
            raise InputError(f"a worker lacks something ({error}); install the same on all machines") from error
        except OSError as error:
            raise UserError(
                f"a worker was lost before the first file ({error}); give the same command again"
            ) from error
        # A worker may come or go at this moment, and have no answer; that is no problem.
        texts = {name: text for name, text in problems.items() if isinstance(text, str) and text != NOT_READY}
        problems = sorted(f"{name} {text}" for name, text in texts.items())
        if problems:
            more = f"; and {len(problems) - 1} other workers" if len(problems) > 1 else ""
            raise InputError(f"worker {problems[0]}{more}")
        yield setup.name
    finally:
        with suppress(Exception):  # what ended the batch is reported; without a scheduler nothing is registered
            client.unregister_worker_plugin(setup.name)


def _samples(jobs: Sequence[Job]) -> list[list[Path]]:
    """Some inputs of each folder, if this machine itself sees any there."""
    folders = defaultdict(list)
    for job in jobs:
        folders[job.source.parent].append(job.source)
    some = (files[:: -(-len(files) // SAMPLES)] for files in folders.values())
    return list(filter(None, ([path for path in paths if path.is_file()] for paths in some)))


class Setup(WorkerPlugin):
    """What a worker does before its first file.

    manifest: the id of the one in the output folder. samples: of each folder some inputs, of which the worker must see
    one. local: whether local_cluster started it; then it has one of this machine's GPUs, if they are used.
    """

    def __init__(
        self,
        settings: Settings,
        manifest: str,
        samples: Sequence[Sequence[Path]],
        style: PackedStyle,
        local: bool = False,
    ) -> None:
        self.name = f"toonstream-{uuid.uuid4().hex}"
        self.problem = NOT_READY
        """Why the worker cannot do the batch; "" where it can."""
        self._folder, self._backend = settings.folder, settings.backend
        self._manifest, self._samples, self._style = manifest, samples, style
        self._version, self._local = __version__, local

    def setup(self, worker: Worker) -> None:
        cv2.setNumThreads(1)  # the stages share the cores already
        gpu = self._local and isinstance(worker.name, int) and "GPU" in worker.state.total_resources
        if gpu and (mine := _gpus()):
            os.environ["CUDA_VISIBLE_DEVICES"] = mine[worker.name % len(mine)]
        try:
            self.problem = self.find_problem()
            if not self.problem:
                self._style.unpack()
        except (OSError, UserError) as error:
            self.problem = f"cannot keep the style: {error}"

    def find_problem(self) -> str:
        share = "share the folder under the same path with all workers"
        if __version__ != self._version:
            return f"has ToonStream {__version__}, not {self._version}; install the same on all machines"
        try:
            installed(self._backend)
        except InputError as error:
            return f"lacks what --backend asks for: {error}"
        for paths in self._samples:
            if not any(path.is_file() for path in paths):
                return f"does not see {paths[0]}; {share}"
        if not os.access(self._folder, os.W_OK):
            return f"cannot write to {self._folder}; {share}"
        if Manifest(self._folder).id() != self._manifest:
            return f"has another {self._folder} than this machine; {share}"
        return ""


def _problem(name: str, dask_worker: Worker) -> str | None:
    """None where there is none."""
    plugin = dask_worker.plugins.get(name)
    return (plugin.problem or None) if isinstance(plugin, Setup) else NOT_READY


def check_setup(worker: Worker, name: str) -> None:
    """In a task: raises Reschedule, so that another worker gets it, where this one is not set up under that name.

    Its reason goes out as an event of that name.
    """
    if problem := _problem(name, worker):
        if problem != NOT_READY:  # which it will be in a moment
            tell(worker, name, f"worker {worker.address} {problem}; it gets no files")
        time.sleep(RESCHEDULE_SECONDS)
        raise Reschedule


def tell(worker: Worker, name: str, message: Any) -> None:
    """An event of that name, pickled: Dask's own packing drops the connection over a file's name that is not UTF-8."""
    worker.log_event(name, pickle.dumps(message))


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
