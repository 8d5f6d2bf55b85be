"""From a trained network to a style's folder: the ONNX files, the proof that they draw what torch drew, the card."""

import copy
import hashlib
import json
import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.backends import BACKENDS, is_there
from toonstream_engines.engine import Arrays
from toonstream_engines.errors import UserError
from toonstream_engines.graph import Port, match
from toonstream_engines.parity import Parity, load_parity, prove
from toonstream_engines.precision import in_precision
from toonstream_engines.probe import Candidate, Probe, candidates, probe_all
from toonstream_engines.quantise import INT8_BOUND, int8_pays, quantise
from toonstream_engines.style import INPUTS, OUTPUTS, Style, load_style

if TYPE_CHECKING:
    import onnx_ir as ir
    from torch import nn

OPSET = 20
SHAPE = "shape.onnx"
FILES = {"fp32": "model.onnx", "fp16": "model-fp16.onnx", "int8": "model-int8.onnx"}
PROVED_BY = ("onnxruntime", "openvino")
"""The CPU's backends: any machine can export."""
MAY_FAIL = ("int8", "bf16")
"""Precisions without which a style still runs: int8's file is not kept then, and bf16 is a processor's own arithmetic,
which has no file and which a viewer's machine tries for itself before it is used."""


def export_style(
    generator: "nn.Module",
    folder: Path,
    examples: Mapping[str, NDArray[Any]],
    card: Mapping[str, Any],
    calibration: Mapping[str, NDArray[Any]] | None = None,
) -> list[Probe]:
    """Write a style that `load_style` reads: its models, parity.npz, preview.png and, last, card.toml.

    generator: takes what `uint8_module` says, H and W multiples of 32. examples: its inputs by name, in the order of
    its forward, for a few real faces, one at least, as style.INPUTS describes them: `image` uint8 (N, S, S, 3) of the
    size that it was trained on, `chart` uint8 (N, S / 2, S / 2, C), `landmarks` float32 (N, K, 2). card: what the card
    says besides size, inputs, outputs and models. calibration: the same of other faces; with them int8 is tried, and
    kept where it pays. Returns how each model does with each backend here, closed. Raises UserError where one draws
    something else than torch does, in another precision than MAY_FAIL.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".export-") as name:
        part = Path(name)
        made = torch_outputs(generator, examples)
        np.savez_compressed(part / "parity.npz", **examples, **made)  # type: ignore[arg-type]
        _save_preview(part / "preview.png", examples["image"], made["toon"], card.get("sharpen", 0.0))
        traced = _traced(generator, examples, "fp64")  # once for both: nothing else takes as long
        for precision in ("fp32", "fp16"):
            save(in_precision(traced, precision), part / FILES[precision])
        if calibration is not None:
            quantise(part / FILES["fp32"], part / FILES["int8"], calibration)
        ports = {"inputs": _tables(described(INPUTS, examples)), "outputs": _tables(described(OUTPUTS, made))}
        card = {**card, "size": examples["image"].shape[1], **ports}
        tried = _prove(_write_card(part, card), generator)
        if not int8_pays(tried):
            (part / FILES["int8"]).unlink(missing_ok=True)
            (folder / FILES["int8"]).unlink(missing_ok=True)  # of an earlier export
            _write_card(part, card)
        for probe in tried:
            if probe.failure and not probe.absent and probe.candidate.precision not in MAY_FAIL:
                raise UserError(f"{probe.failure}; this network cannot be exported as it is".replace(name, str(folder)))
        for path in sorted(part.iterdir(), key=lambda path: path.name == "card.toml"):
            os.replace(path, folder / path.name)
    return tried


def write_onnx(
    generator: "nn.Module", path: Path, examples: Mapping[str, NDArray[Any]], precision: str = "fp32"
) -> None:
    """ONNX with the inputs and outputs of `uint8_module` by name; N is free, and so are H and W in multiples of 32.

    examples: as of `export_style`. precision: "fp32", "fp16" or "bf16", of the weights and all arithmetic.
    """
    save(_traced(generator, examples, precision), path)


def _traced(generator: "nn.Module", examples: Mapping[str, NDArray[Any]], precision: str) -> "ir.Model":
    import torch
    from torch.export import Dim

    module = uint8_module(folded(generator), precision)
    # A batch of one would be taken for a constant.
    inputs = tuple(torch.from_numpy(np.resize(array, (2, *array.shape[1:]))) for array in examples.values())
    h, w = Dim("h", min=2), Dim("w", min=2)
    sides = {"n": Dim("n"), "h": 32 * h, "w": 32 * w, "h/2": 16 * h, "w/2": 16 * w}
    shapes = [
        {axis: sides[dim] for axis, dim in enumerate(port.shape) if dim in sides}
        for port in described(INPUTS, examples)
    ]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, about its own calls
        warnings.filterwarnings("ignore", "# The axis name")  # of inputs that share n, h and w
        program = torch.onnx.export(
            module,
            inputs,
            dynamo=True,
            opset_version=22 if precision == "bf16" else OPSET,  # bf16 convolutions came with opset 22
            input_names=list(examples),
            output_names=list(module(*inputs)),
            dynamic_shapes=(tuple(shapes),),  # of *inputs
            verbose=False,
        )
    assert program is not None
    return program.model


def save(model: "ir.Model", path: Path) -> None:
    """Without what torch notes down of where each node comes from: half of a small file, and paths of this machine."""
    import onnx_ir as ir
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    ClearMetadataAndDocStringPass()(model)
    ir.save(model, path)


def export_shape(network: "nn.Module", folder: Path, points: int) -> dict[str, str]:
    """Write the network by which a style moves a face's contour into its folder. Returns the card's table [shape].

    network: contours (N, points, 2) float32, in shares of the crop's side, to where their points come to lie.
    """
    import torch
    from torch.export import Dim

    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's own, about its own calls
        program = torch.onnx.export(
            copy.deepcopy(network).float().cpu().eval(),
            (torch.rand(2, points, 2),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["contour"],
            output_names=["moved"],
            dynamic_shapes=({0: Dim("n")},),
            verbose=False,
        )
    assert program is not None
    save(program.model, folder / SHAPE)
    return {"network": SHAPE, "sha256": hashlib.sha256((folder / SHAPE).read_bytes()).hexdigest()}


def torch_outputs(generator: "nn.Module", inputs: Mapping[str, NDArray[Any]]) -> Arrays:
    """What torch makes of the inputs, one face at a time."""
    import torch

    module = uint8_module(generator)
    tensors = [torch.from_numpy(np.ascontiguousarray(array)) for array in inputs.values()]
    with torch.no_grad():
        made = [module(*(tensor[i : i + 1] for tensor in tensors)) for i in range(len(tensors[0]))]
    return {name: np.concatenate([one[name].numpy() for one in made]) for name in made[0]}


def described(known: Mapping[str, Port], arrays: Mapping[str, NDArray[Any]]) -> tuple[Port, ...]:
    """The ports of a style that takes, or gives, such arrays. known: INPUTS or OUTPUTS."""

    def shape(port: Port, array: NDArray[Any]) -> tuple[int | str, ...]:
        pairs = zip(port.shape, array.shape, strict=True)
        return tuple(size if dim in ("planes", "points") else dim for dim, size in pairs)

    return tuple(replace(known[name], shape=shape(known[name], array)) for name, array in arrays.items())


def _tables(ports: tuple[Port, ...]) -> dict[str, Any]:
    return {port.name: {"dtype": port.dtype, "shape": port.shape, "meaning": port.meaning} for port in ports}


def _prove(style: Style, generator: "nn.Module") -> list[Probe]:
    """CPUs compute no fp16: ONNX Runtime proves the fp16 file here, and the GPU that runs it proves its arithmetic."""
    ways = [way for name in PROVED_BY if is_there(BACKENDS[name]) for way in candidates(style, name)]
    ways += [Candidate("onnxruntime", model, "fp16") for model in style.models.values() if model.precision == "fp16"]
    tried = probe_all(style, ways)
    whole = load_parity(style).inputs
    sizes = match(style.model.inputs, whole)
    sizes |= {"n": 1, "h": sizes["h"] - 32}  # batch and sides are free; crops need not be square
    cut = {port.name: whole[port.name][tuple(map(slice, port.resolve(sizes)))] for port in style.model.inputs}
    cut_parity = Parity(cut, torch_outputs(generator, cut))
    for probe in tried:
        if probe.engine:
            try:
                prove(probe.engine, cut_parity)
            except UserError as error:
                probe.failure = str(error)
        probe.close()
    return tried


def _save_preview(path: Path, images: NDArray[np.uint8], toons: NDArray[np.uint8], gain: float) -> None:
    import cv2

    from toonstream_engines.sharpen import sharpened

    preview = np.vstack([np.hstack(list(images)), np.hstack([sharpened(toon, gain) for toon in toons])])
    png = cv2.imencode(".png", cv2.cvtColor(preview, cv2.COLOR_RGB2BGR))[1]
    path.write_bytes(png.tobytes())


def _write_card(folder: Path, card: Mapping[str, Any]) -> Style:
    models: dict[str, dict[str, Any]] = {}
    for precision, file in FILES.items():
        if (folder / file).exists():
            sha256 = hashlib.sha256((folder / file).read_bytes()).hexdigest()
            models[precision] = {"file": file, "sha256": sha256, "precision": precision}
            models[precision] |= {"bound": INT8_BOUND} if precision == "int8" else {}
    (folder / "card.toml").write_text(to_toml({**card, "models": models}), encoding="utf-8")
    return load_style(folder)


def folded(generator: "nn.Module") -> "nn.Module":
    """A copy for inference, each batch norm that follows a convolution folded into it."""
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    copied = copy.deepcopy(generator).float().cpu().eval()
    for sequence in [m for m in copied.modules() if isinstance(m, nn.Sequential)]:
        for i in range(len(sequence) - 1, 0, -1):
            before, norm = sequence[i - 1], sequence[i]
            if isinstance(norm, nn.BatchNorm2d) and isinstance(before, nn.Conv2d | nn.ConvTranspose2d):
                transposed = isinstance(before, nn.ConvTranspose2d)
                sequence[i - 1] = fuse_conv_bn_eval(before, norm, transposed)
                del sequence[i]
    return copied


def uint8_module(generator: "nn.Module", precision: str = "fp32") -> "nn.Module":
    """The generator as it is exported, on the CPU: scaling, layout, clamping and rounding become part of the graph.

    The generator's forward takes the inputs in their order: image and chart, uint8 (N, H, W, C), as (N, C, H, W) in
    [-1, 1]; landmarks in crop pixels, as they are. It returns (N, C, H, W) in [-1, 1], which becomes uint8 (N, H, W,
    C): the toon alone, or a dict of outputs by name. Of a matte, -1 is nothing and 1 is all. The module returns a dict
    in either case.
    """
    import torch
    from torch import Tensor, nn

    kind = {"fp64": torch.float64, "fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    last = torch.float32 if precision == "bf16" else kind  # bf16 cannot tell 254 from 255

    class Uint8(nn.Module):
        """Its ends are the casts: TensorRT takes uint8 nowhere else."""

        def __init__(self) -> None:
            super().__init__()
            self.generator = copy.deepcopy(generator).to(kind).cpu().eval()

        def forward(self, *inputs: Tensor) -> dict[str, Tensor]:
            made = self.generator(*map(scaled, inputs))
            return {name: pixels(x) for name, x in (made if isinstance(made, dict) else {"toon": made}).items()}

    def scaled(x: Tensor) -> Tensor:
        return x.to(kind) if x.is_floating_point() else x.to(kind).permute(0, 3, 1, 2) / 127.5 - 1

    def pixels(x: Tensor) -> Tensor:
        steps: Tensor = ((x.to(last).clamp(-1, 1) + 1) * 127.5).round()
        return steps.permute(0, 2, 3, 1).to(torch.uint8)

    return Uint8().requires_grad_(False).eval()


def to_toml(card: Mapping[str, Any]) -> str:
    """Plain values, lists, and tables within tables; what a card holds and no more."""
    plain = {key: value for key, value in card.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items()]

    def table(path: str, values: Mapping[str, Any]) -> None:
        lines.extend(["", f"[{path}]"] if any(not isinstance(v, Mapping) for v in values.values()) else [])
        lines.extend(f"{_key(k)} = {_value(v)}" for k, v in values.items() if not isinstance(v, Mapping))
        for k, v in values.items():
            if isinstance(v, Mapping):
                table(f"{path}.{_key(k)}", v)

    for key, value in card.items():
        if isinstance(value, Mapping):
            table(_key(key), value)
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML string
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(v) for v in value) + "]"
    return repr(value)
