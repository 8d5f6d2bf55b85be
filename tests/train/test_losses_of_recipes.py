"""What CartoonGAN, Face2Anime, quick and the baselines minimise, by hand: networks add numbers to flat pictures.

The other papers' are in their own files.
"""

import dataclasses
from collections.abc import Callable
from math import exp, log

import pytest
import torch
from support.training import (
    TINY,
    TINY_CYCLE,
    TINY_DISTANCE,
    TINY_FACE2ANIME,
    TINY_MUNIT,
    TINY_QUICK,
    TINY_UGATIT,
    TINY_UNIT,
)
from toonstream_train.core.recipe import Recipe
from toonstream_train.data.dataset import Batch, Geometry
from toonstream_train.recipes.baselines.cyclegan import CycleGAN
from toonstream_train.recipes.baselines.distancegan import DistanceGAN
from toonstream_train.recipes.baselines.munit import MUNIT
from toonstream_train.recipes.baselines.ugatit import UGATIT
from toonstream_train.recipes.baselines.unit import UNIT
from toonstream_train.recipes.cartoongan import CartoonGAN
from toonstream_train.recipes.face2anime import Face2Anime
from toonstream_train.recipes.quick import Quick
from torch import Tensor, nn


def softplus(x: float) -> float:
    """-log(1 - p) of the logit x; -log p is that of -x."""
    return log(1 + exp(x))


class Added(nn.Module):
    """A network that adds a number to what it is given, whatever that is; an encoder and a decoder, too."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor, style: Tensor | float = 0.0) -> Tensor:
        return x + self.by + (style.mean() if isinstance(style, Tensor) else style)

    def encode(self, x: Tensor) -> Tensor:
        return x

    def decode(self, embedding: Tensor) -> Tensor:
        return self(embedding)


class Attending(Added):
    """Beside its embedding a logit of the attention: the picture's mean."""

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return x, mean(x)


def mean(x: Tensor) -> Tensor:
    return x.mean((1, 2, 3))[:, None]


def times(*factors: float) -> Callable[[Tensor], list[Tensor]]:
    """A discriminator with a logit for each factor: the picture's mean times it."""
    return lambda x: [factor * mean(x) for factor in factors]


def batch(*values: float) -> Batch:
    pictures = torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 3, 8, 8)
    return Batch(pictures, torch.ones(len(values), 1, 8, 8), {})


def minimised(recipe: Recipe) -> tuple[dict[str, float], dict[str, float]]:
    """The losses of a step of the last stage, and what each optimiser is given."""
    recipe.stage = recipe.stages()[-1]
    recipe.forward()
    given: dict[str, float] = {}
    recipe.optimise(lambda name, loss: given.update({name: loss.item()}))
    return {name: loss.item() for name, loss in recipe.losses.items()}, given


def test_cartoongan() -> None:
    """Equation 2: -log D(G(p)) + 10 |C(G(p)) - C(p)|; equation 3 with the cartoons without edges as fakes."""
    recipe = CartoonGAN(TINY)
    recipe.photo, recipe.cartoon = batch(-0.5, -0.5), batch(0.25, 0.25)
    recipe.without_edges = {"edges smoothed": batch(-1.0, -1.0).pictures}
    recipe.generator, recipe.discriminator = Added(1.0), mean  # type: ignore[assignment]
    recipe.perceptual = nn.Identity()
    losses, given = minimised(recipe)
    by_hand = {
        "content": 10 * 1.0,
        "generator": softplus(-0.5),
        "discriminator": softplus(-0.25) + softplus(0.5) + softplus(-1.0),
    }
    assert losses == pytest.approx(by_hand)
    assert given == pytest.approx(
        {"generator": by_hand["generator"] + by_hand["content"], "discriminator": by_hand["discriminator"]}
    )


def test_cyclegan() -> None:
    """Equation 3 with least squares; discriminators see what the pools give, and are halved."""
    recipe = CycleGAN(TINY_CYCLE)
    recipe.photo, recipe.cartoon = batch(0.0), batch(0.5)
    recipe.generator, recipe.back = Added(0.25), Added(-0.375)  # type: ignore[assignment]
    recipe.discriminators = (lambda x: times(1)(x)[0], lambda x: times(2)(x)[0])  # type: ignore[assignment]
    recipe.pools = Added(0.5), Added(1.0)  # type: ignore[assignment]
    losses, given = minimised(recipe)
    by_hand = {
        "generators": 0.75**2 + 0.75**2,  # of the toon, 0.25, and of twice the made photo, 0.125
        "cycle": 10 * (0.125 + 0.125),
        "identity": 5 * (0.25 + 0.375),
    }
    discriminators = (0.5**2 + 0.75**2) / 2 + (1.0**2 + 2.25**2) / 2
    assert losses == pytest.approx({**by_hand, "discriminators": discriminators})
    assert given == pytest.approx({"generators": sum(by_hand.values()), "discriminators": discriminators})


