"""A style of one small convolution, made in a moment: what tests run in the place of a trained one."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="tests of engines make models with onnx: pip install onnx")

from onnx import ModelProto, TensorProto, helper, numpy_helper, save

RNG = np.random.default_rng(5)
WEIGHTS = RNG.normal(0, 0.2, (3, 3, 3, 3)).astype(np.float32)


def tiny_model(
    channels: int = 3, landmarks: bool = False, image: int = TensorProto.UINT8, side: Any = None
) -> ModelProto:
    """image uint8 [n, h, w, 3] -> toon uint8 [n, h, w, channels]: a 3x3 convolution; landmarks add their mean."""
    height, width = (side, side) if side else ("h", "w")
    weights = np.concatenate([WEIGHTS, np.zeros((1, 3, 3, 3), np.float32)])[:channels]
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weights"], ["drawn"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["moved" if landmarks else "drawn", "zero", "white"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["round"]),
        helper.make_node("Transpose", ["round"], ["pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["pixels"], ["toon"], to=TensorProto.UINT8),
    ]
    inputs = [helper.make_tensor_value_info("image", image, ["n", height, width, 3])]
    if landmarks:
        nodes[3:3] = [
            helper.make_node("ReduceMean", ["landmarks", "axes"], ["mean"], keepdims=1),
            helper.make_node("Unsqueeze", ["mean", "last"], ["offset"]),
            helper.make_node("Add", ["drawn", "offset"], ["moved"]),
        ]
        inputs += [helper.make_tensor_value_info("landmarks", TensorProto.FLOAT, ["n", 5, 2])]
    tensors = {"weights": weights, "zero": np.float32(0), "white": np.float32(255)}
    if landmarks:
        tensors |= {"axes": np.array([1, 2]), "last": np.array([3])}
    graph = helper.make_graph(
        nodes,
        "tiny",
        inputs,
        [helper.make_tensor_value_info("toon", TensorProto.UINT8, ["n", height, width, channels])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()],
    )
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


def write_peer(path: Path, planes_first: bool, low: float, scale: float, side: int = 64) -> Path:
    """A float generator whose toon is its input, if that is low + (0 to 255) * scale, and else clipped."""
    dims = [1, 3, side, side] if planes_first else ["n", side, side, 3]
    ends = [helper.make_tensor(n, TensorProto.FLOAT, [], [v]) for n, v in (("a", low), ("b", low + 255 * scale))]
    graph = helper.make_graph(
        [helper.make_node("Clip", ["x", "a", "b"], ["y"])],
        "peer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, dims)],
        ends,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def truth(images: np.ndarray, landmarks: np.ndarray | None = None, channels: int = 3) -> np.ndarray:
    """What the model makes of uint8 (N, H, W, 3), by numpy."""
    _, height, width, _ = images.shape
    padded = np.pad(images.astype(np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)))
    toons = np.zeros(images.shape)
    for y in range(3):
        for x in range(3):
            toons += padded[:, y : y + height, x : x + width] @ WEIGHTS[:, :, y, x].T
    if channels == 4:
        toons = np.concatenate([toons, np.zeros((*images.shape[:3], 1))], axis=3)
    if landmarks is not None:
        toons += landmarks.mean((1, 2))[:, None, None, None]
    return toons.clip(0, 255).round().astype(np.uint8)


def crops(count: int = 2, height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, height, width, 3), np.uint8)


def points(count: int = 2) -> np.ndarray:
    return np.random.default_rng(count).uniform(0, 64, (count, 5, 2)).astype(np.float32)


def save_style(folder: Path, models: dict[str, ModelProto | bytes] | None = None, **fields: Any) -> Path:
    """Writes a whole style: by precision, its models. fields: of each model's table in the card."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ['about = "A tiny one"', 'recipe = "none"', "[data]", 'photos = "none, CC0"']
    for precision, model in (models or {"fp32": tiny_model()}).items():
        data = model if isinstance(model, bytes) else model.SerializeToString()
        (folder / f"{precision}.onnx").write_bytes(data)
        table = {"file": f"{precision}.onnx", "sha256": hashlib.sha256(data).hexdigest(), "precision": precision}
        table |= {"size": 64, "inputs": ["image"]} | ({"bound": 4} if precision == "int8" else {}) | fields
        lines += [f"[models.{precision}]", *(f"{key} = {value!r}" for key, value in table.items())]
    (folder / "card.toml").write_text("\n".join(lines))
    landmarks = points() if fields.get("inputs") == ["image", "landmarks"] else None
    arrays = {"image": crops(), "toon": truth(crops(), landmarks)} | (
        {} if landmarks is None else {"landmarks": landmarks}
    )
    np.savez(folder / "parity.npz", **arrays)
    return folder
