"""Published generators of other projects as engines, whatever their layout and range."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.engine import Arrays, Engine, reason
from toonstream_engines.errors import InputError
from toonstream_engines.graph import Port, read_graph
from toonstream_engines.model import Model
from toonstream_engines.probe import Candidate, open_candidate

RANGES = {"-1..1": (-1.0, 1.0), "0..1": (0.0, 1.0), "0..255": (0.0, 255.0)}
ORDERS = ("rgb", "bgr")

Images = NDArray[np.uint8]


class External(Engine):
    """A published generator, float32, NCHW or NHWC, of any batch or one at a time; run as `image` to `toon`, uint8."""

    def __init__(
        self, path: Path, order: str, value_range: str | None, photos: Images, backend: str, precision: str
    ) -> None:
        """order: "rgb" or "bgr", of its input and output alike: pictures do not tell it, so it is stated.

        value_range: one of RANGES, or None to try which input range gives what is most like `photos`; a generator that
        normalises its input first may take them all alike. The output's range is seen from its values. backend,
        precision: as probe.ways names them. Raises InputError where the file is no such generator, or does not run so
        on `photos`.
        """
        try:
            data = path.read_bytes()
            graph = read_graph(data)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; give a published generator as ONNX") from error
        except ValueError as error:
            raise InputError(f"{path}: {error}; give a published generator as ONNX") from error
        shape = graph.inputs[0].shape if len(graph.inputs) == 1 and len(graph.outputs) == 1 else ()
        if len(shape) != 4 or graph.inputs[0].dtype != "float32" or 3 not in (shape[1], shape[3]):
            raise InputError(f"{path}: it needs one float32 input and output, NCHW or NHWC of 3 channels")
        self.order = order
        self.planes_first = shape[1] == 3
        self._one_by_one = shape[0] == 1
        own = Model(path, hashlib.sha256(data).hexdigest(), graph.inputs, graph.outputs)
        sides = zip("hw", shape[2:] if self.planes_first else shape[1:3], strict=True)
        picture = ("n", *(side if isinstance(side, int) else name for name, side in sides), 3)
        super().__init__(
            replace(own, inputs=(Port("image", "uint8", picture),), outputs=(Port("toon", "uint8", picture),))
        )
        candidate = Candidate(backend, own, precision)
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

    def _infer(self, inputs: Arrays) -> Arrays:
        low, high = RANGES[self.output_range]
        toons = (self._raw(inputs["image"], *RANGES[self.input_range]) - low) * (255 / (high - low))
        return {"toon": np.ascontiguousarray(toons.clip(0, 255).round().astype(np.uint8))}

    def _raw(self, images: Images, low: float, high: float) -> NDArray[np.float32]:
        """(N, H, W, 3) RGB in the network's own values."""
        model = self._engine.model
        x = images.astype(np.float32) * np.float32((high - low) / 255) + np.float32(low)
        x = x[..., ::-1] if self.order == "bgr" else x
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2) if self.planes_first else x)
        batches = [x[i : i + 1] for i in range(len(x))] if self._one_by_one else [x]
        made = [self._engine._infer({model.inputs[0].name: batch})[model.outputs[0].name] for batch in batches]
        y: NDArray[Any] = np.concatenate(made)
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


def parse_external(text: str) -> tuple[Path, str, str | None]:
    """The file of FILE, or of FILE:WORD,WORD, and the channel order and range that the words state, as External has it.

    Raises InputError where there is no such file.
    """
    path, colon, last = text.rpartition(":")
    words = last.split(",") if colon else []
    if not words or not all(word in RANGES or word in ORDERS for word in words):
        path, words = text, []
    if not os.path.isfile(path):  # of a name that no file can have, Path.is_file raises
        raise InputError(f"{path}: no such file; give a published generator as ONNX")
    orders = [word for word in words if word in ORDERS] or ["rgb"]
    ranges: list[str | None] = [word for word in words if word in RANGES] or [None]
    return Path(path), orders[0], ranges[0]


def open_external(text: str, photos: Images, backend: str = "onnxruntime", precision: str = "fp32") -> External:
    """FILE, or FILE:WORD,WORD with the channel order ("bgr") or the range ("0..1") that it wants.

    photos: a few faces, (N, H, W, 3) uint8 RGB of a size that it takes, to try it with. Raises as External does.
    """
    return External(*parse_external(text), photos, backend, precision)