def test_distancegan() -> None:
    recipe = DistanceGAN(dataclasses.replace(TINY_DISTANCE, distance=3.0))
    recipe.photo, recipe.cartoon = batch(0.0, 0.5), batch(0.5, 0.5)
    recipe.of_photos = torch.tensor(0.25), torch.tensor(0.25)
    recipe.of_cartoons = torch.tensor(0.1), torch.tensor(0.2)
    recipe.generator, recipe.discriminator, recipe.pool = Added(0.25), mean, Added(0.25)  # type: ignore[assignment]
    losses, given = minimised(recipe)
    by_hand = {
        "generator": (0.75**2 + 0.25**2) / 2,
        "distance": 3 * abs((0.5 - 0.25) / 0.25 - (0.5 - 0.1) / 0.2),
    }
    discriminator = (0.5**2 + (0.5**2 + 1.0**2) / 2) / 2
    assert losses == pytest.approx({**by_hand, "discriminator": discriminator})
    assert given == pytest.approx({"generator": sum(by_hand.values()), "discriminator": discriminator})


def test_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """L_VAE, L_GAN and L_CC, whose KL is of the pictures' codes once more, and of those of what was made of them."""
    monkeypatch.setattr(torch, "randn_like", torch.zeros_like)
    recipe = UNIT(TINY_UNIT)
    recipe.photo, recipe.cartoon = batch(0.0), batch(1.0)
    shares = {"photo encoder": 0.5, "cartoon encoder": 0.25, "shared encoder": 0.0, "shared decoder": 0.0}
    shares |= {"photo decoder": -0.25, "cartoon decoder": 0.5}
    recipe.networks |= {name: Added(by) for name, by in shares.items()}
    recipe.networks |= {"photo discriminator": times(2), "cartoon discriminator": times(1)}  # type: ignore[dict-item]
    losses, given = minimised(recipe)
    by_hand = {
        "kl": 0.1 * (2 * (0.5**2 + 1.25**2) + 1.25**2 + 1.5**2) / 2,
        "reconstruction": 100 * (0.25 + 0.75),
        "cycle": 100 * (1.0 + 1.0),
        "generators": 10 * (softplus(-2.0) + softplus(-1.0)),
    }
    discriminators = 10 * (softplus(0.0) + softplus(2.0) + softplus(-1.0) + softplus(1.0))
    assert losses == pytest.approx({**by_hand, "discriminators": discriminators})
    assert given == pytest.approx({"autoencoders": sum(by_hand.values()), "discriminators": discriminators})


def test_munit() -> None:
    """Equation 5, at two scales: logits once and twice the mean."""
    recipe = MUNIT(dataclasses.replace(TINY_MUNIT, content=2.0, codes=3.0))
    recipe.photo, recipe.cartoon = batch(0.0), batch(1.0)
    recipe.photo_style, recipe.cartoon_style = torch.full((1, 8), 0.25), torch.full((1, 8), 0.5)
    for domain, by in (("photo", 0.5), ("cartoon", -0.25)):
        recipe.networks[f"{domain} content"] = nn.Identity()
        recipe.networks[f"{domain} style"] = lambda x: mean(x).expand(-1, 8)  # type: ignore[assignment]
        recipe.networks[f"{domain} decoder"] = Added(by)
        recipe.discriminators[domain] = times(1, 2)  # type: ignore[assignment]
    losses, given = minimised(recipe)
    by_hand = {
        "reconstruction": 10 * (0.5 + 0.75),
        "content": 2 * (0.25 + 0.75),
        "style": 3 * (0.25 + 1.5),
        "generators": 0.75**2 + 2.5**2 + 0.75**2 + 0.5**2,
    }
    discriminators = (1 + 1 + 1.75**2 + 3.5**2) + (0 + 1 + 0.25**2 + 0.5**2)
    assert losses == pytest.approx({**by_hand, "discriminators": discriminators})
    assert given == pytest.approx({"autoencoders": sum(by_hand.values()), "discriminators": discriminators})


