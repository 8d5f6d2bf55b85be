"""An engine: a loaded network that turns named arrays into named arrays. A backend fills in `_infer` and `close`."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import InputError
from toonstream_engines.graph import match
from toonstream_engines.model import Model

Arrays = dict[str, NDArray[Any]]


class Engine(Closeable):
    """A context manager; `close` may be called twice. One thread at a time."""

    title = ""
    """The backend's name for people, as "ONNX Runtime"."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.device = "CPU"
        self.precision = model.precision
        """Device and precision really in use; a backend that differs says so after loading."""

    @property
    def description(self) -> str:
        return f"{self.title}, {self.device}, {self.precision}"

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """All faces of a frame in one call: the model's outputs by name, in arrays that the caller keeps.

        inputs: by name, each as `model.inputs` describes it; names that the model does not want are ignored. Raises
        ValueError where an input is missing or of another type or shape, InputError where the model fails on it.
        """
        match(self.model.inputs, inputs)
        arrays = {port.name: np.ascontiguousarray(inputs[port.name]) for port in self.model.inputs}
        try:
            outputs = self._infer(arrays)
            match((*self.model.inputs, *self.model.outputs), arrays | outputs)
        except Exception as error:  # backends raise types of their own, some of them plain Exception
            shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            raise InputError(f"{self.model.path}: {self.description}, of {shapes}: {reason(error)}") from error
        return outputs

    @abstractmethod
    def _infer(self, inputs: Arrays) -> Arrays:
        """inputs: checked and contiguous. Returns the outputs in new arrays."""


def reason(error: BaseException) -> str:
    """The head of what a runtime raised, which may go on for pages."""
    return " ".join(str(error).split())[:200] or type(error).__name__
