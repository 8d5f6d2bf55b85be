"""What all tests of training share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from toonstream_train.core.recipe import Settings


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On a busy machine threads of tiny operations wait for each other more than they work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[["Settings"], Path]:
    """tiny_run(settings): the folder of a whole run, the same for all tests: they copy what they change.

    Its checkpoint of step 4 of 6 is there, too: `step-4.pt`.
    """
    from support.training import run_saved_at_four

    folders: dict[str, Path] = {}

    def made(chosen: "Settings") -> Path:
        if repr(chosen) not in folders:
            folders[repr(chosen)] = tmp_path_factory.mktemp("run")
            run_saved_at_four(folders[repr(chosen)], chosen)
        return folders[repr(chosen)]

    return made
