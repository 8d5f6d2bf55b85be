"""Recipes by name."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toonstream_engines.errors import InputError

if TYPE_CHECKING:  # names are listed without torch
    from torch import nn

    from toonstream_train.core.recipe import Recipe

RECIPES = {
    "cartoongan": "cartoongan:CartoonGAN",
    "cartoongan_drawing": "cartoongan_drawing:CartoonGANDrawing",
    "cyclegan": "baselines.cyclegan:CycleGAN",
    "distill": "distill:Distill",
    "quick": "quick:Quick",
}
"""Name -> module within this package, and class."""


def recipe(name: str) -> "type[Recipe]":
    if name not in RECIPES:
        raise InputError(f"{name}: no such recipe; there are {', '.join(RECIPES)}")
    module, kind = RECIPES[name].split(":")
    found: type[Recipe] = getattr(import_module(f"toonstream_train.recipes.{module}"), kind)
    return found


def trained(run: Path) -> "tuple[nn.Module, dict[str, Any]]":
    """The model that a run exports, with its averaged weights, for inference; and the run's checkpoint.

    run: the folder that fit wrote, or the checkpoint in it.
    """
    from toonstream_train.core import checkpoint, settings

    state = checkpoint.load(run / "checkpoint.pt" if run.is_dir() else run)
    kind = recipe(state["recipe"])
    made = kind(settings.merge(kind.defaults, state["settings"], str(run)))
    for name, network in made.networks.items():
        network.load_state_dict((state["networks"] | state["averages"])[name])
    return made.exportable(made.networks).requires_grad_(False).eval(), state
