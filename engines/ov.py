"""OpenVINO on the CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from engines.engine import Engine
from engines.style import Model


class OpenVino(Engine):
    title = "OpenVINO"

    def __init__(self, model: Model, data: bytes, precision: str) -> None:
        super().__init__(model)
        core = openvino.Core()
        hint = {"bf16": openvino.Type.bf16}.get(precision, openvino.Type.f32)
        self._compiled = core.compile_model(
            core.read_model(data, b""),
            "CPU",
            {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": hint},
        )
        self._request = self._compiled.create_infer_request()

    def _infer(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
        feeds = dict(zip(self.model.inputs, arrays, strict=True))
        self._request.infer(feeds, share_inputs=True)
        toons: NDArray[np.uint8] = self._request.get_output_tensor(0).data.copy()
        return toons

    def close(self) -> None:
        self._request = self._compiled = None


open_model = OpenVino
