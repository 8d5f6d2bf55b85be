"""Recipes, one file each in its paper's own order, and the registry that names them."""

from importlib import import_module

from engines.errors import InputError
from train.recipe import Recipe

RECIPES = {"cartoongan": "CartoonGAN"}
"""Name (the module's) -> class."""


def recipe(name: str) -> type[Recipe]:
    if name not in RECIPES:
        raise InputError(f"{name}: no such recipe; there are {', '.join(RECIPES)}")
    found: type[Recipe] = getattr(import_module(f"train.recipes.{name}"), RECIPES[name])
    return found
