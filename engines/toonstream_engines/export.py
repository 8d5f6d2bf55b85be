"""From a trained network to a style's folder: the ONNX files, the proof that they draw what torch drew, the card."""

import copy
import hashlib
import json
import logging
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.backends import BACKENDS, is_there
from toonstream_engines.errors import UserError
from toonstream_engines.parity import Parity, load_parity, prove
from toonstream_engines.probe import Candidate, Probe, candidates, probe_all
from toonstream_engines.quantise import INT8_BOUND, int8_pays, quantise
from toonstream_engines.style import Style, load_style

if TYPE_CHECKING:
    from torch import nn

OPSET = 20
FILES = {"fp32": "model.onnx", "fp16": "model-fp16.onnx", "int8": "model-int8.onnx"}
PROVED_BY = ("onnxruntime", "openvino")
"""The processor's backends: any machine can export."""


def export_style(
    generator: "nn.Module",
    folder: Path,
    images: NDArray[np.uint8],
    card: Mapping[str, Any],
    calibration: NDArray[np.uint8] | None = None,
) -> list[Probe]:
    """Write a style that `load_style` reads: its models, parity.npz, preview.png and, last, card.toml.

    generator: float (N, 3, H, W) in [-1, 1] to the same, H and W multiples of 32. images: (N, S, S, 3) uint8 RGB, a few
    real crops of the size that it was made for. card: what the card says besides its models. calibration: other such
    crops; with them int8 is tried, and kept where it pays. Returns how each model does with each backend here, closed.
    Raises UserError where one draws something else than torch does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".export-") as name:
        part = Path(name)
        toons = torch_toons(generator, images)
        _save_pictures(part, images, toons)
        for precision in ("fp32", "fp16"):
            write_onnx(generator, part / FILES[precision], images[:2], precision)
        if calibration is not None:
            quantise(part / FILES["fp32"], part / FILES["int8"], calibration)
        tried = _prove(_write_card(part, card, images.shape[1]), generator)
        if not int8_pays(tried):
            (part / FILES["int8"]).unlink(missing_ok=True)
            (folder / FILES["int8"]).unlink(missing_ok=True)  # of an earlier export
            _write_card(part, card, images.shape[1])
        for probe in tried:
            if probe.failure and not probe.absent and probe.candidate.precision != "int8":
                raise UserError(f"{probe.failure}; this network cannot be exported as it is".replace(name, str(folder)))
        for path in sorted(part.iterdir(), key=lambda path: path.name == "card.toml"):
            os.replace(path, folder / path.name)
    return tried


def write_onnx(generator: "nn.Module", path: Path, images: NDArray[np.uint8], precision: str = "fp32") -> None:
    """ONNX whose input `image` and output `toon` are uint8 (N, H, W, 3) RGB; N free, H and W multiples of 32.

    precision: "fp32", "fp16" or "bf16", of its weights and all between.
    """
    import torch
    from torch.export import Dim

    example = torch.from_numpy(np.ascontiguousarray(images))
    shape = {0: Dim("n"), 1: 32 * Dim("h", min=2), 2: 32 * Dim("w", min=2)}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of how torch calls itself
        program = torch.onnx.export(
            uint8_module(folded(generator), precision),
            (example,),
            dynamo=True,
            opset_version=22 if precision == "bf16" else OPSET,  # convolutions of bf16 are no older
            input_names=["image"],
            output_names=["toon"],
            dynamic_shapes={"image": shape},
            verbose=False,
        )
    assert program is not None
    program.save(str(path))


def torch_toons(generator: "nn.Module", images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What torch makes of uint8 (N, H, W, 3), one at a time."""
    import torch

    module = uint8_module(generator)
    with torch.no_grad():
        toons = [module(torch.from_numpy(image[None].copy())).numpy() for image in images]
    out: NDArray[np.uint8] = np.concatenate(toons)
    return out


def _prove(style: Style, generator: "nn.Module") -> list[Probe]:
    """A processor computes no fp16: ONNX Runtime proves the file, and the GPU that runs it its arithmetic."""
    ways = [way for name in PROVED_BY if is_there(BACKENDS[name]) for way in candidates(style, name)]
    ways += [Candidate("onnxruntime", model, "fp16") for model in style.models.values() if model.precision == "fp16"]
    tried = probe_all(style, ways)
    cut = load_parity(style).images[:1, 64:, 32:]  # sizes are free, and need not be square
    cut_parity = Parity(cut, torch_toons(generator, cut), None)
    for probe in tried:
        if probe.engine:
            prove(probe.engine, cut_parity)
        probe.close()
    return tried


def _save_pictures(folder: Path, images: NDArray[np.uint8], toons: NDArray[np.uint8]) -> None:
    import cv2

    np.savez_compressed(folder / "parity.npz", image=images, toon=toons)
    preview = np.vstack([np.hstack(list(images)), np.hstack(list(toons))])
    png = cv2.imencode(".png", cv2.cvtColor(preview, cv2.COLOR_RGB2BGR))[1]
    (folder / "preview.png").write_bytes(png.tobytes())


def _write_card(folder: Path, card: Mapping[str, Any], size: int) -> Style:
    models = {}
    for precision, file in FILES.items():
        if (folder / file).exists():
            sha256 = hashlib.sha256((folder / file).read_bytes()).hexdigest()
            models[precision] = {"file": file, "sha256": sha256, "precision": precision, "size": size}
            models[precision] |= {"inputs": ["image"]} | ({"bound": INT8_BOUND} if precision == "int8" else {})
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
    """The generator as it is exported: uint8 (N, H, W, 3) RGB in and out, on the CPU."""
    import torch
    from torch import Tensor, nn

    kind = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    last = torch.float16 if precision == "fp16" else torch.float32  # bf16 cannot tell 254 from 255

    class Uint8(nn.Module):
        """(N, H, W, 3) uint8 in and out; scaling, layout, clamping and rounding become part of the graph.

        Its ends are the two casts: TensorRT takes uint8 nowhere else.
        """

        def __init__(self) -> None:
            super().__init__()
            self.generator = copy.deepcopy(generator).to(kind).cpu().eval()

        def forward(self, image: Tensor) -> Tensor:
            toon = self.generator(image.to(kind).permute(0, 3, 1, 2) / 127.5 - 1).to(last)
            steps: Tensor = ((toon.clamp(-1, 1) + 1) * 127.5).round()
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
