"""TensorRT and TensorRT for RTX: two libraries with one Python interface, for NVIDIA's GPUs.

TensorRT tries kernels on the GPU at hand, which takes a while, and its engine is for that GPU alone. TensorRT for RTX
builds within seconds, for a generation of GPUs that need not be at hand, and makes the kernels when it runs.
"""

import logging
import platform
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from toonstream_engines import engine_cache
from toonstream_engines.engine import Arrays, Engine
from toonstream_engines.errors import UserError
from toonstream_engines.graph import match
from toonstream_engines.install import install_extra
from toonstream_engines.model import Model

log = logging.getLogger(__name__)

LIBRARIES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}

MOST = 8
"""Faces in one call; more go in several."""
SIDES = ((256, 256), (384, 512))
"""Of square crops, what each profile is best at and its largest: most faces are drawn at the first, so that it is
tuned for that alone; the other is for all that are larger, up to what the style was made for if that is more."""
SMALLEST = 32
PLANS = 64
"""Recorded graphs at once: nine sizes of crops times the usual numbers of faces."""

GENERATIONS = {"turing": (7, 5), "ampere": (8, 6), "ada": (8, 9), "blackwell": (12, 0)}
"""GPU generations by name, with the compute capability of their GeForce cards."""


class TensorRt(Engine):
    """Runs on a stream of its own, between page-locked buffers that are made once. A fixed shape is recorded as a CUDA
    graph at its first use: copy, network and copy then start in one call."""

    def __init__(self, backend: str, model: Model, data: bytes, precision: str) -> None:
        """data: the model file, checked. Raises UserError where GPU, driver or library do not do."""
        super().__init__(model)
        try:
            from toonstream_engines import cuda
        except ImportError as error:
            raise UserError(f"NVIDIA's cuda-bindings are missing: {install_extra(backend)}") from error
        self._cuda = cuda
        self._trt = import_module(LIBRARIES[backend])
        self._rtx = backend == "tensorrt-rtx"
        gpu = cuda.gpu()
        self.title, self.device = ("TensorRT for RTX" if self._rtx else "TensorRT"), gpu.name
        capability = gpu.capability if self._rtx else None
        self._key = engine_key(backend, model, capability or gpu)
        self._log = logger(self._trt)
        self._engine = self._load(partial(build, backend, model, data, capability))
        self._open()

    def _load(self, make: Callable[[], bytes]) -> Any:
        self._runtime = self._trt.Runtime(self._log)
        for _ in range(2):  # one that is whole on disk and yet does not load is built once more
            engine = self._runtime.deserialize_cuda_engine(engine_cache.fetch(self._key, make))
            if engine is not None:
                return engine
            engine_cache.forget(self._key)
        raise UserError(f"{self.title} does not load what it built for {self.device}: {self._log.last}")

    def _open(self) -> None:
        cuda, model = self._cuda, self.model
        self._profiles = profiles(model)
        largest = self._profiles[-1][2]
        self._stream = cuda.Stream()
        self._memory = {
            port.name: cuda.Memory(int(np.prod(port.resolve(largest))) * np.dtype(port.dtype).itemsize)
            for port in (*model.inputs, *model.outputs)
        }
        self._plans: dict[tuple[tuple[int, ...], ...], tuple[Callable[[], None], Arrays, Any]] = {}
        if self._rtx:
            self._open_rtx()
        else:
            self._scratch = cuda.Memory(max(self._engine.device_memory_size_v2, 1), host=False)

    def _open_rtx(self) -> None:
        """Kernels for a shape are made in the background at its first use, and kept for the next start."""
        trt, config = self._trt, self._engine.create_runtime_config()
        config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        self._kernels = config.create_runtime_cache()
        self._known = engine_cache.read(self._kernels_key) or b""
        if self._known:
            self._kernels.deserialize(self._known)
        config.set_runtime_cache(self._kernels)
        self._contexts = [self._engine.create_execution_context(config) for _ in self._profiles]
        for profile, context in enumerate(self._contexts):
            self._prepare(context, profile)

    @property
    def _kernels_key(self) -> dict[str, str]:
        return {**self._key, "holds": "kernels"}

    def _infer(self, inputs: Arrays) -> Arrays:
        count = len(next(iter(inputs.values())))
        batches = [{name: array[i : i + MOST] for name, array in inputs.items()} for i in range(0, count, MOST)]
        made = [self._run(batch) for batch in batches]
        return {name: np.concatenate([one[name] for one in made]) for name in made[0]} if made[1:] else made[0]

    def _run(self, inputs: Arrays) -> Arrays:
        for name, array in inputs.items():
            self._memory[name].here(array.shape, array.dtype)[...] = array
        shapes = tuple(array.shape for array in inputs.values())
        if shapes not in self._plans:
            if len(self._plans) == PLANS:
                self._forget_plans()
            self._plans[shapes] = self._plan(inputs)
        start, outputs, _ = self._plans[shapes]
        start()
        self._stream.wait()
        return {name: array.copy() for name, array in outputs.items()}

    def _plan(self, inputs: Arrays) -> tuple[Callable[[], None], Arrays, Any]:
        """What runs inputs of these shapes, where its outputs come to lie, and the graph if there is one."""
        sizes = match(self.model.inputs, inputs)
        fits = (i for i, (_, _, most) in enumerate(self._profiles) if all(sizes[name] <= most[name] for name in sizes))
        profile = next(fits, None)
        if profile is None:
            raise ValueError(f"it was built for crops of up to {self._profiles[-1][2]['h']} pixels")
        context = self._contexts[profile] if self._rtx else self._context(profile)
        self._shape(context, inputs)
        outputs = {
            port.name: self._memory[port.name].here(tuple(context.get_tensor_shape(port.name)), port.dtype)
            for port in self.model.outputs
        }

        def once() -> None:
            if self._rtx:  # one context for all shapes, as its own graphs want it
                self._shape(context, inputs)
            for name, array in inputs.items():
                self._memory[name].send(array.nbytes, self._stream)
            if not context.execute_async_v3(self._stream.handle):
                raise UserError(self._log.last or "it could not run")
            for name, array in outputs.items():
                self._memory[name].fetch(array.nbytes, self._stream)

        if self._rtx:
            return once, outputs, None
        once()  # the first time prepares what cannot be recorded
        self._stream.wait()
        graph = self._stream.record(once)
        return graph.launch, outputs, (graph, context)  # a graph is good while its context is as it was

    def _context(self, profile: int) -> Any:
        """One for each graph; all share the memory between layers."""
        strategy = self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
        context = self._engine.create_execution_context(strategy)
        context.set_device_memory(self._scratch.device, self._engine.device_memory_size_v2)
        self._prepare(context, profile)
        return context

    def _prepare(self, context: Any, profile: int) -> None:
        context.set_optimization_profile_async(profile, self._stream.handle)
        self._stream.wait()
        for name, memory in self._memory.items():
            context.set_tensor_address(name, memory.device)

    def _shape(self, context: Any, inputs: Arrays) -> None:
        for name, array in inputs.items():
            if not context.set_input_shape(name, array.shape):
                raise ValueError(self._log.last or f"it does not take {name} of {array.shape}")

    def _forget_plans(self) -> None:
        for _, _, graph in self._plans.values():
            if graph:
                graph[0].close()
        self._plans = {}

    def close(self) -> None:
        if self._engine is None:
            return
        self._forget_plans()
        if self._rtx:
            if (made := bytes(self._kernels.serialize())) != self._known:
                engine_cache.keep(self._kernels_key, made)
            del self._contexts, self._kernels
        else:
            self._scratch.close()
        for memory in self._memory.values():
            memory.close()
        self._stream.close()
        self._engine = self._runtime = None


