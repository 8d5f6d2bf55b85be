"""CP-GAN: a global and a local discriminator, and content on a frozen network."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from support.exported import drawn_photo
from support.training import TINY_CP, run, tiny_pack, trainer
from toonstream_train.commands.fit import preset
from toonstream_train.core import settings
from toonstream_train.core.recipe import Settings
from toonstream_train.networks.blocks.patches import bands
from toonstream_train.networks.generators.cp_gan import Generator
from toonstream_train.recipes.cp_gan import CPGAN
from torch import Tensor, nn


def stepped(folder: Path, chosen: Settings) -> CPGAN:
    """After a step of training."""
    made = trainer(folder, chosen)
    made.train_step()
    assert isinstance(made.recipe, CPGAN)
    return made.recipe


class Constant(nn.Module):
    """Logits of one value, whatever it sees, which it keeps."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value, self.seen = nn.Parameter(torch.tensor(value)), list[Tensor]()

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return self.value.expand(len(x), 1, 2, 2) + 0 * x.mean()


@pytest.mark.slow  # torch's exporter takes a while
def test_from_training_to_a_drawn_photo(tmp_path: Path) -> None:
    run(tmp_path / "run", TINY_CP)
    photo, drawn = drawn_photo(tmp_path / "run", tiny_pack(2), tmp_path)
    assert photo.shape == drawn.shape
    changed = np.abs(photo.astype(int) - drawn).max(2) > 16
    assert 0.05 < changed.mean() < 0.9


@pytest.mark.parametrize("size", [64, 128])
def test_patches_are_three_equal_rows_padded_in_place(size: int) -> None:
    """At 128, with eyes in row 40 and mouth in row 88, they are rows 16 to 48, 48 to 80 and 80 to 112."""
    ones = torch.ones(2, 3, size, size)
    aligned = torch.tensor([[44.0, 40], [84, 40], [64, 66], [50, 88], [78, 88]]) * size / 128
    patches = bands(torch.cat([ones, 2 * ones[:1]])[1:], aligned.expand(2, 5, 2))
    assert patches.shape == (6, 3, size, size)
    for i, (top, bottom) in enumerate([(16, 48), (48, 80), (80, 112)] * 2):
        expected = torch.zeros(3, size, size)
        expected[:, top * size // 128 : bottom * size // 128] = 1 + i // 3
        assert torch.equal(patches[i], expected)


def test_patches_follow_the_face() -> None:
    lower = torch.tensor([[44.0, 60], [84, 56], [64, 72], [50, 81], [78, 83]])  # eyes in row 58, mouth 24 rows below
    patches = bands(torch.ones(1, 1, 128, 128), lower[None])
    rows = [torch.nonzero(patch[0, :, 0]).flatten().tolist() for patch in patches]
    assert [(one[0], one[-1] + 1) for one in rows] == [(46, 62), (62, 78), (78, 94)]


def test_gradients_come_through_the_patches_alone(tmp_path: Path) -> None:
    recipe = stepped(tmp_path, TINY_CP)
    recipe.forward()
    made = recipe.made.detach().requires_grad_(True)
    recipe.of_parts(recipe.local(made)).sum().backward()
    assert made.grad is not None
    rows = torch.nonzero(made.grad.abs().sum((1, 3))[0]).flatten().tolist()
    patches = bands(torch.ones(2, 1, 64, 64), recipe.source.points[5])[:3].sum(0)
    assert rows == torch.nonzero(patches[0, :, 0]).flatten().tolist()

    recipe.of_parts(recipe.local(recipe.made)).sum().backward()
    first = recipe.generator.body[0].weight.grad
    assert first is not None
    assert first.abs().max() > 0


def test_the_generator_steps_twice_the_local_players_first(tmp_path: Path) -> None:
    recipe = stepped(tmp_path, TINY_CP)
    updates: list[str] = []
    recipe.optimise(lambda name, loss: updates.append(name))
    assert updates == ["generator", "local discriminator", "generator", "discriminator"]


def test_losses_by_hand(tmp_path: Path) -> None:
    """L_g + 0.1 L_l + gamma / 2 mean (C(G(x)) - C(x))^2 + 0.01 |G(y) - y|, of chosen pictures, features and logits."""
    recipe = stepped(tmp_path, dataclasses.replace(TINY_CP, gamma=3.0))
    recipe.generator = nn.Threshold(1e9, 0.5)  # type: ignore[assignment]  # draws 0.5 everywhere
    recipe.features = nn.AvgPool2d(64)
    recipe.of_faces, recipe.of_parts = Constant(0.25), Constant(-1.0)  # type: ignore[assignment]
    recipe.source.pictures, recipe.target.pictures = torch.full((2, 3, 64, 64), -0.5), torch.zeros(2, 3, 64, 64)
    recipe.forward()
    recipe.optimise(lambda name, loss: None)
    assert {name: loss.item() for name, loss in recipe.losses.items()} == pytest.approx(
        {
            "local generator": 0.1 * 2.0**2,
            "local discriminator": 0.1 * (2.0**2 + 1.0**2) / 2,
            "content": 3.0 * 1.0 / 2,
            "identity": 0.01 * 0.5 * 127.5,
            "generator": 0.75**2,
            "discriminator": (0.75**2 + 0.25**2) / 2,
        }
    )
    assert [len(x) for x in recipe.of_parts.seen] == [6, 6, 6]  # three patches of two pictures


def test_the_papers_networks() -> None:
    paper = settings.read(CPGAN.defaults, preset("cp_gan", "paper"), [])
    assert (paper.local, paper.identity, paper.learning_rate, paper.batch) == (0.1, 0.01, 1e-4, 1)
    assert sum(p.numel() for p in Generator().parameters()) == pytest.approx(1.68e6, rel=0.01)
    assert settings.read(CPGAN.defaults, preset("cp_gan", "small"), []) != CPGAN.defaults
    assert CPGAN(paper).of_faces(torch.zeros(1, 3, 128, 128)).shape == (1, 1, 8, 8)
