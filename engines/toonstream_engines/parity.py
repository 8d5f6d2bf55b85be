"""Proof that an engine draws what torch drew: the style's own crops, compared in steps of 8-bit values."""

import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toonstream_engines.engine import Engine
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.style import Style

MAX_BYTES = 256 << 20
FP32_LARGEST = 1
HALF_MOST = 3


@dataclass(frozen=True)
class Parity:
    """parity.npz: a few real crops and what torch, in fp32, made of them."""

    images: NDArray[np.uint8]
    """(N, H, W, 3): `image` in the file."""
    toons: NDArray[np.uint8]
    """(N, H, W, 3 or 4): `toon` in the file."""
    landmarks: NDArray[np.float32] | None
    """(N, 5, 2): `landmarks` in the file, where the style's models want them."""


@dataclass(frozen=True)
class Difference:
    """Between two sets of pictures, in steps of 255."""

    largest: int
    most: float
    """99.9 % of all values differ by no more."""


def load_parity(style: Style) -> Parity:
    """Raises InputError where the file is missing, damaged, or not what `Parity` says."""
    path = style.folder / "parity.npz"
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"larger than {MAX_BYTES >> 20} MiB")
        with np.load(path, allow_pickle=False) as arrays:
            images, toons = arrays["image"], arrays["toon"]
            landmarks = arrays["landmarks"] if "landmarks" in style.model.inputs else None
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; without it no engine can be proved; export the style again") from error
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, MemoryError) as error:
        raise InputError(f"{path}: {' '.join(str(error).split()) or 'damaged'}; export the style again") from error
    _check(path.as_posix(), images, np.uint8, (None, None, None, 3))
    _check(path.as_posix(), toons, np.uint8, (*images.shape[:3], None))
    if landmarks is not None:
        _check(path.as_posix(), landmarks, np.float32, (len(images), 5, 2))
    if not len(images) or not images.shape[1] or not images.shape[2] or images.shape[1] % 32 or images.shape[2] % 32:
        raise InputError(f"{path}: its crops are {images.shape}, not some with sides in multiples of 32")
    return Parity(images, toons, landmarks)


def difference(engine: Engine, parity: Parity) -> Difference:
    """How far the engine is from torch on the style's crops. Raises InputError where it cannot run them."""
    toons = engine.run(parity.images, parity.landmarks)
    if toons.shape != parity.toons.shape:
        raise InputError(f"{engine.model.path}: it gives {toons.shape}, but parity.npz holds {parity.toons.shape}")
    return steps_between(toons, parity.toons)


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


def _check(path: str, array: NDArray[Any], dtype: type, shape: tuple[int | None, ...]) -> None:
    fits = array.ndim == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape, strict=True))
    if array.dtype != dtype or not fits:
        raise InputError(f"{path}: holds {array.dtype} {array.shape} where {np.dtype(dtype)} {shape} belongs")
