"""Tables of tensors that torch saved."""

from pathlib import Path
from typing import Any

import torch


def read(path: Path) -> dict[str, Any]:
    """The table that torch saved; loading runs no code from the file. Raises ValueError where it is none."""
    try:
        table = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # bytes that are no pickle raise anything, and torch advises to run what is in them
        raise ValueError("torch did not save it, or not all of it is there") from error
    if not isinstance(table, dict):
        raise ValueError("there are no names in it")
    return table
