"""The weights of an exported style, read back from its ONNX file: to train a style further without its run."""

from pathlib import Path

import numpy as np
import torch
from toonstream_engines.errors import InputError
from toonstream_engines.style import SHIPPED, Style, load_style
from torch import Tensor, nn

GENERATOR = "generator."
"""What `toonstream_engines.export` puts before the names of a generator's weights."""


def is_style(path: Path) -> bool:
    """A shipped style by its name, or any by its folder. A run's folder of that name is none."""
    named = (SHIPPED / path / "card.toml").is_file() or (path / "card.toml").is_file()
    return named and not (path / "checkpoint.pt").is_file()


def load_weights(style: Path, model: nn.Module) -> int:
    """Give `model`, what a recipe exports, the weights of the style's fp32 file. Returns the steps that it learned for.

    Raises InputError where the style is of another network, or the file is not the one that its card names.
    """
    opened = load_style(style)
    try:
        model.load_state_dict(weights_of(opened))
    except RuntimeError as error:
        raise InputError(
            f"{style}: it does not fit the network of these settings; name another style or run"
        ) from error
    return int(opened.card.get("steps", 0))


def weights_of(style: Style) -> dict[str, Tensor]:
    """The generator's weights by name, from the style's fp32 file. Raises InputError as `Model.read` does."""
    import onnx
    from onnx.numpy_helper import to_array

    graph = onnx.load_from_string(style.model.read()).graph
    return {
        initializer.name.removeprefix(GENERATOR): torch.from_numpy(np.array(to_array(initializer)))
        for initializer in graph.initializer
        if initializer.name.startswith(GENERATOR)
    }
