"""ONNX Runtime on the CPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from engines.engine import Engine
from engines.errors import UserError
from engines.style import Model

onnxruntime.disable_telemetry_events()  # some builds for Windows report to their maker


class OnnxRuntime(Engine):
    title = "ONNX Runtime"

    def __init__(self, model: Model, data: bytes, precision: str) -> None:
        """data: the model file, checked. Raises what ONNX Runtime raises, UserError where the provider is another."""
        super().__init__(model)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors come as exceptions; warnings are for developers
        # Threads that spin while they wait take cores from decoder and encoder: a third of all processor time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        provider = "CPUExecutionProvider"
        # Without enable_fallback=0 it prints to stdout and goes on with another provider where this one fails.
        self._session = onnxruntime.InferenceSession(data, options, providers=[provider], enable_fallback=0)
        if (used := self._session.get_providers()[0]) != provider:
            raise UserError(f"ONNX Runtime runs on {used}, not on {provider}")

    def _infer(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
        toons: NDArray[np.uint8] = self._session.run(None, dict(zip(self.model.inputs, arrays, strict=True)))[0]
        return toons

    def close(self) -> None:
        self._session = None


open_model = OnnxRuntime
