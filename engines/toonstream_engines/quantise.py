"""INT8 for CPUs: weights and activations in 8 bits, with scales calibrated on real faces."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from toonstream_engines.probe import Probe

INT8_BOUND = 6
"""Steps of 255 that 99.9 % of values keep within: in flat tones so much is not seen."""
WORTHWHILE = 0.95
"""Of fp32's time: what saves less is not worth a difference in the picture."""


def quantise(model: Path, out: Path, examples: Mapping[str, NDArray[Any]]) -> None:
    """Writes `out`, the fp32 model in int8. examples: the model's inputs, N real faces, from which scales are taken.

    Everything up to the last convolution is quantised: a float operator in between costs two conversions. What follows
    computes the visible values and stays float. Weights take 7 bits: processors without VNNI add pairs of products in
    16 bits, which 8-bit weights overflow, visibly.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Faces(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
        def __init__(self) -> None:
            count = len(next(iter(examples.values())))
            self._faces = iter({name: array[[i]] for name, array in examples.items()} for i in range(count))

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            return next(self._faces, None)

    nodes = onnx.load(model).graph.node
    last = max(i for i, node in enumerate(nodes) if "Conv" in node.op_type)
    logging.disable(logging.WARNING)  # it recommends steps that the exporter has taken already
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
