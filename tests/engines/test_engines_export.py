"""Export: every file of a style draws what torch draws, and int8 stays only where it pays."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="export needs torch: pip install '.[train]'")
pytest.importorskip("onnxscript", reason="export needs onnxscript: pip install '.[train]'")

import torch
from toonstream_engines import BACKENDS, load_style, open_engine, trt
from toonstream_engines.backends import is_there
from toonstream_engines.errors import UserError
from toonstream_engines.export import PROVED_BY, export_style, torch_outputs, write_onnx
from toonstream_engines.model import Model
from toonstream_engines.parity import load_parity, steps_between
from toonstream_engines.probe import Candidate, Probe, examine, probe_all
from toonstream_engines.quantise import int8_pays
from toonstream_engines.sharpen import sharpened
from toonstream_engines.style import INPUTS, OUTPUTS, styles
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
    card = {"about": "Fade", "sharpen": 4.0, "architecture": {"name": "fade", "scale": 1.0}}
    tried = export_style(Fade(), tmp_path / "fade", {"image": faces(2)}, card, {"image": faces(4)})
    style = load_style(tmp_path / "fade")
    assert list(style.models) == ["fp32", "fp16", "int8"]
    assert (style.about, style.card["architecture"]) == ("Fade", {"name": "fade", "scale": 1.0})
    assert style.model.size == 96
    assert {path.name for path in style.folder.iterdir()} == {
        *("card.toml", "parity.npz", "preview.png", "model.onnx", "model-fp16.onnx", "model-int8.onnx")
    }
    for file in style.folder.glob("*.onnx"):
        assert str(Path(__file__).parent).encode() not in file.read_bytes()  # nobody's folders
    found = {probe.candidate.precision: probe.difference for probe in tried if probe.difference}
    assert found["fp32"].largest <= 1
    assert found["fp16"].most <= 3
    assert 0 < found["int8"].most <= 6
    assert all(probe.engine is None for probe in tried)
    parity = load_parity(style)
    assert np.abs(parity.outputs["toon"].astype(int) - parity.inputs["image"] * 0.9 - 0.1 * 127.5).max() <= 1
    preview = cv2.imread(str(style.folder / "preview.png"))[96:, :96, ::-1]
    assert np.array_equal(preview, sharpened(parity.outputs["toon"][0], 4.0))
    with open_engine(style, "onnxruntime", "int8") as engine:
        assert engine.run({"image": faces(3, 64)})["toon"].shape == (3, 64, 64, 3)

    monkeypatch.setattr("toonstream_engines.export.int8_pays", lambda tried: False)
    export_style(Fade(), tmp_path / "fade", {"image": faces(1)}, {}, {"image": faces(4)})
    assert list(load_style(tmp_path / "fade").models) == ["fp32", "fp16"]
    assert not (tmp_path / "fade/model-int8.onnx").exists()


class Conditional(torch.nn.Module):
    """The image, towards the chart's second plane, brighter with the landmarks' mean; the matte is that plane."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 3, 1)  # a network without weights has none to tell apart
        torch.nn.init.dirac_(self.conv.weight)
        torch.nn.init.zeros_(self.conv.bias)

    def forward(self, image: torch.Tensor, chart: torch.Tensor, landmarks: torch.Tensor) -> dict[str, torch.Tensor]:
        plane = torch.nn.functional.interpolate(chart[:, 1:2], scale_factor=2)
        brighter = landmarks.mean((1, 2))[:, None, None, None] / 1000
        return {"toon": self.conv(image) * 0.5 + plane * 0.4 + brighter, "matte": plane}


@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_named_inputs_and_outputs(tmp_path, count, monkeypatch):
    """`export_style` proves them itself, on every CPU backend; here numpy does. One face is enough."""
    monkeypatch.setattr("toonstream_engines.export.int8_pays", lambda tried: True)

    def example(count):
        chart = np.concatenate([faces(count), faces(count)[:, ::-1]], 3)[:, ::2, ::2]
        rng = np.random.default_rng(count)
        return {
            "image": faces(count),
            "chart": chart,
            "landmarks": rng.uniform(0, 96, (count, 5, 2)).astype(np.float32),
        }

    tried = export_style(Conditional(), tmp_path / "two", example(count), {}, example(3))
    style = load_style(tmp_path / "two")
    assert [str(port) for port in (*style.model.inputs, *style.model.outputs)] == [
        "image uint8 [n, h, w, 3]",
        "chart uint8 [n, h/2, w/2, 6]",
        "landmarks float32 [n, 5, 2]",
        "toon uint8 [n, h, w, 3]",
        "matte uint8 [n, h, w, 1]",
    ]
    assert {probe.candidate.precision for probe in tried if probe.difference} >= {"fp32", "fp16", "int8"}
    inputs = example(4)
    plane = inputs["chart"][..., 1:2].repeat(2, 1).repeat(2, 2).astype(int)
    middle = 127.5 * (0.1 + inputs["landmarks"].mean((1, 2))[:, None, None, None] / 1000)
    toon = (inputs["image"] * 0.5 + plane * 0.4 + middle).clip(0, 255)
    for backend in (name for name in PROVED_BY if is_there(BACKENDS[name])):
        with open_engine(style, backend, "fp32") as engine:
            made = engine.run(inputs)
            assert np.abs(made["toon"] - toon).max() <= 1
            assert np.array_equal(made["matte"], plane)


def test_bf16_is_for_tensorrt(tmp_path):
    pytest.importorskip("tensorrt_rtx", reason="pip install '.[tensorrt-rtx]'")
    path = tmp_path / "bf16.onnx"
    write_onnx(Fade(), path, {"image": faces(2)}, "bf16")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    model = Model(path, sha256, (INPUTS["image"],), (OUTPUTS["toon"],), "bf16")
    assert trt.build("tensorrt-rtx", model, examine(model), (8, 9))


def test_a_network_that_fp16_cannot_hold(tmp_path):
    with pytest.raises(UserError, match=r"fp16 is .* cannot be exported as it is"):
        export_style(Fade(1e6), tmp_path / "fade", {"image": faces(1)}, {})
    assert list((tmp_path / "fade").iterdir()) == []


def test_a_network_that_bf16_cannot_hold_runs_in_other_precisions(tmp_path, monkeypatch):
    def without_bf16(style, ways):
        return [*probe_all(style, ways), Probe(Candidate("openvino", style.model, "bf16"), failure="5 of 255")]

    monkeypatch.setattr("toonstream_engines.export.probe_all", without_bf16)
    tried = export_style(Fade(), tmp_path / "fade", {"image": faces(1)}, {})
    assert tried[-1].failure == "5 of 255"
    assert load_style(tmp_path / "fade").models.keys() == {"fp32", "fp16"}


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
    for model in style.models.values():
        assert b'File "' not in model.path.read_bytes()  # of whoever exported it
    parity = load_parity(style)
    again = torch_outputs(gpu_engines.network(style), {name: array[:1] for name, array in parity.inputs.items()})
    assert steps_between(again["toon"], parity.outputs["toon"][:1]).largest <= 1


def test_the_measurement_tells_what_was_not_run():
    style = load_style("cel")
    faces, truth = load_parity(style).inputs, load_parity(style).outputs["toon"]
    (row,) = gpu_engines.measure("TensorRT", 256, lambda: gpu_engines.absent("not installed"), faces, truth)
    assert row == {"way": "TensorRT", "size": 256, "not run": "not installed"}
