"""Export: every file of a style draws what torch draws, and int8 stays only where it pays."""

import hashlib

import numpy as np
import pytest

pytest.importorskip("torch", reason="export needs torch: pip install '.[train]'")
pytest.importorskip("onnxscript", reason="export needs onnxscript: pip install '.[train]'")

import torch
from toonstream_engines import load_style, open_engine, trt
from toonstream_engines.errors import UserError
from toonstream_engines.export import export_style, torch_toons, write_onnx
from toonstream_engines.parity import load_parity, steps_between
from toonstream_engines.probe import Candidate, Probe, examine
from toonstream_engines.quantise import int8_pays
from toonstream_engines.style import Model, styles
from toonstream_train import gpu_engines


def faces(count: int, side: int = 96) -> np.ndarray:
    """Smooth pictures: noise has the range of no face."""
    from cv2 import GaussianBlur

    rng = np.random.default_rng(count)
    noise = [GaussianBlur(rng.uniform(-2000, 2255, (side, side, 3)), (0, 0), 8) for _ in range(count)]
    return np.stack(noise).clip(0, 255).astype(np.uint8)


class Fade(torch.nn.Module):
    """A little less contrast, by way of values as large as `scale`."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)
        torch.nn.init.dirac_(self.conv.weight)
        torch.nn.init.zeros_(self.conv.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x * self.scale) / self.scale * 0.9


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path / "cache"))


def test_every_precision_draws_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("toonstream_engines.export.int8_pays", lambda tried: True)
    tried = export_style(Fade(), tmp_path / "fade", faces(2), {"about": "Fade"}, faces(4))
    style = load_style(tmp_path / "fade")
    assert list(style.models) == ["fp32", "fp16", "int8"]
    assert style.about == "Fade"
    assert {path.name for path in style.folder.iterdir()} == {
        *("card.toml", "parity.npz", "preview.png", "model.onnx", "model-fp16.onnx", "model-int8.onnx")
    }
    found = {probe.candidate.precision: probe.difference for probe in tried if probe.difference}
    assert found["fp32"].largest <= 1
    assert found["fp16"].most <= 3
    assert 0 < found["int8"].most <= 6
    assert all(probe.engine is None for probe in tried)
    parity = load_parity(style)
    assert np.abs(parity.toons.astype(int) - parity.images * 0.9 - 0.1 * 127.5).max() <= 1
    with open_engine(style, "onnxruntime", "int8") as engine:
        assert engine.run(faces(3, 64)).shape == (3, 64, 64, 3)

    monkeypatch.setattr("toonstream_engines.export.int8_pays", lambda tried: False)
    export_style(Fade(), tmp_path / "fade", faces(1), {}, faces(4))
    assert list(load_style(tmp_path / "fade").models) == ["fp32", "fp16"]
    assert not (tmp_path / "fade/model-int8.onnx").exists()


def test_bf16_is_for_tensorrt(tmp_path):
    pytest.importorskip("tensorrt_rtx", reason="pip install '.[tensorrt-rtx]'")
    path = tmp_path / "bf16.onnx"
    write_onnx(Fade(), path, faces(2), "bf16")
    model = Model("bf16", path, hashlib.sha256(path.read_bytes()).hexdigest(), "bf16", 96, ("image",), None)
    assert trt.build("tensorrt-rtx", model, examine(model), (8, 9))


def test_a_network_that_fp16_cannot_hold(tmp_path):
    with pytest.raises(UserError, match=r"fp16 is .* cannot be exported as it is"):
        export_style(Fade(1e6), tmp_path / "fade", faces(1), {})
    assert list((tmp_path / "fade").iterdir()) == []


@pytest.mark.parametrize(
    ("int8", "failure", "kept"), [(0.9, "", True), (0.96, "", False), (0.5, "too far", False), (None, "", False)]
)
def test_int8_pays_where_it_is_faster_and_right(int8, failure, kept):
    fp32 = Probe(Candidate("onnxruntime", None, "fp32"), seconds=1.0)
    tried = [fp32] + ([Probe(Candidate("onnxruntime", None, "int8"), seconds=int8, failure=failure)] if int8 else [])
    assert int8_pays(tried) == kept


@pytest.mark.parametrize("style", styles(), ids=lambda style: style.name)
def test_the_network_of_a_shipped_style_comes_back_from_its_file(style):
    """As the measurement on a CUDA machine rebuilds it."""
    parity = load_parity(style)
    again = torch_toons(gpu_engines.network(style), parity.images[:1])
    assert steps_between(again, parity.toons[:1]).largest <= 1


def test_the_measurement_tells_what_was_not_run():
    style = load_style("cel")
    images, truth = load_parity(style).images, load_parity(style).toons
    (row,) = gpu_engines.measure("TensorRT", 256, lambda: gpu_engines.absent("not installed"), images, truth)
    assert row == {"way": "TensorRT", "size": 256, "not run": "not installed"}
