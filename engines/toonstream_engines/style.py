"""A style: a folder with a card, model files, and the pictures that prove them. Whoever made it, it is data.

The card, card.toml, is for people but for its models; the first of them is the fp32 one:

    about = "Flat shading and clean lines"
    recipe = "cartoongan"

    [models.fp32]                # any name; one such table for each file
    file = "model.onnx"          # in the same folder
    sha256 = "..."
    precision = "fp32"           # or fp16, bf16, int8
    size = 256                   # the side of the crops that it was made for, in pixels
    inputs = ["image"]           # or ["image", "landmarks"]
    bound = 6                    # of int8 alone: steps of 255 that 99.9 % of its values keep within
"""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toonstream_engines.errors import InputError

SHIPPED = Path(__file__).parent / "styles"
MAX_CARD_BYTES = 1 << 20
MAX_MODEL_BYTES = 512 << 20
PRECISIONS = ("fp32", "fp16", "bf16", "int8")
INPUTS = (("image",), ("image", "landmarks"))


@dataclass(frozen=True)
class Model:
    """One model file of a style: the table [models.NAME] of its card."""

    name: str
    path: Path
    sha256: str
    precision: str
    """Of the weights and sums in the file: one of PRECISIONS."""
    size: int
    """The side in pixels of the square crops that it was made for, a multiple of 32."""
    inputs: tuple[str, ...]
    """("image",), or ("image", "landmarks") where the network also wants the five points of each face."""
    bound: int | None
    """For int8, how far it may be from what torch made: 8-bit steps at the 99.9th percentile."""

    def read(self) -> bytes:
        """The file, whole, and only if it is the one that the card names. Raises InputError."""
        try:
            if self.path.stat().st_size > MAX_MODEL_BYTES:
                raise InputError(f"{self.path}: larger than {MAX_MODEL_BYTES >> 20} MiB, which no style needs")
            data = self.path.read_bytes()
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror}; fetch the style again") from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise InputError(f"{self.path}: not the file that card.toml names (sha256 differs); fetch the style again")
        return data


@dataclass(frozen=True)
class Style:
    """What card.toml says. Model files are read, and checked, when an engine opens them."""

    name: str
    folder: Path
    about: str
    card: Mapping[str, Any]
    """The whole card as tomllib reads it."""
    models: Mapping[str, Model]
    """By name, in the card's order; the first is the fp32 model that the others are made from."""

    @property
    def model(self) -> Model:
        return next(iter(self.models.values()))

    def describe(self) -> str:
        """The card for a person to read: a few lines of printable text."""
        lines = [f"{self.name}: {self.about}"]
        for key, value in self.card.items():
            if key in ("name", "about", "models"):
                continue
            lines += [f"  {key}: {_tell(value)}"]
        for model in self.models.values():
            lines += [f"  {model.path.name}: {model.precision}, made for {model.size}x{model.size}"]
        return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)


def styles() -> list[Style]:
    """The styles that ship, by name."""
    return [_read(card.parent) for card in sorted(SHIPPED.glob("*/card.toml"))]


def load_style(style: str | Path) -> Style:
    """A shipped style by name, or any by its folder. Raises InputError, which names the file and what is wrong.

    A shipped name wins over a folder of that name in the working directory: write ./NAME for the folder.
    """
    shipped = sorted(card.parent.name for card in SHIPPED.glob("*/card.toml"))
    if str(style) in shipped:
        return _read(SHIPPED / style)
    folder = Path(style)
    if not os.path.isdir(folder) or not str(style):  # of a name that no file can have, Path.is_dir raises
        known = ", ".join(shipped) or "none"
        raise InputError(f"{style}: no such style; shipped: {known}; or give a folder with a card.toml")
    return _read(folder)


def _read(folder: Path) -> Style:
    path = folder / "card.toml"
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CARD_BYTES + 1)
        if len(text) > MAX_CARD_BYTES:
            raise ValueError(f"larger than {MAX_CARD_BYTES >> 20} MiB")
        card = tomllib.loads(text.decode())
        tables = card.get("models")
        if not isinstance(tables, dict) or not tables:
            raise ValueError("names no model; it needs a table [models.NAME]")
        models = {name: _model(folder, name, table) for name, table in tables.items()}
        if next(iter(models.values())).precision != "fp32":
            raise ValueError("the first of its models has to be the fp32 one")
        about = card.get("about", "")
        name = card.get("name", folder.resolve().name)
        if not isinstance(about, str) or not isinstance(name, str):
            raise ValueError("name and about have to be text")
    except FileNotFoundError as error:
        raise InputError(f"{folder}: not a style, it has no card.toml") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # also what is no TOML, and no UTF-8
        raise InputError(f"{path}: {str(error).splitlines()[0]}") from error
    return Style(name, folder, about, card, models)


def _model(folder: Path, name: str, table: object) -> Model:
    def need(field: str, kind: type) -> Any:
        value = table.get(field) if isinstance(table, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"[models.{name}] needs {field}")
        return value

    file, sha256, precision = need("file", str), need("sha256", str).lower(), need("precision", str)
    size, inputs = need("size", int), tuple(need("inputs", list))
    bound = need("bound", int) if precision == "int8" else None
    if Path(file).name != file or "\\" in file or "\0" in file:
        raise ValueError(f"[models.{name}] file has to be a plain name in the style's own folder, not {file!r}")
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError(f"[models.{name}] sha256 has to be 64 hexadecimal digits")
    if precision not in PRECISIONS:
        raise ValueError(f"[models.{name}] precision has to be one of {', '.join(PRECISIONS)}, not {precision!r}")
    if size % 32 or not 32 <= size <= 4096:
        raise ValueError(f"[models.{name}] size has to be a multiple of 32 up to 4096: the side of a crop in pixels")
    if inputs not in INPUTS:
        raise ValueError(f'[models.{name}] inputs has to be ["image"] or ["image", "landmarks"]')
    if bound is not None and not 1 <= bound <= 32:
        raise ValueError(f"[models.{name}] bound has to be 1 to 32 steps of 255")
    return Model(name, folder / file, sha256, precision, size, inputs, bound)


def _tell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_tell(part)}" for key, part in value.items())
    if isinstance(value, list):
        return "; ".join(map(_tell, value))
    return str(value)
