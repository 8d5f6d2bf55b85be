"""The baselines: each from a few faces to a photo drawn by `toonstream`, and what makes it itself."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from support.exported import drawn_photo
from support.training import TINY_CYCLE, TINY_DISTANCE, TINY_MUNIT, TINY_UGATIT, TINY_UNIT, run, tiny_pack, trainer
from toonstream_engines.errors import InputError
from toonstream_train.core.recipe import Settings
from toonstream_train.data.dataset import Geometry
from toonstream_train.losses.attention import cam_loss
from toonstream_train.losses.distance import between_halves, between_pictures, distance_loss
from toonstream_train.losses.variational import kl_to_standard_normal
from toonstream_train.networks.blocks.adain import adain
from toonstream_train.networks.discriminators.multi_scale import MultiScale
from toonstream_train.networks.generators.munit import MeanCode
from toonstream_train.recipes.baselines.distancegan import DistanceGAN, DistanceGANSettings
from toonstream_train.recipes.baselines.munit import MUNIT
from toonstream_train.recipes.baselines.ugatit import UGATIT
from torch import nn

TINY: dict[str, Settings] = {
    "cyclegan": TINY_CYCLE,
    "distancegan": TINY_DISTANCE,
    "unit": TINY_UNIT,
    "munit": TINY_MUNIT,
    "ugatit": TINY_UGATIT,
}


@pytest.mark.slow  # torch's exporter takes a while
@pytest.mark.parametrize("chosen", TINY.values(), ids=TINY)
def test_a_few_steps_become_a_style_that_draws_a_photo(tmp_path: Path, chosen: Settings) -> None:
    assert run(tmp_path / "run", chosen)["step"] == 6
    photo, drawn = drawn_photo(tmp_path / "run", tiny_pack(2), tmp_path)
    changed = np.abs(photo.astype(int) - drawn).max(2) > 16
    assert 0.05 < changed.mean() < 0.9  # the face, and not the whole picture


def test_cyclegan_without_identity_loss(tmp_path: Path) -> None:
    made = trainer(tmp_path, dataclasses.replace(TINY_CYCLE, identity=0.0))
    made.train_step()
    assert set(made.recipe.losses) == {"generators", "cycle", "discriminators"}


def test_distances_of_pictures_and_of_halves() -> None:
    pictures = torch.zeros(3, 3, 2, 4)
    pictures[1] += 0.5
    pictures[2, :, :, 2:] = 1.0  # its right half
    assert between_pictures(pictures).tolist() == [0.5, 0.5, 0.5]
    assert between_pictures(pictures[[0, 2]]).tolist() == [0.5]
    assert between_halves(pictures).tolist() == [0.0, 0.0, 1.0]


def test_distance_loss_by_hand() -> None:
    """|(0.5 - 0.3) / 0.1 - (0.6 - 0.4) / 0.2| = 1 and |(0.2 - 0.3) / 0.1 - (0.8 - 0.4) / 0.2| = 3."""
    before, after = torch.tensor([0.5, 0.2]), torch.tensor([0.6, 0.8])
    of_photos = torch.tensor(0.3), torch.tensor(0.1)
    of_cartoons = torch.tensor(0.4), torch.tensor(0.2)
    assert distance_loss(before, after, of_photos, of_cartoons).item() == pytest.approx(2)
    assert distance_loss(before, before, of_photos, of_photos) == 0


def test_distances_are_standardised_by_their_own_domain(tmp_path: Path) -> None:
    """The identity costs nothing where both domains are alike, and the same patches are measured again on resuming."""
    made = trainer(tmp_path, TINY_DISTANCE)
    recipe = made.recipe
    assert isinstance(recipe, DistanceGAN)
    first = recipe.of_photos
    made.train_step()
    made.feed({"photos": tiny_pack(), "cartoons": tiny_pack()})
    assert recipe.of_photos == first == recipe.of_cartoons
    pictures = recipe.photos.sample(8).pictures
    mean, deviation = recipe.of_photos
    assert abs(recipe.distances(pictures).mean() - mean) < 3 * deviation
    with pytest.raises(InputError, match="set batch=2 or more, or self_distance=true"):
        DistanceGAN(DistanceGANSettings(batch=1))
    assert DistanceGAN(DistanceGANSettings(batch=1, width=4, self_distance=True)).distances is between_halves


def test_kl_of_unit_gaussians() -> None:
    """Of N(2, 1) from N(0, 1) it is 2; two codes of which one lies at 0."""
    assert kl_to_standard_normal(torch.tensor([[2.0, 0.0]])).item() == 1
    p, q = torch.distributions.Normal(2.0, 1.0), torch.distributions.Normal(0.0, 1.0)
    assert torch.distributions.kl_divergence(p, q).item() == kl_to_standard_normal(torch.tensor(2.0)).item()


def test_units_shared_layers_are_the_same_parameters(tmp_path: Path) -> None:
    """Either domain's reconstruction alone moves them, and its optimiser has each of them once."""
    made = trainer(tmp_path, TINY_UNIT)
    recipe = made.recipe
    parameters = recipe.optimisers["autoencoders"].param_groups[0]["params"]
    assert len({id(p) for p in parameters}) == len(parameters)
    made.train_step()
    for picture, again, other in (("photo", "photo again", "cartoon"), ("cartoon", "cartoon again", "photo")):
        recipe.take()
        recipe.forward()
        for network in recipe.networks.values():
            network.zero_grad()
        (recipe.pictures[again] - recipe.pictures[picture]).abs().mean().backward()
        for name in ("shared encoder", "shared decoder", f"{picture} encoder", f"{picture} decoder"):
            assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in recipe.networks[name].parameters()), name
        for name in (f"{other} encoder", f"{other} decoder"):
            assert all(p.grad is None for p in recipe.networks[name].parameters()), name


