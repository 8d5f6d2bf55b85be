"""ONNX Runtime, on the CPU and on what its execution providers reach."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from toonstream_engines.engine import Engine
from toonstream_engines.errors import UserError
from toonstream_engines.style import Model

onnxruntime.disable_telemetry_events()  # some builds for Windows report to their maker
onnxruntime.set_default_logger_severity(4)  # a provider that does not load is told below, not on stderr in colours


@dataclass(frozen=True)
class Provider:
    name: str
    """ONNX Runtime's."""
    device: str
    """For people."""
    needs: str = ""
    """What a machine has to have for it."""
    options: Mapping[str, str] = field(default_factory=dict)
    memory_pattern: bool = True


PROVIDERS = {
    "onnxruntime": Provider("CPUExecutionProvider", "CPU"),
    "onnxruntime-cuda": Provider(
        "CUDAExecutionProvider",
        "CUDA",
        "an NVIDIA GPU with a driver for CUDA 13, and CUDA and cuDNN 9: pip install 'onnxruntime-gpu[cuda,cudnn]'",
        {"use_tf32": "0", "cudnn_conv_algo_search": "EXHAUSTIVE", "cudnn_conv_use_max_workspace": "1"},
    ),
    "onnxruntime-directml": Provider(
        "DmlExecutionProvider", "DirectML", "Windows 10 or later and a GPU for DirectX 12", memory_pattern=False
    ),
    "onnxruntime-coreml": Provider(
        "CoreMLExecutionProvider", "Core ML", "macOS 12 or later", {"ModelFormat": "MLProgram"}
    ),
    "onnxruntime-openvino": Provider(
        "OpenVINOExecutionProvider",
        "Intel GPU",
        "an Intel GPU with its OpenCL driver",
        {"device_type": "GPU", "precision": "ACCURACY"},
    ),
}
"""By backend, each with the settings that keep to the file's own precision."""


class OnnxRuntime(Engine):
    title = "ONNX Runtime"

    def __init__(self, backend: str, model: Model, data: bytes, precision: str) -> None:
        """data: the model file, checked. Raises what ONNX Runtime raises, UserError where it would run elsewhere."""
        super().__init__(model)
        provider = PROVIDERS[backend]
        self.device = provider.device
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors come as exceptions; warnings are for developers
        options.enable_mem_pattern = provider.memory_pattern
        # Threads that spin while they wait take cores from decoder and encoder: a third of all processor time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if provider.name not in onnxruntime.get_available_providers():
            raise UserError(f"this ONNX Runtime was built without {provider.name}")
        said = io.StringIO()
        if backend == "onnxruntime-cuda":
            with contextlib.redirect_stdout(said):
                onnxruntime.preload_dlls()  # CUDA as pip installs it lies where no loader looks
        # Without enable_fallback=0 it prints to stdout and goes on with another provider where this one fails.
        self._session = onnxruntime.InferenceSession(
            data, options, providers=[(provider.name, dict(provider.options))], enable_fallback=0
        )
        if self._session.get_providers()[0] != provider.name:
            why = said.getvalue().splitlines()[:1]
            raise UserError(": ".join([f"{provider.name} did not load; it needs {provider.needs}", *why]))
        self._check(provider)

    def _check(self, provider: Provider) -> None:
        """A provider may leave to the CPU what it cannot do, which ONNX Runtime finds worth no word."""
        parts = self._session.get_provider_graph_assignment_info()
        placed = [(part.ep_name == provider.name, node.op_type) for part in parts for node in part.get_nodes()]
        if left := sum("Conv" in kind for there, kind in placed if not there):
            raise UserError(f"{provider.name} leaves {left} convolutions to the CPU")
        if few := sum(not there for there, _ in placed):
            self.device += f" (of {len(placed)} operators {few} on the CPU)"

    def _infer(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
        toons: NDArray[np.uint8] = self._session.run(None, dict(zip(self.model.inputs, arrays, strict=True)))[0]
        return toons

    def close(self) -> None:
        self._session = None


open_model = OnnxRuntime
