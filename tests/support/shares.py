"""A recipe whose gradients are known, and a process of a run of it: a spawned process imports no test."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import torch
from lightning_fabric import Fabric
from toonstream_engines.errors import UserError
from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.core.trainer import Trainer
from toonstream_train.data.pack import Pack
from toonstream_train.networks.blocks.norm import BatchNorm
from torch import nn
from torch.optim import SGD


class Shares(Recipe):
    """A network with batch norm on a fixed batch, of which every process gets its share."""

    name, averaged, defaults = "shares", (), Settings()
    packs: ClassVar[dict[str, str]] = {}

    def __init__(self, rank: int, world: int) -> None:
        super().__init__(Settings())
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3), BatchNorm(4), nn.ReLU(), nn.Conv2d(4, 1, 3))
        self.networks = {"net": self.net}
        self.optimisers = {"net": SGD(self.net.parameters(), 0.1)}
        self.batch = torch.randn(8, 3, 12, 12)[rank * 8 // world : (rank + 1) * 8 // world]

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("all", 3, ("net",), ()),)

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None: ...
    def take(self) -> None: ...
    def forward(self) -> None: ...

    def optimise(self, update: Update) -> None:
        update("net", self.net(self.batch).square().mean())

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["net"]


def share(rank: int, world: int, port: int, folder: Path) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)}
    torch.set_num_threads(1)
    fabric = Fabric(accelerator="cpu", devices=world)
    fabric.launch()
    recipe = Shares(fabric.global_rank, fabric.world_size)
    sharing = Trainer(recipe, folder, fabric)
    assert recipe.rank == rank
    for _ in range(3):
        recipe.optimise(sharing.update)
    sharing.save()
    torch.save([p.grad for p in recipe.net.parameters()], folder / f"{rank}-of-{world}.pt")
    try:
        sharing._check("loss", {"right": 1.0, "wrong": math.nan if rank else 1.0})
    except UserError as error:
        (folder / f"{rank}.txt").write_text(str(error))
    # Together: whose partner is gone already may be aborted as it exits.
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
