"""Each way to run a style, tried on its own crops: does it work here, how far is it from torch, how fast is it."""

import contextlib
import importlib
import time
from collections.abc import Collection
from dataclasses import dataclass

from toonstream_engines.backends import BACKENDS, is_there
from toonstream_engines.engine import Engine, reason
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.model import PRECISIONS, Model
from toonstream_engines.parity import Difference, Parity, check, difference, load_parity
from toonstream_engines.style import Style

ROUNDS, PATIENCE_S = 20, 1.0


@dataclass(frozen=True)
class Candidate:
    """A way to run a style: one of its files, by a backend, in a precision."""

    backend: str
    model: Model
    precision: str

    def __str__(self) -> str:
        return f"{BACKENDS[self.backend].title}, {self.precision}"


@dataclass
class Probe:
    """What came of a candidate. Close what is open."""

    candidate: Candidate
    engine: Engine | None = None
    """Open, and within its bounds; else None."""
    difference: Difference | None = None
    """From torch, where it ran at all."""
    failure: str = ""
    """Why there is no engine."""
    absent: bool = False
    """There is none because this machine has no such precision, which is no fault."""
    seconds: float = 0.0
    """For one face, its best, once timed."""
    size: int = 0
    """Bytes of the file."""

    def close(self) -> None:
        if self.engine:
            self.engine.close()
        self.engine = None


def installed(backend: str) -> list[str]:
    """The backend named, or for "auto" all that are installed. Raises InputError where it is unknown or missing."""
    if backend == "auto":
        return [name for name, entry in BACKENDS.items() if is_there(entry)]
    if backend not in BACKENDS:
        raise InputError(f"{backend}: no such backend; there are auto, {', '.join(BACKENDS)}")
    if not is_there(BACKENDS[backend]):
        raise InputError(f"{BACKENDS[backend].title} is not installed; install it with: {BACKENDS[backend].install}")
    return [backend]


def ways(stored: Collection[str], backend: str = "auto") -> list[tuple[str, str]]:
    """(backend, precision in use) of what is installed, for files of those precisions; opening one tells whether this
    machine really has it. Raises InputError where the backend is unknown or missing."""
    names = installed(backend)
    return [(name, used) for name in names for of_file, used in BACKENDS[name].runs if of_file in stored]


def candidates(style: Style, backend: str = "auto", precision: str | None = None) -> list[Candidate]:
    """All ways to run the style, of a backend and in a precision where they are named.

    Raises InputError as `ways`, and where there is no such precision.
    """
    if precision not in (None, *PRECISIONS):
        raise InputError(f"{precision}: no such precision; there are {', '.join(PRECISIONS)}")
    return [
        Candidate(name, model, used)
        for name in installed(backend)
        for stored, used in BACKENDS[name].runs
        for model in style.models.values()
        if model.precision == stored and precision in (None, used)
    ]


def examine(model: Model) -> bytes:
    """The model file, as `Model.read`, checked by ONNX Runtime too. Raises InputError.

    Whatever backend runs it afterwards: ONNX Runtime refuses graphs on which others crash or hang.
    """
    data = model.read()
    with contextlib.suppress(ImportError):
        import onnxruntime
        from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as Unsupported

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        except Unsupported:  # a valid graph, as of bf16, for others to run
            pass
        except Exception as error:  # it raises types of its own
            raise InputError(f"{model.path}: not a model to run: {reason(error)}") from error
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


def probe_all(style: Style, ways: Collection[Candidate], *, first_built: bool = False) -> list[Probe]:
    """Each candidate opened and proved on the style's own crops, and those that are within their bounds timed.

    first_built: of a backend that builds engines, which takes long, none after the first within its bound. Raises
    InputError where a file of the style is not what its card says.
    """
    data = {model: examine(model) for model in {candidate.model: None for candidate in ways}}
    parity = load_parity(style)
    tried: list[Probe] = []
    try:
        for candidate in ways:
            done = any(probe.engine and probe.candidate.backend == candidate.backend for probe in tried)
            if first_built and done and BACKENDS[candidate.backend].builds:
                continue
            tried.append(Probe(candidate, size=len(data[candidate.model])))
            _try(tried[-1], data[candidate.model], parity)
        time_engines(tried, parity)
    except BaseException:
        for probe in tried:
            probe.close()
        raise
    return tried


def _try(probe: Probe, data: bytes, parity: Parity) -> None:
    candidate = probe.candidate
    try:
        probe.engine = open_candidate(candidate, data)
        probe.absent = probe.engine is None
        if probe.engine:
            probe.difference = difference(probe.engine, parity)
            check(probe.engine, probe.difference)
        else:
            probe.failure = f"{candidate.model.path}: {candidate}: this machine does not compute in it"
    except Exception as error:  # runtimes raise types of their own
        probe.close()
        known = isinstance(error, UserError)
        probe.failure = str(error) if known else f"{candidate.model.path}: {candidate}: {reason(error)}"


def time_engines(tried: Collection[Probe], parity: Parity) -> None:
    """Sets `seconds` of those with an engine: the best of rounds in which they take turns; other load only adds."""
    running = [probe for probe in tried if probe.engine]
    inputs = {name: array[:1] for name, array in parity.inputs.items()}
    best, end = [float("inf")] * len(running), time.perf_counter() + PATIENCE_S
    for _ in range(ROUNDS):
        for i, probe in enumerate(running):
            assert probe.engine
            start = time.perf_counter()
            probe.engine.run(inputs)
            best[i] = min(best[i], time.perf_counter() - start)
        if time.perf_counter() > end:
            break
    for probe, seconds in zip(running, best, strict=True):
        probe.seconds = seconds
