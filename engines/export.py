"""From a trained network to a style's folder: the ONNX file, the proof that it draws what torch drew, the card."""

import copy
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engines.errors import UserError

if TYPE_CHECKING:
    from torch import nn

OPSET = 20


def export_style(
    generator: "nn.Module", folder: Path, images: NDArray[np.uint8], card: Mapping[str, Any], *, name: str = "fp32"
) -> None:
    """Write a style that `load_style` reads: model.onnx, parity.npz, preview.png and, last, card.toml.

    generator: float (N, 3, H, W) in [-1, 1] to the same, H and W multiples of 32. images: (N, S, S, 3) uint8 RGB, a few
    real crops of the size that it was made for. card: what the card says besides its models. Raises UserError where
    ONNX Runtime and torch differ by more than one step of 255.
    """
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "model.onnx.partial"
    toons = torch_toons(generator, images)
    try:
        write_onnx(generator, partial, images[:2])
        prove(partial, images, toons)
        part = images[:1, 64:, 32:]  # sizes are free, and need not be square
        prove(partial, part, torch_toons(generator, part))
        os.replace(partial, folder / "model.onnx")
    finally:
        partial.unlink(missing_ok=True)
    np.savez_compressed(folder / "parity.npz", image=images, toon=toons)
    preview = np.vstack([np.hstack(list(images)), np.hstack(list(toons))])
    cv2.imwrite(str(folder / "preview.png"), cv2.cvtColor(preview, cv2.COLOR_RGB2BGR))
    model = {
        "file": "model.onnx",
        "sha256": hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        "precision": "fp32",
        "size": images.shape[1],
        "inputs": ["image"],
    }
    (folder / "card.toml").write_text(to_toml({**card, "models": {name: model}}), encoding="utf-8")


def write_onnx(generator: "nn.Module", path: Path, images: NDArray[np.uint8]) -> None:
    """ONNX whose input `image` and output `toon` are uint8 (N, H, W, 3) RGB; N free, H and W multiples of 32."""
    import torch
    from torch.export import Dim

    example = torch.from_numpy(np.ascontiguousarray(images))
    shape = {0: Dim("n"), 1: 32 * Dim("h", min=2), 2: 32 * Dim("w", min=2)}
    program = torch.onnx.export(
        _uint8(folded(generator)),
        (example,),
        dynamo=True,
        opset_version=OPSET,
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

    module = _uint8(generator)
    with torch.no_grad():
        toons = [module(torch.from_numpy(image[None].copy())).numpy() for image in images]
    out: NDArray[np.uint8] = np.concatenate(toons)
    return out


def prove(path: Path, images: NDArray[np.uint8], toons: NDArray[np.uint8]) -> None:
    """Raises UserError unless ONNX Runtime makes the same within one step."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    made = session.run(["toon"], {"image": images})[0]
    worst = int(np.abs(made.astype(int) - toons).max())
    if worst > 1:
        raise UserError(f"{path}: ONNX Runtime is {worst} of 255 from torch; this network cannot be exported as it is")


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


def _uint8(generator: "nn.Module") -> "nn.Module":
    import torch
    from torch import Tensor, nn

    class Uint8(nn.Module):
        """(N, H, W, 3) uint8 in and out; scaling, layout, clamping and rounding become part of the graph."""

        def __init__(self) -> None:
            super().__init__()
            self.generator = copy.deepcopy(generator).float().cpu().eval()

        def forward(self, image: Tensor) -> Tensor:
            toon = self.generator(image.permute(0, 3, 1, 2).float() / 127.5 - 1)
            steps: Tensor = ((toon.clamp(-1, 1) + 1) * 127.5).round()
            return steps.to(torch.uint8).permute(0, 2, 3, 1)

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
