"""An engine: a loaded model that turns crops into toons. Public methods check; what a backend adds only works."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.errors import InputError
from toonstream_engines.style import Model


class Engine(ABC):
    """A context manager; `close` may be called twice. One thread at a time."""

    title = ""
    """The backend's name for people, as "ONNX Runtime"."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.device = "CPU"
        self.precision = model.precision
        """Device and precision really in use; a backend that differs says so after loading."""
        self.side: int | None = None
        """The side in pixels of the square crops that it takes, where it takes no other; else None."""

    @property
    def description(self) -> str:
        return f"{self.title}, {self.device}, {self.precision}"

    def run(self, images: NDArray[np.uint8], landmarks: NDArray[np.float32] | None = None) -> NDArray[np.uint8]:
        """The cartoons of all faces of a frame, in one call.

        images: uint8 (N, H, W, 3), RGB, H and W multiples of 32. landmarks: float32 (N, 5, 2), the five points of each
        face in crop pixels, where `model.inputs` names them; otherwise they are not looked at. Returns uint8
        (N, H, W, 3), RGB, or (N, H, W, 4) with the network's own matte, in an array that is the caller's to keep.
        Raises ValueError where an array is not so, InputError where the model cannot do it.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
            raise ValueError(f"images are {images.dtype} {images.shape}, not uint8 (N, H, W, 3)")
        count, height, width, _ = images.shape
        if not height or not width or height % 32 or width % 32:
            raise ValueError(f"images are {width}x{height}; both sides have to be multiples of 32")
        arrays: list[NDArray[Any]] = [np.ascontiguousarray(images)]
        if "landmarks" in self.model.inputs:
            if landmarks is None or landmarks.dtype != np.float32 or landmarks.shape != (count, 5, 2):
                raise ValueError("this style wants landmarks, float32 (N, 5, 2)")
            arrays.append(np.ascontiguousarray(landmarks))
        if not count:
            return images
        try:
            toons = self._infer(arrays)
        except Exception as error:  # backends raise types of their own, some of them plain Exception
            raise InputError(self._failed(images.shape, reason(error))) from error
        if toons.dtype != np.uint8 or toons.ndim != 4 or toons.shape[:3] != images.shape[:3]:
            raise InputError(self._failed(images.shape, f"it gave {toons.dtype} {toons.shape}"))
        return toons

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def _infer(self, arrays: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
        """arrays: one for each of model.inputs, in that order, contiguous. Returns a new array."""

    def _failed(self, shape: tuple[int, ...], why: str) -> str:
        return f"{self.model.path}: {self.description}, of {shape}: {why}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def reason(error: BaseException) -> str:
    """The head of what a runtime raised, which may go on for pages."""
    return " ".join(str(error).split())[:200] or type(error).__name__
