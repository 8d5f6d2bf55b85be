"""OpenVINO on the CPU."""

import sys

from toonstream_engines.engine import Arrays, Engine
from toonstream_engines.model import Model

# Importing openvino reports to its maker over the net. Where this package is missing, it has a stub that does not.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402

CORE = openvino.Core()
"""Kept for the life of the process: OpenVINO installs a signal stack that it frees with the core, and the next Ctrl-C
would crash."""

HINTS = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16, "int8": openvino.Type.f32}
"""Left alone, OpenVINO takes bf16 where the processor has it."""


class OpenVino(Engine):
    title = "OpenVINO"

    def __init__(self, backend: str, model: Model, data: bytes, precision: str, threads: int = 0) -> None:
        """data: the model file, checked. threads: 0 for as many as OpenVINO sees fit. Raises what OpenVINO raises."""
        super().__init__(model)
        # Without bf16 units in the processor OpenVINO emulates bf16, which is slower than fp32 and less exact.
        emulated = precision == "bf16" and "BF16" not in CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        hint = HINTS["fp32" if emulated else precision]
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
        settings |= {"INFERENCE_NUM_THREADS": threads} if threads else {}
        compiled = CORE.compile_model(CORE.read_model(data, b""), "CPU", settings)
        self._request = compiled.create_infer_request()
        if precision != "int8":
            used = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
            self.precision = {"f32": "fp32", "f16": "fp16"}.get(used, used)

    def _infer(self, inputs: Arrays) -> Arrays:
        self._request.infer(inputs, share_inputs=True)
        return {port.name: self._request.get_tensor(port.name).data.copy() for port in self.model.outputs}

    def close(self) -> None:
        self._request = None


open_model = OpenVino
