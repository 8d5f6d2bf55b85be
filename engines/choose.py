"""Which backend runs a style: the one asked for, or the fastest that really works here."""

import contextlib
import hashlib
import importlib
import json
import logging
import os
import platform
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from engines import cache
from engines.backends import BACKENDS, is_there, version
from engines.engine import Engine, reason
from engines.errors import InputError, UserError
from engines.graph import check_generator, read_graph
from engines.parity import Parity, load_parity, prove
from engines.style import Model, Style

log = logging.getLogger(__name__)

ROUNDS, PATIENCE_S = 20, 1.0
KEY = 2
"""One more whenever a backend's settings change here: what was measured before no longer holds."""


@dataclass(frozen=True)
class Candidate:
    backend: str
    model: Model
    precision: str

    @property
    def choice(self) -> list[str]:
        """As the cache keeps it."""
        return [self.backend, self.model.name, self.precision]

    def __str__(self) -> str:
        return f"{BACKENDS[self.backend].title}, {self.precision}"


def open_engine(style: Style, backend: str = "auto", precision: str | None = None) -> Engine:
    """The fastest engine within its bounds, among all backends ("auto") or the one named (a key of BACKENDS).

    precision: only engines that run in it; None takes any. The first time on a machine each candidate proves itself on
    the style's crops and is timed, which takes a second or two; the outcome is kept in the user's cache folder. What is
    installed and yet was passed over is logged, as a warning. Raises InputError where the backend is unknown or
    missing, and where nothing runs the style's files as its card says, within their bounds.
    """
    candidates = [c for c in _candidates(style, _installed(backend)) if precision in (None, c.precision)]
    data = _read_all({candidate.model for candidate in candidates})
    name = f"choice-{_key(candidates)}.json"
    engine, passed = _open_kept(cache.recall(name), candidates, data)
    if engine is None:
        engine, chosen, passed = _fastest(style, candidates, data)
        cache.keep(name, {"choice": chosen.choice, "passed": passed})
    for why in passed:
        log.warning("passed over for %s: %s", style.name, why)
    return engine


def _open_kept(kept: object, candidates: list[Candidate], data: dict[Model, bytes]) -> tuple[Engine | None, list[str]]:
    if isinstance(kept, dict):
        for candidate in candidates:
            if kept.get("choice") == candidate.choice:
                with contextlib.suppress(Exception):  # whatever it is, it is found out and told anew
                    return open_candidate(candidate, data[candidate.model]), [str(why) for why in kept["passed"]]
    return None, []


def ways(stored: Collection[str], backend: str = "auto") -> list[tuple[str, str]]:
    """(backend, precision in use) of what is installed, for files of those precisions; opening one tells whether this
    machine really has it. Raises InputError where the backend is unknown or missing."""
    names = _installed(backend)
    return [(name, used) for name in names for of_file, used in BACKENDS[name].runs if of_file in stored]


def _installed(backend: str) -> list[str]:
    if backend == "auto":
        return [name for name, entry in BACKENDS.items() if is_there(entry)]
    if backend not in BACKENDS:
        raise InputError(f"{backend}: no such backend; there are auto, {', '.join(BACKENDS)}")
    if not is_there(BACKENDS[backend]):
        raise InputError(f"{BACKENDS[backend].title} is not installed; install it with: {BACKENDS[backend].install}")
    return [backend]


def _candidates(style: Style, names: list[str]) -> Iterator[Candidate]:
    for name in names:
        for stored, used in BACKENDS[name].runs:
            for model in style.models.values():
                if model.precision == stored:
                    yield Candidate(name, model, used)


def _read_all(models: set[Model]) -> dict[Model, bytes]:
    data = {}
    for model in models:
        data[model] = model.read()
        try:
            check_generator(read_graph(data[model]), model.inputs)
        except ValueError as error:
            raise InputError(f"{model.path}: not a model to run: {error}") from error
    return data


def open_candidate(candidate: Candidate, data: bytes) -> Engine | None:
    """data: the model file, checked. None where this machine has no such precision: a runtime may quietly take another.

    Raises what the backend raises.
    """
    module = importlib.import_module(BACKENDS[candidate.backend].module)
    engine: Engine = module.open_model(candidate.backend, candidate.model, data, candidate.precision)
    if engine.precision == candidate.precision:
        return engine
    engine.close()
    return None


def _fastest(
    style: Style, candidates: list[Candidate], data: dict[Model, bytes]
) -> tuple[Engine, Candidate, list[str]]:
    """The engine, what it is, and why others that should have run do not."""
    parity = load_parity(style)
    proved: list[tuple[Engine, Candidate]] = []
    failures: list[str] = []
    absent: list[str] = []
    for candidate in candidates:
        try:
            if engine := open_candidate(candidate, data[candidate.model]):
                proved.append((_prove(engine, parity), candidate))
            else:
                absent.append(f"{candidate.model.path}: {candidate}: this machine does not compute in it")
        except Exception as error:  # runtimes raise types of their own; what fails is only not chosen
            told = isinstance(error, UserError)
            failures.append(str(error) if told else f"{candidate.model.path}: {candidate}: {reason(error)}")
    failures = list(dict.fromkeys(failures))
    if not proved:
        none = f"{style.folder}: no backend is installed that runs it; pip install onnxruntime"
        raise InputError(" | ".join(failures or absent) or none)
    seconds = _time([engine for engine, _ in proved], parity)
    best = seconds.index(min(seconds))
    for engine, _ in proved[:best] + proved[best + 1 :]:
        engine.close()
    return *proved[best], failures


def _prove(engine: Engine, parity: Parity) -> Engine:
    try:
        prove(engine, parity)
    except BaseException:
        engine.close()
        raise
    return engine


def _time(engines: list[Engine], parity: Parity) -> list[float]:
    """Seconds for one face, each engine's best: others on the machine only ever add, and turns make it fair."""
    if len(engines) == 1:
        return [0.0]
    image, landmarks = parity.images[:1], None if parity.landmarks is None else parity.landmarks[:1]
    best, end = [float("inf")] * len(engines), time.perf_counter() + PATIENCE_S
    for _ in range(ROUNDS):
        for i, engine in enumerate(engines):
            start = time.perf_counter()
            engine.run(image, landmarks)
            best[i] = min(best[i], time.perf_counter() - start)
        if time.perf_counter() > end:
            break
    return best


def _key(candidates: list[Candidate]) -> str:
    """Of all that the outcome depends on: files, versions, processor, GPUs; and how we open them, by a number."""
    parts = [[c.backend, c.model.sha256, c.model.size, c.precision, version(BACKENDS[c.backend])] for c in candidates]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = json.dumps([KEY, parts, platform.machine(), _processor(), cores, _accelerators()])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
        return "\n".join(line for line in lines if line.startswith(("model", "flags", "Features", "CPU part")))
    except OSError:
        return platform.processor()


def _accelerators() -> list[str]:
    """What a driver shows on Linux: a choice made before it was there should not outlive that."""
    nodes = sorted(str(node) for pattern in ("nvidia*", "dri/render*") for node in Path("/dev").glob(pattern))
    with contextlib.suppress(OSError):
        nodes.append(Path("/proc/driver/nvidia/version").read_text())
    return nodes
