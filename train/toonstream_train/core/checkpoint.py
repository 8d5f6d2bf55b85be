"""Checkpoints: everything that a run needs to go on, in one file of tensors and plain values."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.part import whole

from toonstream_train.networks.saved import read


def save(state: dict[str, Any], path: Path) -> None:
    """Write beside the old one first, so that a full disk or a kill leaves the old one whole. Raises UserError."""
    try:
        with whole(path) as part, part.open("wb") as file:  # given a path, torch hides that the disk is full
            torch.save(state, file)
    except (OSError, RuntimeError) as error:
        cause = error.__context__ if isinstance(error.__context__, OSError) else error
        reason = getattr(cause, "strerror", None) or cause
        kept = "the one before is kept; " if path.is_file() else ""
        raise UserError(
            f"{path}: cannot be written ({reason}); {kept}free some space, the same command goes on"
        ) from error


def load(path: Path, recipe: str | None = None) -> dict[str, Any]:
    """What `save` wrote; loading runs no code from the file. recipe: the one that it has to be of, where that matters.

    Raises InputError where the file is missing, broken or of another recipe.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such checkpoint; `toonstream-train fit` writes one into its folder")
    try:
        state = read(path)
        found = state["recipe"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a checkpoint of toonstream-train ({error}); name another") from error
    if recipe is not None and found != recipe:
        raise InputError(f"{path}: a checkpoint of {found}, not of {recipe}; name another run")
    return state


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Raises InputError where the weights in `path` are not those of the networks that they are given to."""
    try:
        yield
    except (KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: it does not fit the networks of these settings; name another run") from error
