"""OpenVINO on the CPU."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.engine import Engine
from toonstream_engines.style import Model

# Importing openvino reports to its maker over the net. Where this package is missing, it has a stub that does not.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402

CORE = openvino.Core()
"""One for all, for good: what OpenVINO gives signal handlers as their stack is gone with the core that gave it, and the
next Ctrl-C would crash."""

HINTS = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16, "int8": openvino.Type.f32}
"""Left alone, OpenVINO takes bf16 where the processor has it."""


class OpenVino(Engine):
    title = "OpenVINO"

    def __init__(self, backend: str, model: Model, data: bytes, precision: str) -> None:
        """data: the model file, checked. Raises what OpenVINO raises."""
        super().__init__(model)
        # Without bf16 units in the processor OpenVINO emulates bf16, which is slower than fp32 and less exact.
        emulated = precision == "bf16" and "BF16" not in CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        hint = HINTS["fp32" if emulated else precision]
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint}
        compiled = CORE.compile_model(CORE.read_model(data, b""), "CPU", settings)
        self._request = compiled.create_infer_request()
        if precision != "int8":
            used = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
            self.precision = {"f32": "fp32", "f16": "fp16"}.get(used, used)

    def _infer(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
        self._request.infer(dict(zip(self.model.inputs, arrays, strict=True)), share_inputs=True)
        toons: NDArray[np.uint8] = self._request.get_output_tensor(0).data.copy()
        return toons

    def close(self) -> None:
        self._request = None


open_model = OpenVino
