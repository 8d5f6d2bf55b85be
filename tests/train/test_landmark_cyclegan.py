"""Landmark Assisted CycleGAN: heat maps as condition, and landmarks that stay where they are."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from support.exported import drawn_photo
from support.training import TINY_LANDMARK, run, tiny_pack, trainer
from toonstream_engines.errors import InputError
from toonstream_train.commands.fit import preset
from toonstream_train.core import settings
from toonstream_train.networks.blocks.patches import parts
from toonstream_train.networks.generators.landmark_cyclegan import Generator
from toonstream_train.networks.heat_maps import heat_maps, landmarks_of
from toonstream_train.networks.landmark_regressor import LandmarkRegressor
from toonstream_train.recipes.landmark_cyclegan import LandmarkCycleGAN, unmatched
from torch import Tensor, nn
from torch.nn.functional import mse_loss

FACE = torch.tensor([[[40.0, 50], [88, 50], [64, 70], [50, 96], [78, 96]]])  # in 128 pixels


def stepped(folder: Path) -> LandmarkCycleGAN:
    """After a step of the regressors and one of stage II."""
    made = trainer(folder, dataclasses.replace(TINY_LANDMARK, regressor_steps=1, coarse=0))
    made.train_step()
    made.train_step()
    assert isinstance(made.recipe, LandmarkCycleGAN)
    return made.recipe


def test_heat_maps_by_hand() -> None:
    """At 40 x 80 the deviation is 2 pixels."""
    maps = heat_maps(torch.tensor([[[10.5, 20.5], [33.5, 7.5]]]), 40, 80)
    assert maps.shape == (1, 2, 40, 80)
    assert maps[0, 0, 20, 10] == 1
    assert maps[0, 0, 22, 10].item() == pytest.approx(math.exp(-0.5))
    assert maps[0, 0, 20, 6].item() == pytest.approx(math.exp(-2))
    assert maps[0, 1, 6, 36].item() == pytest.approx(math.exp(-(9 + 1) / 8))
    assert landmarks_of(maps).tolist() == [[[10.5, 20.5], [33.5, 7.5]]]


def test_the_regressor_of_table_3() -> None:
    regressor = LandmarkRegressor()
    shapes = []
    for layer in (*regressor.down, regressor.middle, *regressor.up):
        layer.register_forward_hook(lambda layer, inputs, made: shapes.append(tuple(made.shape[1:])))
    assert regressor(torch.zeros(1, 3, 128, 128)).shape == (1, 5, 128, 128)
    down = [(64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)]
    assert shapes == [*down, (1024, 4, 4), *down[-2::-1], (32, 128, 128)]


def test_the_narrowest_regressor() -> None:
    assert LandmarkRegressor(width=1)(torch.zeros(1, 3, 64, 64)).shape == (1, 5, 64, 64)


def test_the_regressor_finds_a_spot() -> None:
    torch.manual_seed(0)
    regressor = LandmarkRegressor(1, width=4)
    assert not regressor(torch.rand(1, 3, 64, 64)).any()  # it begins with empty maps
    adam = torch.optim.Adam(regressor.parameters(), 5e-3)

    def spots(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        points = torch.randint(16, 48, (count, 1, 2)) + 0.5
        maps = heat_maps(points, 64, 64)
        return points, 1 - 2 * maps.expand(-1, 3, -1, -1)

    for _ in range(60):
        points, pictures = spots(4)
        adam.zero_grad()
        mse_loss(regressor(pictures), heat_maps(points, 64, 64)).backward()
        adam.step()
    points, pictures = spots(8)
    off = (landmarks_of(regressor(pictures)) - points).norm(dim=2)
    assert off.max() <= 2


@pytest.mark.slow  # torch's exporter takes a while
def test_from_training_to_a_drawn_photo(tmp_path: Path) -> None:
    """The tracker's landmarks become heat maps inside the exported network."""
    run(tmp_path / "run", TINY_LANDMARK)
    photo, drawn = drawn_photo(tmp_path / "run", tiny_pack(2), tmp_path)
    assert photo.shape == drawn.shape
    changed = np.abs(photo.astype(int) - drawn).max(2) > 16
    assert 0.05 < changed.mean() < 0.9


