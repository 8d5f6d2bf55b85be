"""The settings that come along."""

import tomllib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import pytest
from toonstream_train.core import settings
from toonstream_train.drawing import LOOKS
from toonstream_train.recipes.drawing_student import DrawingStudentSettings
from toonstream_train.recipes.registry import recipe

TRAIN = resources.files("toonstream_train")
PRESETS = [path for folder in (TRAIN / "configs").iterdir() for path in folder.iterdir()]


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: "-".join(Path(str(path)).parts[-2:]))
def test_a_preset_has_settings_of_its_recipe(path: Traversable) -> None:
    with resources.as_file(path) as file:
        kind = recipe(file.parent.name)
        assert settings.read(kind.defaults, file, []) != kind.defaults


@pytest.mark.parametrize("look", LOOKS)
def test_a_style_is_trained_in_its_drawings_own_shape(look: str) -> None:
    with resources.as_file(TRAIN / f"configs/drawing_student/{look}.toml") as path:
        assert settings.read(DrawingStudentSettings(), path, []).shape == LOOKS[look].shape


@pytest.mark.parametrize("look", LOOKS)
def test_a_card_says_what_a_style_was_trained_on(look: str) -> None:
    card = tomllib.loads((TRAIN / f"cards/{look}.toml").read_text(encoding="utf-8"))
    assert card["name"] == look
    assert card["about"]
    assert card["licence"] == "Apache-2.0"
    assert card["data"]["photos"]
