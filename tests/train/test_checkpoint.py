"""Files of checkpoints."""

from pathlib import Path

import pytest
import torch
from toonstream_engines.errors import InputError
from toonstream_train.core import checkpoint


def test_checkpoints_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save({"recipe": "another", "step": 1}, path)
    with pytest.raises(InputError, match="a checkpoint of another, not of cartoongan"):
        checkpoint.load(path, "cartoongan")
    path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="not a checkpoint"):
        checkpoint.load(path)
    torch.save({"recipe": Path("code")}, path)  # anything that unpickling would have to build is refused
    with pytest.raises(InputError, match="not a checkpoint"):
        checkpoint.load(path)
    with pytest.raises(InputError, match="no such checkpoint"):
        checkpoint.load(tmp_path / "none.pt")