open_model = TensorRt


def engine_key(backend: str, model: Model, device: Any) -> engine_cache.Key:
    """All that an engine depends on. device: a cuda.Gpu for TensorRT; a compute capability for TensorRT for RTX."""
    if isinstance(device, tuple):
        device_name = "compute capability {}.{}".format(*device)
    else:
        device_name = "{}, compute capability {}.{}".format(device.name, *device.capability)
    return {
        "style": model.path.parent.name,
        "model": model.sha256,
        "precision": model.precision,
        "library": f"{backend} {import_module(LIBRARIES[backend]).__version__}",
        "device": device_name,
        "shapes": f"{SMALLEST} {SIDES} {model.size} {MOST}",
        "system": f"{sys.platform} {platform.machine()}",
    }


def build(backend: str, model: Model, data: bytes, capability: tuple[int, int] | None) -> bytes:
    """The engine of a model. Raises UserError where the library cannot make it.

    capability: of the GPUs that it is for, by TensorRT for RTX alone, which needs none for it; None takes the GPU here.
    """
    from tqdm import tqdm

    trt = import_module(LIBRARIES[backend])
    errors = logger(trt)
    builder = trt.Builder(errors)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, errors)
    if not parser.parse(data):
        raise UserError(f"{model.path}: {backend} cannot read it: {parser.get_error(0).desc()}")
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # fp32 means fp32
    for profile in profiles(model):
        shapes = builder.create_optimization_profile()
        for port in model.inputs:
            shapes.set_shape(port.name, *(port.resolve(sizes) for sizes in profile))
        config.add_optimization_profile(shapes)
    if capability:
        config.num_compute_capabilities = 1
        config.set_compute_capability(known_capability(capability), 0)
    how_long = "some seconds" if backend == "tensorrt-rtx" else "up to some minutes"
    log.warning("%s: building the %s engine of %s, once; it takes %s", backend, model.precision, model.path, how_long)
    with tqdm(total=100, desc="building", unit="%", bar_format="{l_bar}{bar}| {elapsed}", disable=None) as bar:
        config.progress_monitor = monitor = _monitor(trt, bar)
        engine = builder.build_serialized_network(network, config)
        bar.update(bar.total - bar.n if engine else 0)
    if monitor.stopped_by is not None:
        raise monitor.stopped_by
    if engine is None:
        raise UserError(f"{model.path}: {backend} cannot build it: {errors.last}")
    return bytes(engine)


