"""A GPU that is not there: the CUDA calls on plain memory, and a TensorRT runtime that draws with ONNX Runtime.

Parsing and building stay the library's own. What it watches is how an engine treats its device: every buffer written
before it is read, nothing done outside the stream, nothing used after it was closed or changed after it was recorded.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import onnxruntime
import pytest
from toonstream_engines import trt

BUILT: dict[Any, Any] = {}
"""Once is enough for all tests."""


class Stream:
    def __init__(self) -> None:
        self.handle = 7
        self.recording: list[Callable[[], None]] | None = None
        self.queue: list[Callable[[], None]] = []
        self.launches = 0

    def put(self, work: Callable[[], None]) -> None:
        (self.queue if self.recording is None else self.recording).append(work)

    def wait(self) -> None:
        assert self.recording is None
        for work in self.queue:
            work()
        self.queue = []

    def record(self, work: Callable[[], None]) -> "Graph":
        self.recording = []
        work()
        graph, self.recording = Graph(self, self.recording), None
        return graph

    def close(self) -> None:
        assert not self.queue


class Graph:
    def __init__(self, stream: Stream, steps: list[Callable[[], None]]) -> None:
        self.stream, self.steps = stream, steps

    def launch(self) -> None:
        self.stream.launches += 1
        self.stream.queue += self.steps

    def close(self) -> None:
        del self.steps


class Memory:
    everything: ClassVar[dict[int, "Memory"]] = {}

    def __init__(self, size: int, host: bool = True) -> None:
        self._device = np.full(size, 99, np.uint8)
        self._host = np.full(size, 77, np.uint8) if host else None
        self.device = self._device.ctypes.data
        self.everything[self.device] = self

    def here(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        assert size <= len(self._host)
        return self._host[:size].view(dtype).reshape(shape)

    def send(self, size: int, stream: Stream) -> None:
        stream.put(lambda: np.copyto(self._device[:size], self._host[:size]))

    def fetch(self, size: int, stream: Stream) -> None:
        stream.put(lambda: np.copyto(self._host[:size], self._device[:size]))

    def close(self) -> None:
        del self.everything[self.device], self._device


class Context:
    def __init__(self, engine: "Engine", allocation: Any) -> None:
        self.engine, self.allocation = engine, allocation
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.recorded = False
        engine.contexts.append(self)

    def _change(self) -> None:
        assert not self.recorded, "a context was changed after a graph was made with it"

    def set_device_memory(self, address: int, size: int) -> None:
        assert len(Memory.everything[address]._device) >= size

    def set_optimization_profile_async(self, profile: int, stream: int) -> bool:
        self._change()
        self.profile = profile
        return True

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._change()
        self.addresses[name] = address
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._change()
        small, _, large = self.engine.get_tensor_profile_shape(name, self.profile)
        if not all(a <= b <= c for a, b, c in zip(small, shape, large, strict=True)):
            return False
        self.shapes[name] = tuple(shape)
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        channels = {port.name: port.shape[3] for port in self.engine.session.get_outputs()}
        return (*self.shapes["image"][:3], channels[name])

    def execute_async_v3(self, handle: int) -> bool:
        stream, shapes = self.engine.stream(), dict(self.shapes)
        self.recorded = stream.recording is not None
        assert self.engine.ran or not self.recorded, "recorded before it ever ran"
        self.engine.ran.add(id(self))
        stream.put(lambda: self._work(shapes))
        return True

    def _work(self, shapes: dict[str, tuple[int, ...]]) -> None:
        inputs = {}
        for name, shape in shapes.items():
            dtype = np.dtype(np.float32 if name == "landmarks" else np.uint8)
            memory = Memory.everything[self.addresses[name]]._device
            inputs[name] = memory[: int(np.prod(shape)) * dtype.itemsize].view(dtype).reshape(shape)
        names = [port.name for port in self.engine.session.get_outputs()]
        for name, array in zip(names, self.engine.session.run(names, inputs), strict=True):
            Memory.everything[self.addresses[name]]._device[: array.size] = array.ravel()


class Engine:
    """What the real builder made decides profiles and names; ONNX Runtime draws."""

    def __init__(
        self, model: bytes, shapes: list[dict[str, list[tuple[int, ...]]]], stream: Callable[[], Stream]
    ) -> None:
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.shapes, self.stream = shapes, stream
        self.num_optimization_profiles = len(shapes)
        self.device_memory_size_v2 = 1 << 16
        self.contexts: list[Context] = []
        self.ran: set[int] = set()

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[tuple[int, ...]]:
        return self.shapes[profile][name]

    def create_execution_context(self, allocation: Any) -> Context:
        return Context(self, allocation)

    def create_runtime_config(self) -> Any:
        return Config()


class Config:
    def __init__(self) -> None:
        self.cuda_graph_strategy = None

    def create_runtime_cache(self) -> "Kernels":
        return Kernels()

    def set_runtime_cache(self, kernels: "Kernels") -> bool:
        return True


class Kernels:
    """What TensorRT for RTX keeps of the kernels that it made."""

    loaded: ClassVar[list[bytes]] = []

    def deserialize(self, data: bytes) -> bool:
        self.loaded.append(data)
        return True

    def serialize(self) -> bytes:
        return b"kernels"


def install(monkeypatch: Any, capability: tuple[int, int] = (8, 9)) -> dict[str, Any]:
    """Puts it in the place of CUDA. What comes back tells what was built and loaded: change it to break things."""
    cuda = pytest.importorskip("toonstream_engines.cuda", reason="pip install cuda-bindings")
    seen: dict[str, Any] = {"built": [], "loads": True, "engines": [], "streams": []}
    really_build = trt.build

    class TheStream(Stream):
        def __init__(self) -> None:
            super().__init__()
            seen["streams"].append(self)

    class Runtime:
        def __init__(self, log: Any) -> None:
            self.log = log

        def deserialize_cuda_engine(self, blob: bytes) -> Engine | None:
            if not seen["loads"]:
                self.log.last = "the plan is for another GPU"
                return None
            assert blob == seen["built"][-1][0]
            seen["engines"].append(Engine(*seen["built"][-1][1:], stream=lambda: seen["streams"][-1]))
            return seen["engines"][-1]

    def build(backend: str, model: Any, data: bytes, wanted: tuple[int, int] | None) -> bytes:
        if (data, model.size, wanted) not in BUILT:
            blob = really_build(backend, model, data, wanted)
            shapes = [
                {port.name: [port.resolve(sizes) for sizes in profile] for port in model.inputs}
                for profile in trt.profiles(model)
            ]
            BUILT[data, model.size, wanted] = blob, data, shapes
        trt.log.warning("building, once")
        seen["built"].append(BUILT[data, model.size, wanted])
        return seen["built"][-1][0]

    monkeypatch.setattr(cuda, "gpu", lambda: cuda.Gpu("NVIDIA Test 4000", capability))
    monkeypatch.setattr(cuda, "Stream", TheStream)
    monkeypatch.setattr(cuda, "Memory", Memory)
    monkeypatch.setattr(trt, "build", build)
    rtx = trt.import_module("tensorrt_rtx")
    monkeypatch.setattr(rtx, "Runtime", Runtime)
    return seen
