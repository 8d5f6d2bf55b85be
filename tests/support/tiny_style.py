"""A style of one small convolution, made in a moment: what tests run in the place of a trained one."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="tests of engines make models with onnx: pip install onnx")

from onnx import ModelProto, TensorProto, helper, numpy_helper, save
from toonstream_engines.style import INPUTS, OUTPUTS

RNG = np.random.default_rng(5)
PLANES, POINTS = 4, 5
WEIGHTS = RNG.normal(0, 0.2, (3, 3, 3, 3)).astype(np.float32)


def tiny_model(
    inputs: Sequence[str] = ("image",),
    outputs: Sequence[str] = ("toon",),
    image: int = TensorProto.UINT8,
    side: int | None = None,
) -> ModelProto:
    """A 3x3 convolution of the image. A chart adds its last plane, landmarks their mean; the matte is red."""
    height, width = (side, side) if side else ("h", "w")
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weights"], ["drawn"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Transpose", ["drawn"], ["pixels"], perm=[0, 2, 3, 1]),
    ]
    ports = [helper.make_tensor_value_info("image", image, ["n", height, width, 3])]
    tensors: dict[str, Any] = {"weights": WEIGHTS, "zero": np.float32(0), "white": np.float32(255)}
    last = "pixels"
    if "chart" in inputs:
        nodes += [
            helper.make_node("Cast", ["chart"], ["float chart"], to=TensorProto.FLOAT),
            helper.make_node("Slice", ["float chart", "from plane", "to plane", "last axis"], ["small plane"]),
            helper.make_node("Resize", ["small plane", "", "twice"], ["plane"], mode="nearest"),
            helper.make_node("Add", [last, "plane"], ["with chart"]),
        ]
        ports += [helper.make_tensor_value_info("chart", TensorProto.UINT8, ["n", "h/2", "w/2", PLANES])]
        tensors |= {"twice": np.array([1, 2, 2, 1], np.float32)}
        tensors |= {"from plane": np.array([PLANES - 1]), "to plane": np.array([PLANES]), "last axis": np.array([3])}
        last = "with chart"
    if "landmarks" in inputs:
        nodes += [
            helper.make_node("ReduceMean", ["landmarks", "axes"], ["mean"], keepdims=1),
            helper.make_node("Unsqueeze", ["mean", "end"], ["offset"]),
            helper.make_node("Add", [last, "offset"], ["with landmarks"]),
        ]
        ports += [helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, ["n", POINTS, 2])]
        tensors |= {"axes": np.array([1, 2]), "end": np.array([3])}
        last = "with landmarks"
    nodes += [
        helper.make_node("Clip", [last, "zero", "white"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["round"]),
        helper.make_node("Cast", ["round"], ["toon"], to=TensorProto.UINT8),
    ]
    made = [helper.make_tensor_value_info("toon", TensorProto.UINT8, ["n", height, width, 3])]
    if "matte" in outputs:
        nodes += [
            helper.make_node("Slice", ["round", "first", "second", "colours"], ["red"]),
            helper.make_node("Cast", ["red"], ["matte"], to=TensorProto.UINT8),
        ]
        made += [helper.make_tensor_value_info("matte", TensorProto.UINT8, ["n", height, width, 1])]
        tensors |= {"first": np.array([0]), "second": np.array([1]), "colours": np.array([3])}
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()]
    graph = helper.make_graph(nodes, "tiny", ports, made, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def quantised_model() -> ModelProto:
    """The same with int8 weights, dequantised in the graph: a few steps off, as int8 is."""
    model = tiny_model()
    scale = np.float32(np.abs(WEIGHTS).max() / 127)
    small = np.round(WEIGHTS / scale).astype(np.int8)
    graph = model.graph
    del graph.initializer[0]
    for name, value in (("small", small), ("scale", scale), ("point", np.int8(0))):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    graph.node.insert(0, helper.make_node("DequantizeLinear", ["small", "scale", "point"], ["weights"]))
    return model


def write_external(path: Path, planes_first: bool, low: float, scale: float, side: int = 64) -> Path:
    """A float generator whose toon is its input, if that is low + (0 to 255) * scale, and else clipped."""
    dims = [1, 3, side, side] if planes_first else ["n", side, side, 3]
    ends = [helper.make_tensor(n, TensorProto.FLOAT, [], [v]) for n, v in (("a", low), ("b", low + 255 * scale))]
    graph = helper.make_graph(
        [helper.make_node("Clip", ["x", "a", "b"], ["y"])],
        "external",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, dims)],
        ends,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def truth(images: np.ndarray, landmarks: np.ndarray | None = None, chart: np.ndarray | None = None) -> np.ndarray:
    """The toon that the model makes of uint8 (N, H, W, 3), by numpy."""
    _, height, width, _ = images.shape
    padded = np.pad(images.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    toons = np.zeros(images.shape)
    for y in range(3):
        for x in range(3):
            toons += padded[:, y : y + height, x : x + width] @ WEIGHTS[:, :, y, x].T
    if chart is not None:
        toons += chart[..., -1:].repeat(2, 1).repeat(2, 2)
    if landmarks is not None:
        toons += landmarks.mean((1, 2))[:, None, None, None]
    return toons.clip(0, 255).round().astype(np.uint8)


def truths(inputs: dict[str, np.ndarray], outputs: Sequence[str] = ("toon",)) -> dict[str, np.ndarray]:
    """All that the model makes of its inputs, by name."""
    toon = truth(inputs["image"], inputs.get("landmarks"), inputs.get("chart"))
    return {name: {"toon": toon, "matte": toon[..., :1]}[name] for name in outputs}


def crops(count: int = 2, height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, 3), np.uint8)


def examples(
    names: Sequence[str] = ("image",), count: int = 2, height: int = 64, width: int = 64
) -> dict[str, np.ndarray]:
    """Arrays for these inputs."""
    rng = np.random.default_rng(count)
    arrays = {
        "image": crops(count, height, width),
        "chart": rng.integers(0, 256, (count, height // 2, width // 2, PLANES), np.uint8),
        "landmarks": rng.uniform(0, 64, (count, POINTS, 2)).astype(np.float32),
    }
    return {name: arrays[name] for name in names}


def save_style(
    folder: Path,
    models: dict[str, ModelProto | bytes] | None = None,
    inputs: Sequence[str] = ("image",),
    outputs: Sequence[str] = ("toon",),
    size: int = 256,
    side: int | None = None,
) -> Path:
    """Writes a whole style: by precision, its models. side: of the crops, where the models take no other."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ['about = "A tiny one"', 'recipe = "none"', f"size = {size}", "[data]", 'photos = "none, CC0"']
    dims: dict[Any, Any] = {"planes": PLANES, "points": POINTS} | ({"h": side, "w": side} if side else {})
    for kind, known, names in (("inputs", INPUTS, inputs), ("outputs", OUTPUTS, outputs)):
        for port in (known[name] for name in names):
            shape = [dims.get(dim, dim) for dim in port.shape]
            table = {"dtype": port.dtype, "shape": shape, "meaning": "a test"}
            lines += [f"[{kind}.{port.name}]", *(f"{key} = {value!r}" for key, value in table.items())]
    for precision, model in (models or {"fp32": tiny_model(inputs, outputs, side=side)}).items():
        data = model if isinstance(model, bytes) else model.SerializeToString()
        (folder / f"{precision}.onnx").write_bytes(data)
        table = {"file": f"{precision}.onnx", "sha256": hashlib.sha256(data).hexdigest(), "precision": precision}
        table |= {"bound": 4} if precision == "int8" else {}
        lines += [f"[models.{precision}]", *(f"{key} = {value!r}" for key, value in table.items())]
    (folder / "card.toml").write_text("\n".join(lines))
    arrays = examples(inputs)
    np.savez(folder / "parity.npz", **arrays, **truths(arrays, outputs))
    return folder
