"""CUDA, as much as an engine needs of it, by NVIDIA's own bindings: a GPU, a stream, memory on both sides, a graph."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from cuda.bindings import runtime
from numpy.typing import NDArray

from toonstream_engines.errors import UserError


@dataclass(frozen=True)
class Gpu:
    name: str
    """As its driver tells it: "NVIDIA GeForce RTX 4070"."""
    capability: tuple[int, int]
    """Compute capability: (8, 9) is Ada."""


def gpu() -> Gpu:
    """The first GPU (CUDA_VISIBLE_DEVICES says which that is). Raises UserError where there is none to use."""
    try:
        if not _do(runtime.cudaGetDeviceCount()):
            raise UserError("the driver shows no NVIDIA GPU")
        found = _do(runtime.cudaGetDeviceProperties(0))
    except UserError as error:
        raise UserError(f"no usable NVIDIA GPU: {error}; check nvidia-smi, or choose another --backend") from error
    return Gpu(bytes(found.name).split(b"\0")[0].decode(), (found.major, found.minor))


class Stream:
    """Work for the GPU, in order, apart from what else runs there."""

    def __init__(self) -> None:
        self.handle = int(_do(runtime.cudaStreamCreateWithFlags(runtime.cudaStreamNonBlocking)))

    def wait(self) -> None:
        _do(runtime.cudaStreamSynchronize(self.handle))

    def record(self, work: Callable[[], None]) -> "Graph":
        """What `work` puts on the stream, not done but recorded."""
        _do(runtime.cudaStreamBeginCapture(self.handle, runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal))
        try:
            work()
        finally:
            graph = _do(runtime.cudaStreamEndCapture(self.handle))
        return Graph(graph, self)

    def close(self) -> None:
        _do(runtime.cudaStreamDestroy(self.handle))


class Graph:
    """Recorded work, which the processor starts in one call."""

    def __init__(self, graph: Any, stream: Stream) -> None:
        self._stream = stream
        self._executable = _do(runtime.cudaGraphInstantiate(graph, 0))
        _do(runtime.cudaGraphDestroy(graph))

    def launch(self) -> None:
        _do(runtime.cudaGraphLaunch(self._executable, self._stream.handle))

    def close(self) -> None:
        _do(runtime.cudaGraphExecDestroy(self._executable))


class Memory:
    """Bytes on the GPU, and where asked for as many in page-locked memory here, which copies twice as fast."""

    def __init__(self, size: int, host: bool = True) -> None:
        self.device = int(_do(runtime.cudaMalloc(size)))
        self._host = int(_do(runtime.cudaMallocHost(size))) if host else 0
        self._bytes = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(self._host)) if host else None

    def here(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """The first bytes of the page-locked side as an array."""
        assert self._bytes is not None
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        array: NDArray[Any] = self._bytes[:size].view(dtype).reshape(shape)
        return array

    def send(self, size: int, stream: Stream) -> None:
        """The first bytes, from here to the GPU, once the stream gets there."""
        kind = runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        _do(runtime.cudaMemcpyAsync(self.device, self._host, size, kind, stream.handle))

    def fetch(self, size: int, stream: Stream) -> None:
        """The first bytes, from the GPU to here, once the stream gets there."""
        kind = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        _do(runtime.cudaMemcpyAsync(self._host, self.device, size, kind, stream.handle))

    def close(self) -> None:
        self._bytes = None
        _do(runtime.cudaFree(self.device))
        if self._host:
            _do(runtime.cudaFreeHost(self._host))


def _do(answer: tuple[Any, ...]) -> Any:
    """What a call gave besides its status. Raises UserError where that is none of success."""
    status, *values = answer
    if status != runtime.cudaError_t.cudaSuccess:
        _, text = runtime.cudaGetErrorString(status)
        raise UserError(text.decode())
    return values[0] if values else None
