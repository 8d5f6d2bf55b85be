"""Face2Anime: one embedding of two encoders, and losses that can each be switched."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from support.exported import drawn_photo
from support.training import RANDOM_VGG, TINY_FACE2ANIME, run, tiny_pack, trainer
from toonstream_train.core.recipe import Settings
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss, gradient_penalty
from toonstream_train.losses.semantic import semantic_consistency
from toonstream_train.networks.generators.cyclegan import Generator
from toonstream_train.recipes.face2anime import Face2Anime


@pytest.mark.slow  # torch's exporter takes a while
def test_from_training_to_a_drawn_photo(tmp_path: Path) -> None:
    run(tmp_path / "run", TINY_FACE2ANIME)
    photo, drawn = drawn_photo(tmp_path / "run", tiny_pack(2), tmp_path)
    assert photo.shape == drawn.shape
    changed = np.abs(photo.astype(int) - drawn).max(2) > 16
    assert 0.05 < changed.mean() < 0.9


@pytest.mark.parametrize(
    ("switched", "there"),
    [
        ({}, {"semantic", "domain", "domain discriminator"}),
        (
            {"perceptual": 1.0, "features": RANDOM_VGG},
            {"semantic", "domain", "domain discriminator", "perceptual"},
        ),
    ],
)
def test_a_perceptual_loss_may_join_its_own(tmp_path: Path, switched: dict[str, float], there: set[str]) -> None:
    made = trainer(tmp_path, dataclasses.replace(TINY_FACE2ANIME, **switched))
    made.train_step()
    assert set(made.recipe.losses) == {"generators", "cycle", "cartoon discriminator", "photo discriminator"} | there


def test_the_embedding_lies_halfway_through_the_generator() -> None:
    generator = Generator(2, 5)
    x = torch.rand(1, 3, 32, 48)
    embedding = generator.encode(x)
    assert embedding.shape == (1, 8, 8, 12)
    torch.testing.assert_close(generator.decode(embedding), generator(x))
    assert sum(type(layer).__name__ == "ResidualBlock" for layer in generator.body[: generator.middle]) == 2


def test_semantic_consistency_is_between_the_two_encoders(tmp_path: Path) -> None:
    """mean |e_AB(X_A) - e_BA(G_AB(X_A))| and the other way round; it moves the encoders of both generators."""
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 0.0]])
    assert semantic_consistency(a, b).item() == 2.5
    recipe = stepped(tmp_path, dataclasses.replace(TINY_FACE2ANIME, semantic=3.0))
    photo, cartoon = recipe.photo.pictures, recipe.cartoon.pictures
    there = (recipe.generator.encode(photo) - recipe.back.encode(recipe.generator(photo))).abs().mean()
    back = (recipe.back.encode(cartoon) - recipe.generator.encode(recipe.back(cartoon))).abs().mean()
    recipe.forward()
    loss = recipe.translation()["semantic"]
    torch.testing.assert_close(loss, 3 * (there + back))
    loss.backward()
    for generator in (recipe.generator, recipe.back):
        first = generator.body[0].weight
        assert first.grad is not None
        assert first.grad.abs().max() > 0


def test_encoders_fool_the_domain_discriminator(tmp_path: Path) -> None:
    """It minimises mean(D(e(X_A))^2 + (D(e(X_B)) - 1)^2), they the same with the labels exchanged."""
    recipe = stepped(tmp_path, dataclasses.replace(TINY_FACE2ANIME, semantic=0.0))
    recipe.of_domains = torch.nn.Flatten()  # type: ignore[assignment]  # what it says is what it is given
    recipe.photo_embedding, recipe.cartoon_embedding = torch.tensor([[0.5]]), torch.tensor([[-1.0]])
    assert recipe.discrimination()["domain discriminator"].item() == 0.25 + 4
    assert recipe.translation()["domain"].item() == 0.25 + 1


def stepped(folder: Path, chosen: Settings) -> Face2Anime:
    """A recipe after its first step."""
    made = trainer(folder, chosen)
    made.train_step()
    assert isinstance(made.recipe, Face2Anime)
    return made.recipe


def test_wasserstein_critic() -> None:
    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.5], [0.0]])
    assert discriminator_loss("wasserstein", real, [fake]).item() == 0.25 - 2
    assert generator_loss("wasserstein", fake).item() == -0.25
    slope = torch.tensor([3.0, 4.0]).view(1, 1, 1, 2)
    pictures = torch.zeros(2, 1, 1, 2), torch.ones(2, 1, 1, 2)

    def linear(x: torch.Tensor) -> torch.Tensor:
        return (x * slope).sum((1, 2, 3)).view(-1, 1, 1, 1)  # of gradient (3, 4) everywhere: its norm is 5

    assert gradient_penalty(linear, *pictures, torch.rand(2, 1, 1, 1)).item() == 16

    def square(x: torch.Tensor) -> torch.Tensor:
        return x.square().sum((1, 2, 3)).view(-1, 1, 1, 1) / 2  # of gradient x

    norm = 0.75 * 2**0.5  # of (0.75, 0.75), a quarter of the way from ones to zeros
    penalty = gradient_penalty(square, *pictures, torch.full((2, 1, 1, 1), 0.25))
    assert penalty.item() == pytest.approx((norm - 1) ** 2, rel=1e-4)


def test_the_penalty_teaches_the_critic() -> None:
    critic = torch.nn.Conv2d(1, 1, 1)
    x = torch.rand(2, 1, 4, 4)
    gradient_penalty(critic, x, 1 - x, torch.full((2, 1, 1, 1), 0.5)).backward()
    assert critic.weight.grad is not None
    assert critic.weight.grad.abs().item() > 0


def test_generators_learn_once_for_several_updates_of_the_critics(tmp_path: Path) -> None:
    made = trainer(tmp_path, dataclasses.replace(TINY_FACE2ANIME, wasserstein=True, critic_steps=3))
    updates: list[str] = []
    update = made.update

    def noted(name: str, loss: torch.Tensor) -> None:
        updates.append(name)
        update(name, loss)

    made.update = noted  # type: ignore[method-assign]
    for _ in range(4):
        made.train_step()
    assert updates == ["generators", *["discriminators"] * 3, "generators", "discriminators"]


def test_nothing_is_made_for_generators_that_do_not_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the critics' own steps: no way back, no gradient to a generator, no loss of theirs."""
    made = trainer(tmp_path, dataclasses.replace(TINY_FACE2ANIME, wasserstein=True, critic_steps=2))
    recipe = made.recipe
    assert isinstance(recipe, Face2Anime)
    encoded: list[tuple[int, bool]] = []
    for generator in (recipe.generator, recipe.back):
        encode = generator.encode
        monkeypatch.setattr(
            generator,
            "encode",
            lambda x, encode=encode: encoded.append((recipe.step, torch.is_grad_enabled())) or encode(x),
        )
    learned = []
    for _ in range(2):
        made.train_step()
        learned.append(set(recipe.losses))
    assert encoded == [(0, True)] * 4 + [(1, False)] * 2
    critics = {"cartoon discriminator", "photo discriminator", "domain discriminator"}
    assert learned == [critics | {"generators", "cycle", "semantic", "domain"}, critics]
