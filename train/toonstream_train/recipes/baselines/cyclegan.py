"""CycleGAN: Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al.; ICCV 2017).

A baseline that the papers here compare themselves with. Departures from its own paper: pictures are aligned crops of
faces, what was padded is hidden from the discriminators, and what is exported is a moving average (EMA).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.optim import Adam

from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.core.schedules import linear_decay
from toonstream_train.data.dataset import Faces, Geometry, without_padding
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.total import total
from toonstream_train.networks.blocks.image_pool import ImagePool
from toonstream_train.networks.blocks.initial import gaussian
from toonstream_train.networks.discriminators.cyclegan import Discriminator
from toonstream_train.networks.generators.cyclegan import Generator


@dataclass(frozen=True)
class CycleGANSettings(Settings):
    """The defaults are the paper's, sections 4 and 7; its 200 epochs are of some 1,000 pictures."""

    steps: int = 200_000
    decay_from: float = 0.5
    """Share of the steps after which learning rates fall, linearly, to zero."""
    geometry: Geometry = field(default_factory=Geometry)
    batch: int = 1
    width: int = 64
    blocks: int = 9
    discriminator_width: int = 64
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
    packs: ClassVar = {"photos": "faces to draw", "cartoons": "what they are to look like"}
    averaged = ("generator",)

    settings: CycleGANSettings

    def __init__(self, settings: CycleGANSettings) -> None:
        super().__init__(settings)
        s = settings
        self.generator, self.back = Generator(s.width, s.blocks), Generator(s.width, s.blocks)
        self.discriminators = Discriminator(s.discriminator_width), Discriminator(s.discriminator_width)
        self.pools = ImagePool(s.pool, s.geometry.size), ImagePool(s.pool, s.geometry.size)
        for network in (self.generator, self.back, *self.discriminators):
            network.apply(gaussian)
        self.networks = {
            "generator": self.generator,
            "back": self.back,
            "cartoon discriminator": self.discriminators[0],
            "photo discriminator": self.discriminators[1],
            "toon pool": self.pools[0],
            "photo pool": self.pools[1],
        }

        def adam(*networks: nn.Module) -> Adam:
            return Adam(chain(*(n.parameters() for n in networks)), s.learning_rate, (s.beta1, 0.999))

        self.optimisers = {"generators": adam(self.generator, self.back), "discriminators": adam(*self.discriminators)}

    def stages(self) -> tuple[Stage, ...]:
        s, both = self.settings, ("photos", "cartoons")
        return (Stage("translation", s.steps, tuple(self.networks), both, linear_decay(s.decay_from)),)

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        self.photos = Faces(packs["photos"], device, self.settings.geometry)
        self.cartoons = Faces(packs["cartoons"], device, self.settings.geometry)

    def take(self) -> None:
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
        s, (of_cartoons, of_photos) = self.settings, self.discriminators
        photo, cartoon = self.photo.pictures, self.cartoon.pictures
        parts: dict[str, Tensor] = {
            "generators": generator_loss("lsgan", of_cartoons(self.shown(self.toon)))
            + generator_loss("lsgan", of_photos(self.shown(self.made_photo))),
            "cycle": s.cycle * (l1_loss(self.photo_again, photo) + l1_loss(self.cartoon_again, cartoon)),
        }
        if s.identity:
            parts["identity"] = s.identity * (
                l1_loss(self.generator(cartoon), cartoon) + l1_loss(self.back(photo), photo)
            )
        update("generators", total(parts.values()))

        learned = []
        for discriminator, pool, real, made in (
            (of_cartoons, self.pools[0], cartoon, self.toon),
            (of_photos, self.pools[1], photo, self.made_photo),
        ):
            logits = discriminator(self.shown(real)), discriminator(pool(self.shown(made)))
            # halved, so that discriminators learn more slowly than generators (section 7.1)
            learned.append(discriminator_loss("lsgan", logits[0], logits[1:]) / 2)
        parts["discriminators"] = total(learned)
        update("discriminators", parts["discriminators"])
        self.losses = parts

    def shown(self, pictures: Tensor) -> Tensor:
        """What a discriminator sees of them."""
        return without_padding(pictures, self.photo, self.cartoon)

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]
