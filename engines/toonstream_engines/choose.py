"""Which backend runs a model: for a style the one asked for, or the fastest that really works here."""

import contextlib
import hashlib
import importlib
import json
import logging
import os
import platform
from pathlib import Path

from toonstream_engines import cache
from toonstream_engines.backends import BACKENDS, is_there, version
from toonstream_engines.engine import Engine, reason
from toonstream_engines.errors import InputError
from toonstream_engines.model import Model
from toonstream_engines.probe import Candidate, candidates, installed, open_candidate, probe_all
from toonstream_engines.style import Style

log = logging.getLogger(__name__)

KEY = 3
"""Raise it whenever a backend's settings change here: earlier measurements no longer hold."""


def open_engine(style: Style, backend: str = "auto", precision: str | None = None) -> Engine:
    """The fastest engine within its bounds, among all backends ("auto") or the one named (a key of BACKENDS).

    precision: only engines that run in it; None takes any. The first time on a machine each candidate proves itself on
    the style's crops and is timed, which takes a second or two, and what is installed and yet passed over is logged, as
    a warning; the outcome is kept in the user's cache folder. Raises InputError where the backend is unknown or
    missing, and where nothing runs the style's files as its card says, within their bounds; TypeError where `style` is
    no Style but its name.
    """
    if not isinstance(style, Style):
        raise TypeError(f"open_engine needs a Style, as load_style gives it; got {style!r}")
    ways = candidates(style, backend, precision)
    if precision and not ways:
        raise InputError(f"{style.folder}: no installed backend runs it in {precision}; try another precision")
    name = f"choice-{_key(ways)}.json"
    engine = _open_kept(cache.recall(name), ways)
    if engine is None:
        engine, chosen, passed = _fastest(style, ways)
        for why in passed:
            log.warning("passed over for %s: %s", style.name, why)
        cache.keep(name, {"choice": chosen})
    return engine


def open_network(model: Model, backend: str = "auto") -> Engine:
    """A plain network, such as a face detector, in fp32 on one CPU thread, unproved; "auto" prefers OpenVINO.

    backend: "auto", "openvino" or "onnxruntime". Raises InputError where none of them opens it.
    """
    data, failures = model.read(), []
    for name in ("openvino", "onnxruntime") if backend == "auto" else installed(backend):
        if is_there(BACKENDS[name]):
            try:
                module = importlib.import_module(BACKENDS[name].module)
                engine: Engine = module.open_model(name, model, data, "fp32", threads=1)
                return engine
            except Exception as error:  # runtimes raise types of their own
                failures.append(f"{BACKENDS[name].title}: {reason(error)}")
    raise InputError(f"{model.path}: " + (" | ".join(failures) or "needs a backend; pip install onnxruntime"))


def _open_kept(kept: object, ways: list[Candidate]) -> Engine | None:
    if isinstance(kept, dict):
        for candidate in ways:
            if kept.get("choice") == _choice(candidate):
                with contextlib.suppress(Exception):  # whatever it is, probing finds and reports it
                    return open_candidate(candidate, candidate.model.read())
    return None


def _fastest(style: Style, ways: list[Candidate]) -> tuple[Engine, list[str], list[str]]:
    """The engine, how it was chosen, and why others that should have run do not."""
    tried = probe_all(style, ways, first_built=True)
    proved = [probe for probe in tried if probe.engine]
    failures = list(dict.fromkeys(probe.failure for probe in tried if probe.failure and not probe.absent))
    best = min(proved, key=lambda probe: probe.seconds, default=None)
    if best is None or best.engine is None:
        absent = [probe.failure for probe in tried]
        none = f"{style.folder}: no backend is installed that runs it; pip install onnxruntime"
        raise InputError(" | ".join(failures or absent) or none)
    for probe in proved:
        if probe is not best:
            probe.close()
    return best.engine, _choice(best.candidate), failures


def _choice(candidate: Candidate) -> list[str]:
    """As the cache keeps it."""
    return [candidate.backend, candidate.model.path.name, candidate.precision]


def _key(ways: list[Candidate]) -> str:
    """Of all that the outcome depends on: files, versions, processor, GPUs; and how we open them, by a number."""
    parts = [[c.backend, c.model.sha256, c.model.size, c.precision, version(BACKENDS[c.backend])] for c in ways]
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
