"""Proof that an engine draws what torch drew: the style's own crops, compared in steps of 8-bit values."""

import zipfile
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.engine import Arrays, Engine
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.graph import match
from toonstream_engines.style import Style

MAX_BYTES = 256 << 20
FP32_LARGEST = 1
HALF_MOST = 3


@dataclass(frozen=True)
class Parity:
    """parity.npz: what torch, in fp32, made of a few real crops. The file's arrays have the names of the style's inputs
    and outputs, with their dtypes and shapes."""

    inputs: Arrays
    outputs: Arrays


@dataclass(frozen=True)
class Difference:
    """Between two sets of pictures, in steps of 255."""

    largest: int
    most: float
    """99.9 % of all values differ by no more."""


def load_parity(style: Style) -> Parity:
    """Raises InputError where the file is missing, damaged, or not what `Parity` says."""
    path, model = style.folder / "parity.npz", style.model
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"larger than {MAX_BYTES >> 20} MiB")
        with np.load(path, allow_pickle=False) as arrays:
            inputs = {port.name: arrays[port.name] for port in model.inputs}
            outputs = {port.name: arrays[port.name] for port in model.outputs}
        match((*model.inputs, *model.outputs), inputs | outputs)
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; engines are verified with it; export the style again") from error
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, MemoryError) as error:
        raise InputError(f"{path}: {' '.join(str(error).split()) or 'damaged'}; export the style again") from error
    return Parity(inputs, outputs)


def difference(engine: Engine, parity: Parity) -> Difference:
    """How far the engine is from torch on the style's crops, in its worst output. Raises InputError where it fails."""
    made = engine.run(parity.inputs)
    found = [steps_between(made[name], expected) for name, expected in parity.outputs.items()]
    return Difference(max(one.largest for one in found), max(one.most for one in found))


def steps_between(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Difference:
    """Between two sets of pictures of one shape."""
    steps = np.maximum(a, b) - np.minimum(a, b)
    below = np.cumsum(np.bincount(steps.ravel(), minlength=256)) / steps.size
    return Difference(int(steps.max()), int(np.searchsorted(below, 0.999)))


def bound(engine: Engine) -> int:
    """How many steps it may be off: its largest difference in fp32; in other precisions 99.9 % of its values."""
    if engine.precision == "fp32":
        return FP32_LARGEST
    return engine.model.bound if engine.precision == "int8" and engine.model.bound else HALF_MOST


def check(engine: Engine, found: Difference) -> None:
    """Raises UserError unless the difference is within the engine's bound."""
    fp32 = engine.precision == "fp32"
    value, what = (found.largest, "at most") if fp32 else (int(found.most), "99.9 % within")
    if value > bound(engine):
        away = f"{value} of 255 from what torch made, not {what} {bound(engine)}"
        raise UserError(f"{engine.model.path}: {engine.description} is {away}")


def prove(engine: Engine, parity: Parity) -> Difference:
    """Raises UserError unless the engine keeps the bound of its precision.

    fp32: no value off by more than 1; fp16 and bf16: 99.9 % of values within 3; int8: within the card's own bound.
    """
    found = difference(engine, parity)
    check(engine, found)
    return found
