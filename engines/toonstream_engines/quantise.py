"""INT8 for processors: weights and sums of a model in 8 bits, scaled by what real faces make of them."""

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.probe import Probe

INT8_BOUND = 6
"""Steps of 255 that 99.9 % of values keep within: flat tones hide as much."""
WORTHWHILE = 0.95
"""Of fp32's time: what saves less is not worth a difference in the picture."""


def quantise(model: Path, out: Path, images: NDArray[np.uint8]) -> None:
    """Writes `out`, the fp32 model in int8. images: uint8 (N, H, W, 3), the faces that the scales are taken from.

    All up to the last convolution is quantised, since a float operator in between costs two conversions; what follows
    makes values, or steps of them, that are seen. Weights take 7 bits: processors without VNNI add pairs of products
    in 16 bits, which 8 overflow, visibly.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Faces(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
        def __init__(self) -> None:
            self._images = iter(images)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            image = next(self._images, None)
            return None if image is None else {"image": image[None]}

    nodes = onnx.load(model).graph.node
    last = max(i for i, node in enumerate(nodes) if "Conv" in node.op_type)
    logging.disable(logging.WARNING)  # it advises what the exporter has done
    try:
        quantize_static(
            model,
            out,
            Faces(),
            op_types_to_quantize=["Conv", "Relu", "Add", "Resize"],
            nodes_to_exclude=[node.name for node in nodes[last + 1 :]],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    finally:
        logging.disable(logging.NOTSET)


def int8_pays(tried: list[Probe]) -> bool:
    """Whether int8 is within its bound wherever it runs, and worth it on at least one backend."""
    int8 = {t.candidate.backend: t for t in tried if t.candidate.precision == "int8"}
    fp32 = {t.candidate.backend: t for t in tried if t.candidate.precision == "fp32"}
    return (
        bool(int8)
        and all(not t.failure for t in int8.values())
        and any(t.seconds < WORTHWHILE * fp32[backend].seconds for backend, t in int8.items())
    )
