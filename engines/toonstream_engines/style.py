"""A style: a folder with a card, model files, and the pictures that prove them. Whoever made it, it is data.

The card, card.toml:

    about = "Flat shading and clean lines"      # what people read: this and whatever else is there
    size = 256                                  # side in pixels of the crops that it was trained on; below 256 it
                                                # draws no other
    sharpen = 4.0                               # gain of the unsharp mask of what is drawn, if any

    [inputs.image]                              # for each input: image, and chart or landmarks where it wants them
    dtype = "uint8"
    shape = ["n", "h", "w", 3]                  # n: any batch; h, w: any multiple of 32, or a number
    meaning = "the aligned face, RGB"

    [outputs.toon]                              # for each output: toon, and matte where it makes one; as inputs
    ...

    [shape]                                     # the proportions that a face is warped to before it is drawn, if any
    eyes = [1.3, 1.5]                           # as toonstream.faces.shape.Shape; or, instead, a network:
    network = "shape.onnx"                      # from the face's contour to where it comes to lie, and its
    sha256 = "..."

    [architecture]                              # of the network in training, which can rebuild it from this
    name = "small"
    width = 16

    [models.fp32]                               # for each file; the first is the fp32 one
    file = "model.onnx"                         # in the same folder
    sha256 = "..."
    precision = "fp32"                          # or fp16, bf16, int8
    bound = 6                                   # int8 only: steps of 255 that 99.9 % of its values keep within
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toonstream_engines.errors import InputError
from toonstream_engines.graph import Port
from toonstream_engines.model import MOST_SHARPEN, PRECISIONS, Model

SHIPPED = Path(__file__).parent / "styles"
DEFAULT = "film"
"""The shipped style that looks best on most people."""
MAX_CARD_BYTES = 1 << 20

INPUTS = {
    "image": Port("image", "uint8", ("n", "h", "w", 3), "the aligned face, RGB"),
    "chart": Port("chart", "uint8", ("n", "h/2", "w/2", "planes"), "what the face's landmarks draw, in planes"),
    "landmarks": Port("landmarks", "float32", ("n", "points", 2), "x and y of the face's landmarks, in crop pixels"),
}
OUTPUTS = {
    "toon": Port("toon", "uint8", ("n", "h", "w", 3), "the face as a cartoon, RGB"),
    "matte": Port("matte", "uint8", ("n", "h", "w", 1), "what of the crop is the person: 0 nothing, 255 all"),
}
"""What a style's network may take and give. A card says how many planes, and 5 or 478 points; it may fix h and w."""


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
        """The card for a person to read: lines of printable text, a table's entries indented below its name."""
        tables = {
            "inputs": {str(port): port.meaning for port in self.model.inputs},
            "outputs": {str(port): port.meaning for port in self.model.outputs},
            "models": {model.path.name: model.precision for model in self.models.values()},
        }
        card = {key: value for key, value in self.card.items() if key not in ("name", "about")} | tables
        lines = [f"{self.name}: {self.about}", *_lines(card, "  ")]
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
        size = _need(card, "size", int)
        if size % 32 or not 32 <= size <= 4096:
            raise ValueError("size has to be a multiple of 32 up to 4096: the side of a crop in pixels")
        ports = _ports(card, "inputs", INPUTS, "image"), _ports(card, "outputs", OUTPUTS, "toon")
        shape = _need(card, "shape", dict) if "shape" in card else {}
        if "network" in shape:
            _file(shape, "network", "[shape] ")
        check_words(card)
        sharpen = float(card.get("sharpen", 0))
        models = {
            name: replace(_model(folder, f"[models.{name}] ", table, *ports, size), shape=shape, sharpen=sharpen)
            for name, table in tables.items()
        }
        if next(iter(models.values())).precision != "fp32":
            raise ValueError("the first of its models has to be the fp32 one")
    except FileNotFoundError as error:
        raise InputError(f"{folder}: not a style, it has no card.toml") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # also what is no TOML, and no UTF-8
        raise InputError(f"{path}: {str(error).splitlines()[0]}") from error
    return Style(card.get("name", folder.resolve().name), folder, card.get("about", ""), card, models)


def check_words(card: Mapping[str, Any]) -> None:
    """Raises ValueError where what people write on a card has the wrong kind: name, about, steps and sharpen."""
    if not isinstance(card.get("about", ""), str) or not isinstance(card.get("name", ""), str):
        raise ValueError("name and about have to be text")
    if type(card.get("steps", 0)) is not int:
        raise ValueError("steps has to be a whole number")
    sharpen = _need(card, "sharpen", (int, float)) if "sharpen" in card else 0
    if not 0 <= sharpen <= MOST_SHARPEN:
        raise ValueError(f"sharpen has to be 0 to {MOST_SHARPEN:g}")


def _ports(card: Mapping[str, Any], kind: str, known: Mapping[str, Port], required: str) -> tuple[Port, ...]:
    """The tables [inputs.NAME] or [outputs.NAME]."""
    tables = card.get(kind)
    if not isinstance(tables, dict) or required not in tables:
        raise ValueError(f"needs a table [{kind}.{required}]")
    ports = []
    for name, table in tables.items():
        if name not in known:
            raise ValueError(f"[{kind}.{name}] is not known; there are {', '.join(known)}")
        shape = tuple(_need(table, "shape", list, f"[{kind}.{name}] "))
        meaning = _need(table, "meaning", str, f"[{kind}.{name}] ")
        fits = len(shape) == len(known[name].shape) and all(map(_fits, shape, known[name].shape))
        if not fits or table.get("dtype") != known[name].dtype:
            raise ValueError(f"[{kind}.{name}] has to be {known[name]}")
        ports.append(Port(name, known[name].dtype, shape, meaning))
    return tuple(ports)


def _fits(dim: object, known: int | str) -> bool:
    """Whether a card may say `dim` where INPUTS or OUTPUTS say `known`."""
    if known == "points":
        return dim in (5, 478)
    if known == "planes":
        return type(dim) is int and dim > 0
    fixed = type(dim) is int and dim > 0 and dim % 16 == 0
    return dim == known or (fixed and known in ("h", "w", "h/2", "w/2"))


def _model(
    folder: Path, where: str, table: object, inputs: tuple[Port, ...], outputs: tuple[Port, ...], size: int
) -> Model:
    file, sha256 = _file(table, "file", where)
    precision = _need(table, "precision", str, where)
    bound = _need(table, "bound", int, where) if precision == "int8" else None
    if precision not in PRECISIONS:
        raise ValueError(f"{where}precision has to be one of {', '.join(PRECISIONS)}, not {precision!r}")
    if bound is not None and not 1 <= bound <= 32:
        raise ValueError(f"{where}bound has to be 1 to 32 steps of 255")
    return Model(folder / file, sha256, inputs, outputs, precision, size, bound)


def _file(table: object, field: str, where: str) -> tuple[str, str]:
    """A file's name, which has to lie in the style's folder, and its sha256."""
    file, sha256 = _need(table, field, str, where), _need(table, "sha256", str, where).lower()
    if Path(file).name != file or "\\" in file or "\0" in file:
        raise ValueError(f"{where}{field} has to be a plain name in the style's own folder, not {file!r}")
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError(f"{where}sha256 has to be 64 hexadecimal digits")
    return file, sha256


def _need(table: object, field: str, kind: type | tuple[type, ...], where: str = "") -> Any:
    value = table.get(field) if isinstance(table, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{where}needs {field}")
    return value


def _lines(table: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{key}: {'; '.join(map(str, value)) if isinstance(value, list) else value}"
