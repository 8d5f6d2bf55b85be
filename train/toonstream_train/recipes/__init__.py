"""Recipes, one file each in its paper's own order, and the registry that names them."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Trained:
    """What a run has made."""

    recipe: Recipe
    generator: "nn.Module"
    """The network that it exports, with its averaged weights, for inference."""
    state: dict[str, Any]
    """The run's checkpoint."""


def trained(run: Path) -> Trained:
    """run: the folder that fit wrote, or its checkpoint."""
    state = checkpoint.load(run / "checkpoint.pt" if run.is_dir() else run)
    kind = recipe(state["recipe"])
    made = kind(settings.merge(kind.defaults, state["settings"], str(run)))
    generator = made.networks[kind.exported]
    generator.load_state_dict(state["averages"][kind.exported])
    return Trained(made, generator.requires_grad_(False).eval(), state)
