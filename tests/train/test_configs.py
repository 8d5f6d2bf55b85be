"""The settings of the styles that ship."""

import tomllib
from importlib import resources

import pytest
from toonstream_train.core import settings
from toonstream_train.drawing import LOOKS
from toonstream_train.recipes.drawing_student import DrawingStudentSettings

TRAIN = resources.files("toonstream_train")


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
