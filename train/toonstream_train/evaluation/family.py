"""The generators that there are to choose from, by width, and what each costs whoever runs it."""

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from toonstream_engines.export import folded, write_onnx
from toonstream_engines.ort import OnnxRuntime
from toonstream_engines.style import Model
from toonstream_engines.table import columns
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from toonstream_train.data.pack import SIZE
from toonstream_train.evaluation.speed import milliseconds
from toonstream_train.networks.generators.cartoongan import Generator
from toonstream_train.networks.generators.small import Small


@dataclass(frozen=True)
class Cost:
    """Of one face and of the model as it is exported: fp32, batch norm folded into the convolutions."""

    parameters: int
    macs: int
    """Products that its convolutions sum up."""
    bytes: int
    milliseconds: float


def family() -> dict[str, nn.Module]:
    """Name -> generator with random weights: what the live one costs by width, its variants as styles have them, and
    the paper's."""
    return {
        **{f"small, {width}": Small(width) for width in (8, 12, 16, 24, 32)},
        "small, 16, tones": Small(16, tones=True),
        "small, 16, warp field": Small(16, warp_field=True),
        "small, 16, warp field, face prior": Small(16, warp_field=True, face_prior=True),
        "paper, 64": Generator(64),
    }


def costs(generators: Mapping[str, nn.Module], side: int = SIZE) -> dict[str, Cost]:
    """What each costs for a crop of `side` pixels, a multiple of 32; the milliseconds are ONNX Runtime's, in turns."""
    image = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    engines, data = {}, {}
    with TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "model.onnx"
        for name, generator in generators.items():
            write_onnx(generator, path, image)
            data[name] = path.read_bytes()
            model = Model(name, path, hashlib.sha256(data[name]).hexdigest(), "fp32", side, ("image",), None)
            engines[name] = stack.enter_context(OnnxRuntime("onnxruntime", model, data[name], "fp32"))
        taken = milliseconds(engines, image[:1], np.zeros((1, 5, 2), np.float32))
    return {
        name: Cost(parameters(generator), macs(generator, side), len(data[name]), taken[name])
        for name, generator in generators.items()
    }


def parameters(generator: nn.Module) -> int:
    """As exported."""
    return sum(p.numel() for p in folded(generator).parameters())


def macs(generator: nn.Module, side: int) -> int:
    """Of one face, in the convolutions alone."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        folded(generator)(torch.zeros(1, 3, side, side))
    return int(counter.get_total_flops()) // 2


def table(told: Mapping[str, Cost]) -> str:
    """A line for each."""
    rows = [
        (name, f"{c.parameters / 1e6:.2f} M", f"{c.macs / 1e9:.2f}", f"{c.bytes / 1e6:.1f}", f"{c.milliseconds:.1f}")
        for name, c in told.items()
    ]
    return "\n".join(columns([("generator, width", "parameters", "GMAC", "MB", "ms"), *rows]))