def test_ugatit() -> None:
    """Section 2.2: of the global and the local discriminator, and of the attention of each."""
    recipe = UGATIT(TINY_UGATIT)
    recipe.photo, recipe.cartoon = batch(0.0), batch(1.0)
    recipe.generator, recipe.back = Attending(0.25), Attending(-0.5)  # type: ignore[assignment]
    recipe.discriminators = {name: [times(1, 2)] * 2 for name in ("cartoon", "photo")}  # type: ignore[misc]
    losses, given = minimised(recipe)
    by_hand = {
        "generators": 2 * (0.75**2 + 0.5**2) + 2 * (0.5**2 + 0),
        "cycle": 10 * (0.25 + 0.25),
        "identity": 10 * (0.25 + 0.5),
        "cam": 1000 * (softplus(0.0) + softplus(1.0) + softplus(-1.0) + softplus(0.0)),
    }
    discriminators = 2 * (0 + 1 + 0.25**2 + 0.5**2) + 2 * (1 + 1 + 0.5**2 + 1)
    assert losses == pytest.approx({**by_hand, "discriminators": discriminators})
    assert given == pytest.approx({"generators": sum(by_hand.values()), "discriminators": discriminators})


@pytest.mark.parametrize("wasserstein", [False, True])
def test_face2anime(wasserstein: bool) -> None:
    """CycleGAN's losses with those of the embeddings; or with critics, without pools and with a gradient penalty."""
    recipe = Face2Anime(dataclasses.replace(TINY_FACE2ANIME, semantic=2.0, domain=3.0, wasserstein=wasserstein))
    recipe.photo, recipe.cartoon = batch(0.0), batch(0.5)
    recipe.generator, recipe.back = Added(0.25), Added(-0.375)  # type: ignore[assignment]
    recipe.of_cartoons = recipe.of_photos = recipe.of_domains = mean  # type: ignore[assignment]
    recipe.toon_pool, recipe.photo_pool = Added(0.5), Added(1.0)  # type: ignore[assignment]
    losses, given = minimised(recipe)
    by_hand = {
        "generators": -0.25 - 0.125 if wasserstein else 0.75**2 + 0.875**2,
        "cycle": 10 * (0.125 + 0.125),
        "semantic": 2 * (0.25 + 0.375),  # |0 - 0.25| of the photo and its toon, |0.5 - 0.125| the other way round
        "domain": 3 * (1.0 + 0.5**2),
    }
    penalty = 10 * (192**-0.5 - 1) ** 2  # a mean of 192 values changes by 1/192 with each
    discriminators = {
        "cartoon discriminator": 0.25 - 0.5 + penalty if wasserstein else (0.5**2 + 0.75**2) / 2,
        "photo discriminator": 0.125 + penalty if wasserstein else (1.0 + 1.125**2) / 2,
        "domain discriminator": 0.5**2,
    }
    assert losses == pytest.approx({**by_hand, **discriminators})
    assert given == pytest.approx({"generators": sum(by_hand.values()), "discriminators": sum(discriminators.values())})


def test_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripes of lightness, of which the discriminator says how strong they are; the toon is redder by 0.25."""
    monkeypatch.setattr("toonstream_train.recipes.quick.again", lambda x, noise: (x + 0.5, (0, 0)))
    recipe = Quick(dataclasses.replace(TINY_QUICK, adversarial=0.5))
    stripes = torch.tensor([-1.0, 1.0]).repeat(16).expand(2, 3, 32, 32)
    face = torch.tensor([[10.0, 12], [22, 12], [16, 16], [12, 22], [20, 22]]).expand(2, -1, -1)
    recipe.photo, recipe.cartoon = (
        Batch(strength * stripes, torch.ones(2, 1, 32, 32), {5: face}) for strength in (0.25, 0.75)
    )
    recipe.input, recipe.corner = recipe.photo.pictures, [0, 0]
    recipe.settings = dataclasses.replace(recipe.settings, geometry=Geometry(32))
    recipe.generator = lambda x: x + torch.tensor([0.25, 0, 0]).view(3, 1, 1)  # type: ignore[assignment]
    recipe.discriminator = lambda x, where: mean(x.abs())  # type: ignore[assignment]
    losses, given = minimised(recipe)
    luma = 0.299 * 0.25
    by_hand = {
        "colour": 4 * 0.25 / 3,
        "chroma": 3 * (0.25 - luma + 2 * luma) / 3,
        "smoothness": 2 * 0.5 * exp(-0.5 / 0.1),
        "temporal": 1 * 0.5,
        "generator": -0.5 * 0.25,
    }
    discriminator = (1 - 0.75) + (1 + 0.25)
    assert losses == pytest.approx({**by_hand, "discriminator": discriminator}, rel=1e-5)
    assert given == pytest.approx({"generator": sum(by_hand.values()), "discriminator": discriminator}, rel=1e-5)