def test_unit_draws_through_what_was_trained(tmp_path: Path) -> None:
    """The photo's encoder, both shared parts and the cartoons' decoder, without noise."""
    recipe = trainer(tmp_path, TINY_UNIT).recipe
    model = recipe.exportable(recipe.networks).eval()
    x = torch.rand(1, 3, 64, 96)
    drawn = x
    for name in recipe.averaged:
        drawn = recipe.networks[name](drawn)
    assert torch.equal(model(x), model(x))
    assert torch.equal(model(x), drawn)


def test_adain_by_hand() -> None:
    """Mean 2, deviation 2 becomes mean beta, deviation gamma."""
    x = torch.tensor([[[[0.0, 4.0]], [[4.0, 0.0]]]])
    made = adain(x, torch.tensor([[3.0, 0.5]]), torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(made, torch.tensor([[[[-2.0, 4.0]], [[0.5, -0.5]]]]), atol=1e-4, rtol=0)


def test_munit_asks_its_codes_back(tmp_path: Path) -> None:
    """Equations 2 and 3: the content of the photo, and the random style that the toon was drawn in."""

    class Always(nn.Module):
        def __init__(self, shape: tuple[int, ...], value: float) -> None:
            super().__init__()
            self.value = nn.Parameter(torch.full(shape, value))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.value

    made = trainer(tmp_path, TINY_MUNIT)
    recipe = made.recipe
    assert isinstance(recipe, MUNIT)
    made._enter_stage()
    recipe.take()
    for domain, content, style in (("photo", 0.25, -1.0), ("cartoon", 1.0, 2.0)):
        recipe.networks[f"{domain} content"] = Always((2, 16, 16, 16), content)
        recipe.networks[f"{domain} style"] = Always((2, 8), style)
    recipe.photo_style, recipe.cartoon_style = torch.zeros(2, 8), torch.full((2, 8), 0.5)
    recipe.forward()
    recipe.optimise(lambda name, loss: None)
    assert recipe.losses["content"].item() == pytest.approx(2 * 0.75)
    assert recipe.losses["style"].item() == pytest.approx(1.5 + 1.0)


def test_munit_exports_the_mean_style_of_the_cartoons(tmp_path: Path) -> None:
    code = MeanCode(1)
    code.show(torch.tensor([[1.0], [3.0]]))
    assert code().item() == pytest.approx(0.9 * 2)
    code.show(torch.tensor([[4.0]]))
    assert code().item() == pytest.approx(1.8 + 9 / 11 * (4 - 1.8))

    made = trainer(tmp_path, TINY_MUNIT)
    made.train_step()
    networks = made.recipe.networks
    shown = networks["cartoon code"]()
    assert shown.shape == (1, 8)
    assert shown.abs().sum() > 0
    x = torch.rand(2, 3, 64, 96)
    drawn = made.recipe.exportable(networks)(x)
    torch.testing.assert_close(drawn, networks["cartoon decoder"](networks["photo content"](x), shown.expand(2, 8)))
    assert not torch.allclose(drawn, networks["cartoon decoder"](networks["photo content"](x), 1 + shown))


def test_munit_halves_its_rates() -> None:
    (stage,) = MUNIT(dataclasses.replace(TINY_MUNIT, steps=10)).stages()
    assert [stage.schedule(step / 10) for step in range(10)] == [1.0] * 4 + [0.5] * 4 + [0.25] * 2


def test_munit_needs_pictures_that_its_coarsest_discriminator_can_see() -> None:
    with pytest.raises(InputError, match=r"geometry\.size=32: munit needs 64 pixels at least"):
        MUNIT(dataclasses.replace(TINY_MUNIT, geometry=Geometry(size=32)))


def test_discriminators_of_several_scales() -> None:
    finest, middle, coarse = MultiScale(4)(torch.zeros(2, 3, 64, 64))
    assert (finest.shape, middle.shape, coarse.shape) == ((2, 1, 4, 4), (2, 1, 2, 2), (2, 1, 1, 1))
    (alone,) = MultiScale(4, 5, 1)(torch.zeros(1, 3, 64, 64))
    assert alone.shape == (1, 1, 2, 2)


def test_ugatits_cam_loss_by_hand(tmp_path: Path) -> None:
    """-log 0.8 - log(1 - 0.4): the source domain said to be source by 0.8, the target domain by 0.4."""
    source, target = (torch.tensor([[math.log(p / (1 - p))]]) for p in (0.8, 0.4))
    assert cam_loss(source, target).item() == pytest.approx(-math.log(0.8) - math.log(0.6))

    made = trainer(tmp_path, TINY_UGATIT)
    made.train_step()
    recipe = made.recipe
    assert isinstance(recipe, UGATIT)
    assert set(recipe.losses) == {"generators", "cycle", "identity", "cam", "discriminators"}
    assert recipe.losses["cam"] > 0
    global_one, its_attention, local_one, _ = recipe.logits("cartoon", recipe.cartoon.pictures)
    assert (global_one.shape[2:], local_one.shape[2:], its_attention.shape) == ((1, 1), (10, 10), (1, 2))


def test_ugatits_gates_stay_within_their_bounds(tmp_path: Path) -> None:
    made = trainer(tmp_path, dataclasses.replace(TINY_UGATIT, learning_rate=10.0))
    made.train_step()
    gates = [p.detach() for name, p in made.recipe.networks["generator"].named_parameters() if name.endswith("rho")]
    assert gates
    assert all(0 <= float(gate.min()) and float(gate.max()) <= 1 for gate in gates)
