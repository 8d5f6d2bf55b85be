"""Generators, and the names by which the cards of styles know them."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import nn

GENERATORS = {
    "painter": "painter:Painter",
    "small": "small:Small",
    "cartoongan": "cartoongan:Generator",
    "cp_gan": "cp_gan:Generator",
    "cyclegan": "cyclegan:Generator",
    "unit": "unit:Generator",
    "ugatit": "ugatit:Generator",
    "munit": "munit:Generator",
}
"""Name in a card's [architecture] -> class within this package, whose `architecture` is that table."""


def build(architecture: Mapping[str, Any]) -> nn.Module:
    """The generator of a card's table [architecture], its name and its class's arguments, with fresh weights."""
    module, name = GENERATORS[architecture["name"]].split(":")
    arguments = {key: value for key, value in architecture.items() if key != "name"}
    generator: nn.Module = getattr(import_module(f"{__name__}.{module}"), name)(**arguments)
    return generator
