"""CycleGAN: Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al.; ICCV 2017).

A baseline that the papers here compare themselves with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain

import torch
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.optim import Adam

from toonstream_train import losses
from toonstream_train.core.recipe import Recipe, Settings, Training, Update
from toonstream_train.data.dataset import Faces, Geometry
from toonstream_train.data.pack import Pack
from toonstream_train.networks.cyclegan import Discriminator, Generator, Pool


@dataclass(frozen=True)
class CycleGANSettings(Settings):
    """The defaults are the paper's, section 4 and 7; its 200 epochs are of some 1,000 pictures."""

    training: Training = field(default_factory=lambda: Training(decay_from=0.5))
    geometry: Geometry = field(default_factory=Geometry)
    batch: int = 1
    width: int = 64
    blocks: int = 9
    judge_width: int = 64
    learning_rate: float = 2e-4
    beta1: float = 0.5
    cycle: float = 10.0
    """lambda of equation 3."""
    identity: float = 5.0
    """Section 5.2, "photo generation from paintings": a cartoon stays what it is. Half of `cycle`."""
    pool: int = 50


class CycleGAN(Recipe):
    name = "cyclegan"
    defaults = CycleGANSettings()
    exported = "generator"
    averaged = ("generator",)

    settings: CycleGANSettings

    def __init__(self, settings: CycleGANSettings) -> None:
        super().__init__(settings)
        s = settings
        self.generator, self.back = Generator(s.width, s.blocks), Generator(s.width, s.blocks)
        self.judges = Discriminator(s.judge_width), Discriminator(s.judge_width)
        self.pools = Pool(s.pool, s.geometry.size), Pool(s.pool, s.geometry.size)
        for network in (self.generator, self.back, *self.judges):
            network.apply(start)
        self.networks = {
            "generator": self.generator,
            "back": self.back,
            "cartoon judge": self.judges[0],
            "photo judge": self.judges[1],
            "toons": self.pools[0],
            "photos": self.pools[1],
        }

        def adam(*networks: nn.Module) -> Adam:
            return Adam(chain(*(n.parameters() for n in networks)), s.learning_rate, (s.beta1, 0.999))

        self.optimisers = {"generators": adam(self.generator, self.back), "discriminators": adam(*self.judges)}

    def feed(self, photos: Pack, cartoons: Pack | None, device: torch.device) -> None:
        if cartoons is None:
            raise InputError("this recipe needs cartoons; name a pack with --cartoons")
        self.photos = Faces(photos, device, self.settings.geometry, {})
        self.cartoons = Faces(cartoons, device, self.settings.geometry, {})

    def take(self, step: int) -> None:
        self.photo = self.photos.sample(self.settings.batch)
        self.cartoon = self.cartoons.sample(self.settings.batch)

    def forward(self) -> None:
        """Both ways round: photo to cartoon and back, cartoon to photo and back."""
        self.toon = self.generator(self.photo.pictures)
        self.photo_again = self.back(self.toon)
        self.made_photo = self.back(self.cartoon.pictures)
        self.cartoon_again = self.generator(self.made_photo)
        self.pictures = {
            "photo": self.photo.pictures,
            "toon": self.toon,
            "photo again": self.photo_again,
            "cartoon": self.cartoon.pictures,
            "made photo": self.made_photo,
            "cartoon again": self.cartoon_again,
        }

    def optimise(self, update: Update) -> None:
        """Equation 3, with least squares in place of equation 1's logarithms (section 4)."""
        s, (judge_cartoon, judge_photo) = self.settings, self.judges
        photo, cartoon = self.photo.pictures, self.cartoon.pictures
        parts: dict[str, Tensor] = {
            "fool": losses.fool("squares", judge_cartoon(self.shown(self.toon)))
            + losses.fool("squares", judge_photo(self.shown(self.made_photo))),
            "cycle": s.cycle * (l1_loss(self.photo_again, photo) + l1_loss(self.cartoon_again, cartoon)),
        }
        if s.identity:
            parts["identity"] = s.identity * (
                l1_loss(self.generator(cartoon), cartoon) + l1_loss(self.back(photo), photo)
            )
        update("generators", sum(parts.values(), torch.zeros((), device=photo.device)))

        parts["judge"] = torch.zeros((), device=photo.device)
        for judge, pool, real, made in (
            (judge_cartoon, self.pools[0], cartoon, self.toon),
            (judge_photo, self.pools[1], photo, self.made_photo),
        ):
            fake = pool(self.shown(made))
            # halved, so that judges learn slower than generators
            parts["judge"] = parts["judge"] + losses.judge("squares", judge(self.shown(real)), [judge(fake)]) / 2
        update("discriminators", parts["judge"])
        self.losses = parts

    def shown(self, pictures: Tensor) -> Tensor:
        """What a discriminator sees of them: nothing of what was padded in photos or cartoons."""
        return pictures * self.photo.inside * self.cartoon.inside

    def preview(self, networks: Mapping[str, nn.Module], inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"photo": inputs["image"], "toon": networks["generator"](inputs["image"])}


def start(layer: nn.Module) -> None:
    """Section 7.2: weights from a Gaussian of deviation 0.02."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
