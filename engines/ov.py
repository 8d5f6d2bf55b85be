"""OpenVINO on the CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from engines.engine import Engine
from engines.style import Model

HINTS = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16, "int8": openvino.Type.f32}
"""Left alone, OpenVINO takes bf16 where the processor has it."""


class OpenVino(Engine):
    title = "OpenVINO"

    def __init__(self, model: Model, data: bytes, precision: str) -> None:
        """data: the model file, checked. Raises what OpenVINO raises."""
        super().__init__(model)
        core = openvino.Core()
        graph = core.read_model(data, b"")
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": HINTS[precision]}
        compiled = core.compile_model(graph, "CPU", settings)
        self._any = compiled.create_infer_request()
        # One face at the size that the style was made for is what most calls bring: 5 to 15 % faster compiled for it.
        self._usual = (1, model.size, model.size, 3)
        shapes = {"image": self._usual, "landmarks": (1, 5, 2)}
        graph.reshape({name: list(shapes[name]) for name in model.inputs})
        self._one = core.compile_model(graph, "CPU", settings).create_infer_request()
        used = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        if model.precision == "fp32":
            self.precision = {"f32": "fp32", "f16": "fp16"}.get(used, used)

    def _infer(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
        request = self._one if arrays[0].shape == self._usual else self._any
        request.infer(dict(zip(self.model.inputs, arrays, strict=True)), share_inputs=True)
        toons: NDArray[np.uint8] = request.get_output_tensor(0).data.copy()
        return toons

    def close(self) -> None:
        self._one = self._any = None


open_model = OpenVino
