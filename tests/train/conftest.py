"""What all tests of training share."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On a busy machine threads of tiny operations wait for each other more than they work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def drawing_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the drawing student, with the style that it exported in its folder `style`: exporting takes seconds."""
    from support.training import TINY_DRAWING, run, tiny_pack
    from toonstream_engines.export import export_style
    from toonstream_train.recipes.registry import trained

    folder = tmp_path_factory.mktemp("drawing")
    run(folder, TINY_DRAWING)
    made = trained(folder)
    card = {"name": "tiny", "steps": made.state["step"], **made.recipe.card()}
    export_style(made.model, folder / "style", made.recipe.examples(tiny_pack(1)), card)
    return folder
