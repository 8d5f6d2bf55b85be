"""Published generators of other projects as engines, whatever their layout and range."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.engine import Engine, reason
from toonstream_engines.errors import InputError
from toonstream_engines.graph import FLOAT, read_graph
from toonstream_engines.probe import Candidate, open_candidate
from toonstream_engines.style import Model

RANGES = {"-1..1": (-1.0, 1.0), "0..1": (0.0, 1.0), "0..255": (0.0, 255.0)}
ORDERS = ("rgb", "bgr")
SIZE = 256

Images = NDArray[np.uint8]


class Peer(Engine):
    """A published generator: one float32 picture in and out, NCHW or NHWC, of any batch or one at a time."""

    def __init__(
        self, path: Path, order: str, value_range: str | None, photos: Images, backend: str, precision: str
    ) -> None:
        """order: "rgb" or "bgr", of its input and output alike: pictures do not tell it, so it is stated.

        value_range: one of RANGES, or None to try which input range gives what is most like `photos`; a generator that
        normalises its input first may take them all alike. The output's range is seen from its values. backend,
        precision: as engines.probe.ways names them. Raises InputError where the file is no such generator, or does not
        run so on `photos`.
        """
        try:
            data = path.read_bytes()
            graph = read_graph(data)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; give a published generator as ONNX") from error
        except ValueError as error:
            raise InputError(f"{path}: {error}; give a published generator as ONNX") from error
        port = graph.inputs[0] if len(graph.inputs) == 1 and len(graph.outputs) == 1 else None
        if port is None or port.dtype != FLOAT or len(port.dims) != 4 or 3 not in (port.dims[1], port.dims[3]):
            raise InputError(f"{path}: not one float32 picture in, NCHW or NHWC of 3 channels, and one out")
        sha256 = hashlib.sha256(data).hexdigest()
        super().__init__(Model(path.stem, path, sha256, "fp32", SIZE, (port.name,), None))
        self.planes_first = port.dims[1] == 3
        self.order = order
        self.side = port.dims[2]
        self._one_by_one = port.dims[0] == 1
        candidate = Candidate(backend, self.model, precision)
        try:
            engine = open_candidate(candidate, data)
            if engine is None:
                raise ValueError(f"this machine does not compute in {precision}")
            self._engine = engine
            self.title, self.device, self.precision = engine.title, engine.device, engine.precision
            tried = {}
            for name in [value_range] if value_range else list(RANGES):
                raw = self._raw(photos, *RANGES[name])
                output = _range(raw)
                low, high = RANGES[output]
                away = float(np.abs((raw - low) * (255 / (high - low)) - photos).mean())
                tried[name] = (away, output)
        except Exception as error:  # backends raise types of their own
            raise InputError(f"{path}: {candidate}: does not run on {photos.shape}: {reason(error)}") from error
        self.input_range = min(tried, key=lambda name: tried[name][0])
        self.output_range = tried[self.input_range][1]

    @property
    def interface(self) -> str:
        layout = "NCHW" if self.planes_first else "NHWC"
        return f"float32 {layout} {self.order}, {self.input_range} to {self.output_range}"

    def _infer(self, arrays: Sequence[NDArray[Any]]) -> Images:
        low, high = RANGES[self.output_range]
        toons = (self._raw(arrays[0], *RANGES[self.input_range]) - low) * (255 / (high - low))
        return np.ascontiguousarray(toons.clip(0, 255).round().astype(np.uint8))

    def _raw(self, images: Images, low: float, high: float) -> NDArray[np.float32]:
        """(N, H, W, 3) RGB in the peer's own values."""
        x = images.astype(np.float32) * np.float32((high - low) / 255) + np.float32(low)
        x = x[..., ::-1] if self.order == "bgr" else x
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2) if self.planes_first else x)
        batches = [x[i : i + 1] for i in range(len(x))] if self._one_by_one else [x]
        y: NDArray[Any] = np.concatenate([self._engine._infer([batch]) for batch in batches])
        y = y.transpose(0, 2, 3, 1) if self.planes_first else y
        if y.shape != images.shape:
            raise ValueError(f"it gives {y.shape}")
        return np.asarray(y[..., ::-1] if self.order == "bgr" else y, np.float32)

    def close(self) -> None:
        self._engine.close()


def _range(values: NDArray[np.float32]) -> str:
    """Percentiles, since a network without a last tanh or clamp overshoots at a few pixels."""
    low, high = np.percentile(values, [1, 99])
    return "0..255" if high > 2 else "-1..1" if low < -0.05 else "0..1"


def open_peer(text: str, photos: Images, backend: str = "onnxruntime", precision: str = "fp32") -> Peer:
    """FILE, or FILE:WORD,WORD with the channel order ("bgr") or the range ("0..1") that it wants.

    photos: a few faces, (N, H, W, 3) uint8 RGB of a size that it takes, to try it with.
    """
    path, colon, said = text.rpartition(":")
    words = said.split(",") if colon else []
    if not words or not all(word in RANGES or word in ORDERS for word in words):
        path, words = text, []
    orders = [word for word in words if word in ORDERS] or ["rgb"]
    ranges: list[str | None] = [word for word in words if word in RANGES] or [None]
    return Peer(Path(path), orders[0], ranges[0], photos, backend, precision)
