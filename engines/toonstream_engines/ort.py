"""ONNX Runtime, on the CPU and on what its execution providers reach."""

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import onnxruntime

from toonstream_engines.engine import Arrays, Engine
from toonstream_engines.errors import UserError
from toonstream_engines.model import Model

onnxruntime.disable_telemetry_events()  # some builds for Windows report to their maker
onnxruntime.set_default_logger_severity(4)  # a provider that does not load is reported below


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

    def __init__(self, backend: str, model: Model, data: bytes, precision: str, threads: int = 0) -> None:
        """data: the model file, checked. threads: 0 for as many as ONNX Runtime sees fit.

        Raises what ONNX Runtime raises, UserError where the network would run on another device than the backend's.
        """
        super().__init__(model)
        provider = PROVIDERS[backend]
        self.device = provider.device
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors come as exceptions; warnings are for developers
        options.enable_mem_pattern = provider.memory_pattern
        options.intra_op_num_threads = threads
        # Threads that spin while they wait take cores from decoder and encoder: a third of all processor time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if provider.name not in onnxruntime.get_available_providers():
            raise UserError(f"this ONNX Runtime was built without {provider.name}")
        printed = io.StringIO()
        if backend == "onnxruntime-cuda":
            with contextlib.redirect_stdout(printed):
                onnxruntime.preload_dlls()  # CUDA as pip installs it lies where no loader looks
        # Without enable_fallback=0 it prints to stdout and goes on with another provider where this one fails.
        self._session = onnxruntime.InferenceSession(
            data, options, providers=[(provider.name, dict(provider.options))], enable_fallback=0
        )
        if self._session.get_providers()[0] != provider.name:
            why = printed.getvalue().splitlines()[:1]
            raise UserError(": ".join([f"{provider.name} did not load; it needs {provider.needs}", *why]))
        self._check(provider)

    def _check(self, provider: Provider) -> None:
        """A provider may leave operators to the CPU, which ONNX Runtime does not report by itself."""
        parts = self._session.get_provider_graph_assignment_info()
        placed = [(part.ep_name == provider.name, node.op_type) for part in parts for node in part.get_nodes()]
        if left := sum("Conv" in kind for there, kind in placed if not there):
            raise UserError(f"{provider.name} leaves {left} convolutions to the CPU")
        if few := sum(not there for there, _ in placed):
            self.device += f" (of {len(placed)} operators {few} on the CPU)"

    def _infer(self, inputs: Arrays) -> Arrays:
        names = [port.name for port in self.model.outputs]
        return dict(zip(names, self._session.run(names, inputs), strict=True))

    def close(self) -> None:
        self._session = None


open_model = OnnxRuntime
