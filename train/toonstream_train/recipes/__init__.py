"""Recipes, one file each in its paper's own order, and the registry that names them."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toonstream_engines.errors import InputError

from toonstream_train.core import checkpoint, settings
from toonstream_train.core.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn

RECIPES = {
    "cartoongan": "CartoonGAN",
    "cyclegan": "CycleGAN",
    "distill": "Distill",
    "drawing_student": "DrawingStudent",
}
"""Name (the module's) -> class."""


def recipe(name: str) -> type[Recipe]:
    if name not in RECIPES:
        raise InputError(f"{name}: no such recipe; there are {', '.join(RECIPES)}")
    found: type[Recipe] = getattr(import_module(f"toonstream_train.recipes.{name}"), RECIPES[name])
    return found


def trained(run: Path) -> tuple["nn.Module", dict[str, Any]]:
    """The network that a run exports, with its averaged weights, for inference; and the run's checkpoint."""
    state = checkpoint.load(run / "checkpoint.pt" if run.is_dir() else run)
    kind = recipe(state["recipe"])
    network = kind(settings.merge(kind.defaults, state["settings"], str(run))).networks[kind.exported]
    network.load_state_dict(state["averages"][kind.exported])
    return network.requires_grad_(False).eval(), state