def test_the_style_takes_five_landmarks() -> None:
    pack = tiny_pack(2)
    assert np.array_equal(LandmarkCycleGAN(TINY_LANDMARK).examples(pack)["landmarks"], pack.points[5])
    assert list(LandmarkCycleGAN(dataclasses.replace(TINY_LANDMARK, conditions=False)).examples(pack)) == ["image"]


def test_the_generator_sees_heat_maps() -> None:
    generator, x = Generator(2, 1), torch.rand(1, 3, 128, 128)
    seen = []
    generator.body[0].register_forward_hook(lambda layer, inputs, made: seen.append(inputs[0]))
    generator(x, FACE)
    torch.testing.assert_close(seen[0], torch.cat([x, heat_maps(FACE, 128, 128)], 1))


def test_stages_train_their_own_networks(tmp_path: Path) -> None:
    made = trainer(tmp_path, TINY_LANDMARK)
    recipe = made.recipe
    regressors = {"photo regressor", "cartoon regressor"}
    local = {"photo local discriminators", "cartoon local discriminators"}
    moved = []
    for _ in range(3):
        before = {n: [p.detach().clone() for p in network.parameters()] for n, network in recipe.networks.items()}
        made.train_step()
        made.train_step()
        moved.append(
            {
                name
                for name, network in recipe.networks.items()
                if any(not torch.equal(a, b) for a, b in zip(before[name], network.parameters(), strict=True))
            }
        )
    both = ("generator", "back", "photo discriminator", "cartoon discriminator")
    coarse = {*both, "photo conditional discriminator", "cartoon conditional discriminator"}
    assert moved == [regressors, coarse, coarse | local]
    assert all(stage.packs == ("photos", "cartoons") for stage in recipe.stages())
    rates = [stage.schedule(0.5) for stage in recipe.stages()]
    assert rates == [0.5**0.9] * 3


def test_landmark_consistency_reaches_the_generator_through_the_frozen_regressor(tmp_path: Path) -> None:
    """Equation 4, both ways."""
    recipe = stepped(tmp_path)
    recipe.forward()
    expected = sum(((way.to.regressor(way.made) - way.maps) ** 2).mean() for way in recipe.ways)
    loss = recipe.translation()["landmarks"]
    torch.testing.assert_close(loss, 100 * expected)
    loss.backward()
    for generator in (recipe.generator, recipe.back):
        first = generator.body[0].weight.grad
        assert first is not None
        assert first.abs().max() > 0
    assert not any(p.requires_grad for p in recipe.cartoons.regressor.parameters())


def test_local_discriminators_reach_the_generator(tmp_path: Path) -> None:
    recipe = stepped(tmp_path)
    recipe.forward()
    recipe.translation()["local generators"].backward()
    for generator in (recipe.generator, recipe.back):
        first = generator.body[0].weight.grad
        assert first is not None
        assert first.abs().max() > 0


def test_patches_are_cut_at_the_landmarks() -> None:
    """Of a picture whose colours are its coordinates. Sizes of section 3.3.2; the mouth goes from corner to corner."""
    across, down = torch.meshgrid(torch.arange(128) + 0.5, torch.arange(128) + 0.5, indexing="xy")
    cut = parts(torch.stack([across, down, 0 * down])[None], FACE)
    shapes = {name: tuple(patch.shape[2:]) for name, patch in cut.items()}
    assert shapes == {"eyes": (32, 64), "nose": (28, 24), "mouth": (23, 40)}
    eyes, nose, mouth = (cut[name][0] for name in ("eyes", "nose", "mouth"))
    assert eyes[:2, 0, 0].tolist() == pytest.approx([40 - 15.5, 50 - 15.5], abs=1e-3)
    assert eyes[:2, 31, 63].tolist() == pytest.approx([88 + 15.5, 50 + 15.5], abs=1e-3)
    assert nose[:2, 0, 0].tolist() == pytest.approx([64 - 11.5, 70 - 13.5], abs=1e-3)
    pixel = 28 / 40  # the corners are 28 pixels apart
    assert mouth[:2, 0, 0].tolist() == pytest.approx([50 + pixel / 2, 96 - 11 * pixel], abs=1e-3)
    assert mouth[:2, 22, 39].tolist() == pytest.approx([78 - pixel / 2, 96 + 11 * pixel], abs=1e-3)
    twice = parts(torch.zeros(1, 3, 256, 256), 2 * FACE)
    assert {name: tuple(patch.shape[2:]) for name, patch in twice.items()}["mouth"] == (46, 80)


