"""Files of checkpoints."""

import dataclasses
from pathlib import Path

import pytest
import torch
from support.training import TINY_CYCLE, disk_for
from toonstream_engines.errors import InputError, UserError
from toonstream_train.core import checkpoint
from toonstream_train.recipes.baselines.cyclegan import CycleGAN
from toonstream_train.recipes.registry import trained


def test_checkpoints_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save({"recipe": "another", "step": 1}, path)
    with pytest.raises(InputError, match="a checkpoint of another, not of cartoongan"):
        checkpoint.load(path, "cartoongan")
    for data in (b"damaged", b"", b"a text\n"):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"not a checkpoint of toonstream-train \(torch did not save it"):
            checkpoint.load(path)
    torch.save(torch.zeros(3), path)
    with pytest.raises(InputError, match=r"not a checkpoint of toonstream-train \(there are no names in it"):
        checkpoint.load(path)
    torch.save({"recipe": Path("code")}, path)  # anything that unpickling would have to build is refused
    with pytest.raises(InputError, match="not a checkpoint"):
        checkpoint.load(path)
    with pytest.raises(InputError, match="no such checkpoint"):
        checkpoint.load(tmp_path / "none.pt")


def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    with (
        disk_for(100),
        pytest.raises(UserError, match=r"cannot be written \(File too large\); free some"),
    ):
        checkpoint.save({"step": torch.zeros(1000)}, path)
    assert not list(tmp_path.iterdir())
    checkpoint.save({"recipe": "cyclegan", "step": 1}, path)
    with disk_for(100), pytest.raises(UserError, match="the one before is kept; free some space"):
        checkpoint.save({"recipe": "cyclegan", "step": torch.zeros(1000)}, path)
    assert checkpoint.load(path)["step"] == 1


def test_a_run_of_another_version(tmp_path: Path) -> None:
    """Its networks have other names, or layers of other sizes."""
    chosen = dataclasses.asdict(TINY_CYCLE)
    weights = {name: network.state_dict() for name, network in CycleGAN(TINY_CYCLE).networks.items()}
    fewer = {"generator": {}}
    for networks in ({}, weights | fewer):
        state = {"recipe": "cyclegan", "settings": chosen, "networks": networks, "averages": {}}
        checkpoint.save(state, tmp_path / "checkpoint.pt")
        with pytest.raises(InputError, match="it does not fit the networks of these settings"):
            trained(tmp_path)
