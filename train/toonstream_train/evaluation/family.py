"""The generators that there are to choose from, by width, and what each costs whoever runs it."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from toonstream_engines.export import folded, write_onnx
from toonstream_engines.model import Model
from toonstream_engines.ort import OnnxRuntime
from toonstream_engines.style import INPUTS, OUTPUTS
from toonstream_engines.table import columns
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from toonstream_train.data.pack import SIZE
from toonstream_train.evaluation.speed import milliseconds
from toonstream_train.networks.generators.cartoongan import Generator
from toonstream_train.networks.generators.painter import Painter
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
    """Name -> generator with random weights: the live ones by width, and the paper's."""
    return {
        **{f"painter, {width}": Painter(width) for width in (16, 32)},
        **{f"small, {width}": Small(width) for width in (8, 12, 16, 24, 32)},
        "small, 16, tones": Small(16, tones=True),
        "paper, 64": Generator(64),
    }


def costs(
    generators: Mapping[str, nn.Module], side: int = SIZE, say: Callable[[str], None] = lambda line: None
) -> dict[str, Cost]:
    """What each costs for a crop of `side` pixels, a multiple of 32; the milliseconds are ONNX Runtime's, in turns.

    say: takes a line for each step.
    """
    engines, data, given = {}, {}, {}
    with TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "model.onnx"
        for name, generator in generators.items():
            say(f"exporting {name}")
            given[name] = examples(generator, side)
            write_onnx(generator, path, given[name])
            data[name] = path.read_bytes()
            ports = tuple(INPUTS[port] for port in given[name]), (OUTPUTS["toon"],)
            model = Model(path, hashlib.sha256(data[name]).hexdigest(), *ports)
            engines[name] = stack.enter_context(OnnxRuntime("onnxruntime", model, data[name], "fp32"))
        say("timing all, in turns")
        taken = milliseconds({name: (engine, one(given[name])) for name, engine in engines.items()})
    return {
        name: Cost(parameters(generator), macs(generator, side), len(data[name]), taken[name])
        for name, generator in generators.items()
    }


def examples(generator: nn.Module, side: int) -> dict[str, NDArray[np.uint8]]:
    """Noise for its inputs, two faces of it."""
    random = np.random.default_rng(0)
    inputs = {"image": random.integers(0, 256, (2, side, side, 3), np.uint8)}
    if planes := getattr(generator, "architecture", {}).get("planes"):
        inputs["chart"] = random.integers(0, 256, (2, side // 2, side // 2, planes), np.uint8)
    return inputs


def one(inputs: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.uint8]]:
    """The first face's."""
    return {name: array[:1] for name, array in inputs.items()}


def parameters(generator: nn.Module) -> int:
    """As exported."""
    return sum(p.numel() for p in folded(generator).parameters())


def macs(generator: nn.Module, side: int) -> int:
    """Of one face, in the convolutions alone."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        folded(generator)(
            *(torch.from_numpy(x).permute(0, 3, 1, 2).float() for x in one(examples(generator, side)).values())
        )
    return int(counter.get_total_flops()) // 2


def table(measured: Mapping[str, Cost]) -> str:
    """A line for each."""
    rows = [
        (name, f"{c.parameters / 1e6:.2f} M", f"{c.macs / 1e9:.2f}", f"{c.bytes / 1e6:.1f}", f"{c.milliseconds:.1f}")
        for name, c in measured.items()
    ]
    return "\n".join(columns([("generator, width", "parameters", "GMAC", "MB", "ms"), *rows]))