def known_capability(capability: tuple[int, int]) -> Any:
    """As TensorRT for RTX names it. Raises UserError where it does not know such GPUs."""
    names = import_module("tensorrt_rtx").ComputeCapability.__members__
    name = "SM{}{}".format(*capability)
    if name not in names:
        known = ", ".join(f"{other[2:-1]}.{other[-1]}" for other in names if other.startswith("SM"))
        asked = "{}.{}".format(*capability)
        raise UserError(
            f"TensorRT for RTX runs on GPUs of compute capability {known}, not {asked}; try another backend"
        )
    return names[name]


def profiles(model: Model) -> list[list[dict[str, int]]]:
    """Of each profile the smallest, best and largest sizes; one where the model fixes the sides."""
    most = max(SIDES[-1][1], model.size)
    sides = [(SMALLEST, best, largest if largest < SIDES[-1][1] else most) for best, largest in SIDES]
    made = [[{"n": n, "h": side, "w": side} for n, side in zip((1, 1, MOST), three, strict=True)] for three in sides]
    return made if model.side is None else made[:1]


def logger(trt: Any) -> Any:
    """A logger for the library, silent; its `last` is the last error."""

    class Log(trt.ILogger):  # type: ignore[misc]  # its type is one of two libraries'
        """Keeps the last error, for whoever raises it."""

        def __init__(self) -> None:
            super().__init__()
            self.last = ""

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.last = message

    return Log()


def _monitor(trt: Any, bar: Any) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]  # as above
        """Moves the bar: phases lie within steps of others, so each moves it by its share of its parent's step."""

        def __init__(self) -> None:
            super().__init__()
            self.stopped_by: BaseException | None = None
            self._open: dict[str, tuple[float, float]] = {}

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            at, step = self._open.get(parent or "", (0.0, bar.total))
            self._open[phase] = (at, step / max(steps, 1))

        def step_complete(self, phase: str, step: int) -> bool:
            try:
                at, size = self._open.get(phase, (0.0, 0.0))
                self._open[phase] = (at + size, size)
                bar.update(max(0.0, min(at + size, bar.total) - bar.n))
            except BaseException as error:  # an interrupt; TensorRT's own code must not see it
                self.stopped_by = error
            return self.stopped_by is None

        def phase_finish(self, phase: str) -> None:
            self._open.pop(phase, None)

    return Monitor()
