"""Recipes by name."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toonstream_engines.errors import InputError

if TYPE_CHECKING:  # names are listed without torch
    from torch import nn

    from toonstream_train.core.recipe import Recipe

RECIPES = {
    "cartoongan": "cartoongan:CartoonGAN",
    "cp_gan": "cp_gan:CPGAN",
    "cyclegan": "baselines.cyclegan:CycleGAN",
    "distancegan": "baselines.distancegan:DistanceGAN",
    "distill": "distill:Distill",
    "drawing_student": "drawing_student:DrawingStudent",
    "face2anime": "face2anime:Face2Anime",
    "landmark_cyclegan": "landmark_cyclegan:LandmarkCycleGAN",
    "munit": "baselines.munit:MUNIT",
    "pda": "pda.recipe:PDA",
    "quick": "quick:Quick",
    "ugatit": "baselines.ugatit:UGATIT",
    "unit": "baselines.unit:UNIT",
}
"""Name -> module within this package, and class."""


def recipe(name: str) -> "type[Recipe]":
    """The class of that name. Raises InputError where there is none."""
    if name not in RECIPES:
        raise InputError(f"{name}: no such recipe; there are {', '.join(RECIPES)}")
    module, kind = RECIPES[name].split(":")
    found: type[Recipe] = getattr(import_module(f"toonstream_train.recipes.{module}"), kind)
    return found


@dataclass(frozen=True)
class Trained:
    """What a run has made."""

    recipe: "Recipe"
    model: "nn.Module"
    """What it exports, with its averaged weights, for inference; it takes the inputs of `recipe.examples`."""
    state: dict[str, Any]
    """The run's checkpoint."""


def trained(run: Path) -> Trained:
    """run: the folder that fit wrote, or the checkpoint in it.

    Raises InputError where it is none, or of a version whose networks were others.
    """
    from toonstream_train.core import checkpoint, settings

    state = checkpoint.load(run / "checkpoint.pt" if run.is_dir() else run)
    kind = recipe(state["recipe"])
    made = kind(settings.merge(kind.defaults, state["settings"], str(run)))
    with checkpoint.fitting(run):
        for name, network in made.networks.items():
            network.load_state_dict((state["networks"] | state["averages"])[name])
    return Trained(made, made.exportable(made.networks).requires_grad_(False).eval(), state)
