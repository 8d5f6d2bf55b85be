"""The baselines: each from a few faces to a photo drawn by `toonstream`, and what makes it itself."""

import dataclasses
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from support import CLIP
from support.training import TINY_CYCLE, TINY_DISTANCE, TINY_UNIT, run, tiny_pack, trainer
from toonstream_engines.errors import InputError
from toonstream_train.commands import main
from toonstream_train.core.recipe import Settings
from toonstream_train.data.pack import save
from toonstream_train.losses.distance import between_halves, between_pictures, distance_loss
from toonstream_train.losses.variational import kl_to_standard_normal
from toonstream_train.networks.discriminators.multi_scale import MultiScale
from toonstream_train.recipes.baselines.distancegan import DistanceGAN, DistanceGANSettings

TINY: dict[str, Settings] = {"cyclegan": TINY_CYCLE, "distancegan": TINY_DISTANCE, "unit": TINY_UNIT}


@pytest.mark.parametrize("chosen", TINY.values(), ids=TINY)
def test_a_few_steps_become_a_style_that_draws_a_photo(tmp_path: Path, chosen: Settings) -> None:
    from toonstream.commands import main as toonstream

    state = run(tmp_path / "run", chosen)
    assert state["step"] == 6
    save(tiny_pack(), tmp_path / "faces.pack")
    style = tmp_path / "style"
    assert main(["export", str(tmp_path / "run"), str(style), "--faces", str(tmp_path / "faces.pack")]) == 0
    with av.open(str(CLIP)) as clip:
        photo = next(clip.decode(video=0)).to_ndarray(format="rgb24")
    Image.fromarray(photo).save(tmp_path / "photo.png")
    assert toonstream([str(tmp_path / "photo.png"), "--style", str(style), "--backend", "onnxruntime"]) == 0
    with Image.open(tmp_path / "photo.toon.png") as drawn:
        changed = np.abs(np.asarray(drawn).astype(int) - photo).max(2) > 0
    assert 0.02 < changed.mean() < 0.9  # the face, and not the whole picture


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


def test_discriminators_of_several_scales() -> None:
    finest, middle, coarse = MultiScale(4)(torch.zeros(2, 3, 64, 64))
    assert (finest.shape, middle.shape, coarse.shape) == ((2, 1, 4, 4), (2, 1, 2, 2), (2, 1, 1, 1))
    (alone,) = MultiScale(4, 5, 1)(torch.zeros(1, 3, 64, 64))
    assert alone.shape == (1, 1, 2, 2)
