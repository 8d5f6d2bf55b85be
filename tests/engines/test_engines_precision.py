"""A graph that was traced once, in the precision of each file."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="export needs torch: pip install '.[train]'")
pytest.importorskip("onnxscript", reason="export needs onnxscript: pip install '.[train]'")

import onnx
import onnx_ir as ir
import torch
from onnx.reference import ReferenceEvaluator
from toonstream_engines.precision import in_precision


class Normalised(torch.nn.Module):
    """Squares that halves cannot hold, taken in float32 on purpose; a sum and a range in whatever it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([30.0, 3000.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x.to(self.scale.dtype) * self.scale
        wide = y.float()
        places = torch.arange(x.shape[0], dtype=y.dtype)[:, None]
        return (wide / wide.square().mean().sqrt()).to(y.dtype) + y.sum(0, keepdim=True) * 1e-4 + places


@pytest.fixture(scope="module")
def traced() -> ir.Model:
    program = torch.onnx.export(
        Normalised().double().eval(),
        (torch.zeros(3, 2),),
        dynamo=True,
        dynamic_shapes={"x": {0: torch.export.Dim("n")}},
        opset_version=20,
        verbose=False,
    )
    assert program is not None
    assert "Range" in {node.op_type for node in program.model.graph}
    return program.model


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("fp16", torch.float16)])
def test_it_computes_what_torch_does_in_that_precision(
    traced: ir.Model, precision: str, kind: torch.dtype, tmp_path: Path
) -> None:
    ir.save(in_precision(traced, precision), tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    x = np.array([[1, 1], [0.5, -1], [0, 2]], np.float32)
    (made,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: x})
    with torch.no_grad():
        expected = Normalised().to(kind)(torch.from_numpy(x)).numpy()
    assert made.dtype == expected.dtype
    np.testing.assert_allclose(made, expected, rtol=8 * torch.finfo(kind).eps)


def test_halves_are_summed_in_float32_and_float32_needs_no_casts(traced: ir.Model) -> None:
    whole, half = (in_precision(traced, precision).graph for precision in ("fp32", "fp16"))
    (total,) = (node for node in half if node.op_type == "ReduceSum")
    assert total.inputs[0].dtype == ir.DataType.FLOAT
    assert {node.inputs[0].dtype for node in half if node.op_type == "Mul"} == {ir.DataType.FLOAT16}
    casts = [node.inputs[0].dtype for node in whole if node.op_type == "Cast"]
    assert casts == [ir.DataType.INT64]  # of the size, for the range