def test_gradients_come_through_the_patches_pixels_alone() -> None:
    pictures, landmarks = torch.rand(1, 3, 128, 128, requires_grad=True), FACE.clone().requires_grad_(True)
    parts(pictures, landmarks)["nose"].sum().backward()
    assert pictures.grad is not None
    assert landmarks.grad is None
    reached = torch.nonzero(pictures.grad[0, 0])
    assert (reached.min(0).values.tolist(), reached.max(0).values.tolist()) == ([56, 52], [83, 75])


def test_unmatched_pictures_have_their_landmarks_elsewhere() -> None:
    torch.manual_seed(0)
    spots = heat_maps(FACE, 128, 128).expand(20, -1, -1, -1)
    off = (landmarks_of(unmatched(spots)) - FACE).norm(dim=2)
    assert off.amax(1).min() > 3.2  # more than a heat map's deviation
    assert off.amax(1).max() > 20


class Seeing(nn.Module):
    """Logits of one value; keeps what it sees."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value, self.seen = value, list[Tensor]()

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return torch.full((len(x), 1, 2, 2), self.value)


def test_unmatched_pairs_are_fakes(tmp_path: Path) -> None:
    """Beside a real pair, and a made picture with its source's landmarks, as in equation 5."""
    recipe = stepped(tmp_path)
    recipe.forward()
    judge = Seeing(0.25)
    recipe.cartoons = dataclasses.replace(recipe.cartoons, conditional=judge)
    for way in recipe.ways:
        way.to = recipe.cartoons if way.source is recipe.photo else way.to
    total = recipe.discrimination()["conditional discriminators"]
    other = recipe.ways[1]
    real, made, shifted = judge.seen
    assert torch.equal(real, torch.cat([recipe.shown(recipe.cartoon.pictures), recipe.cartoon_maps], 1))
    assert torch.equal(made, torch.cat([recipe.shown(recipe.ways[0].made), recipe.photo_maps], 1))
    assert torch.equal(shifted[:, 3:], recipe.cartoon_maps)
    assert (shifted[:, :3] - real[:, :3]).abs().mean() > 0.1

    other.to = dataclasses.replace(other.to, conditional=Seeing(1.0))
    total = recipe.discrimination()["conditional discriminators"]
    assert total.item() == pytest.approx(0.5 * (0.75**2 + 2 * 0.25**2) / 2 + 0.5 * 2 / 2)


def test_the_other_losses_by_hand(tmp_path: Path) -> None:
    recipe = stepped(tmp_path)
    recipe.forward()
    for way in recipe.ways:
        local = nn.ModuleDict({"eyes": Seeing(0.0), "nose": Seeing(0.5), "mouth": Seeing(1.0)})
        way.to = dataclasses.replace(way.to, plain=Seeing(0.5), conditional=Seeing(-1.0), local=local)
        way.again = way.source.pictures + (0.25 if way.source is recipe.photo else -0.5)
    losses = {name: loss.item() for name, loss in recipe.translation().items() if name != "landmarks"}
    assert losses == pytest.approx(
        {
            "cycle": 10 * 0.75,
            "generators": 2 * 0.5 * 0.5**2,
            "conditional generators": 2 * 0.5 * 2.0**2,
            "local generators": 2 * 0.3 * (1 + 0.25 + 0),
        }
    )
    losses = {name: loss.item() for name, loss in recipe.discrimination().items()}
    assert losses["discriminators"] == pytest.approx(2 * 0.5 * (0.5**2 + 0.5**2) / 2)
    assert losses["local discriminators"] == pytest.approx(2 * 0.3 * (1 + (0.25 + 0.25) + 1) / 2)


def test_presets_and_sizes() -> None:
    paper = settings.read(LandmarkCycleGAN.defaults, preset("landmark_cyclegan", "paper"), [])
    assert [stage.steps for stage in LandmarkCycleGAN(paper).stages()] == [80_000, 100_000, 100_000]
    small = settings.read(LandmarkCycleGAN.defaults, preset("landmark_cyclegan", "small"), [])
    LandmarkCycleGAN(small)
    with pytest.raises(InputError, match=r"geometry.size=64: landmark_cyclegan needs 96 pixels at least"):
        LandmarkCycleGAN(dataclasses.replace(small, geometry=dataclasses.replace(small.geometry, size=64)))
