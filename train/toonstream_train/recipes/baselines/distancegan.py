"""DistanceGAN: One-Sided Unsupervised Domain Mapping (Benaim, Wolf; NIPS 2017).

A baseline that the papers here compare themselves with: no generator back, no cycle. Where two photos differ much,
their cartoons are to differ much. Where it departs from its paper, or fills in what the paper does not give:
- It is the paper's mapping in one direction, with CycleGAN's networks; the variants in both directions and with a cycle
  are left out. `self_distance` is its other way, by the two halves of each picture.
- Pictures are aligned crops of faces, what was padded is hidden from the discriminator, and what is exported is a
  moving average (EMA).
- Means and deviations of the distances are those of 128 patches a domain, drawn as in training.
- Pairs are those of a batch, which has two pictures at least; the weight is that of the authors' code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.optim import Adam

from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.core.schedules import linear_decay
from toonstream_train.data.dataset import Faces, Geometry, without_padding
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.distance import Distances, between_halves, between_pictures, distance_loss
from toonstream_train.networks.blocks.image_pool import ImagePool
from toonstream_train.networks.blocks.initial import gaussian
from toonstream_train.networks.discriminators.cyclegan import Discriminator
from toonstream_train.networks.generators.cyclegan import Generator

GROUPS, GROUP = 16, 8
"""Of so many times so many patches of a domain the distances are measured before training."""


@dataclass(frozen=True)
class DistanceGANSettings(Settings):
    """The defaults are CycleGAN's but for the batch, as in the paper's comparison with it."""

    steps: int = 100_000
    decay_from: float = 0.5
    """Share of the steps after which learning rates fall, linearly, to zero."""
    geometry: Geometry = field(default_factory=Geometry)
    batch: int = 2
    width: int = 64
    blocks: int = 9
    discriminator_width: int = 64
    learning_rate: float = 2e-4
    beta1: float = 0.5
    distance: float = 1.0
    self_distance: bool = False
    """The distance between halves of a picture, instead of between pictures; a batch of one will do."""
    pool: int = 50


class DistanceGAN(Recipe):
    name = "distancegan"
    defaults = DistanceGANSettings()
    packs: ClassVar = {"photos": "faces to draw", "cartoons": "what they are to look like"}
    averaged = ("generator",)

    settings: DistanceGANSettings

    def __init__(self, settings: DistanceGANSettings) -> None:
        super().__init__(settings)
        s = settings
        if s.batch < 2 and not s.self_distance:
            raise InputError("distancegan compares the pictures of a batch; set batch=2 or more, or self_distance=true")
        self.generator, self.discriminator = Generator(s.width, s.blocks), Discriminator(s.discriminator_width)
        self.pool = ImagePool(s.pool, s.geometry.size)
        self.generator.apply(gaussian)
        self.discriminator.apply(gaussian)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator, "pool": self.pool}
        self.optimisers = {
            name: Adam(self.networks[name].parameters(), s.learning_rate, (s.beta1, 0.999))
            for name in ("generator", "discriminator")
        }
        self.distances: Distances = between_halves if s.self_distance else between_pictures

    def stages(self) -> tuple[Stage, ...]:
        s = self.settings
        return (
            Stage("translation", s.steps, tuple(self.networks), ("photos", "cartoons"), linear_decay(s.decay_from)),
        )

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        """mu and sigma of the distances in either domain."""
        self.photos = Faces(packs["photos"], device, self.settings.geometry)
        self.cartoons = Faces(packs["cartoons"], device, self.settings.geometry)
        self.of_photos, self.of_cartoons = self.measured(self.photos), self.measured(self.cartoons)

    def measured(self, faces: Faces) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the distances in a domain, of the same patches when a run is resumed."""
        device = faces.images.device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(self.settings.training.seed)
            many = [self.distances(faces.sample(GROUP).pictures) for _ in range(GROUPS)]
        deviation, mean = torch.std_mean(torch.cat(many))
        return mean, deviation

    def take(self) -> None:
        self.photo = self.photos.sample(self.settings.batch)
        self.cartoon = self.cartoons.sample(self.settings.batch)

    def forward(self) -> None:
        self.toon = self.generator(self.photo.pictures)
        self.pictures = {"photo": self.photo.pictures, "toon": self.toon, "cartoon": self.cartoon.pictures}

    def optimise(self, update: Update) -> None:
        s, photo = self.settings, self.photo.pictures
        before, after = self.distances(photo), self.distances(self.toon)
        parts = self.losses = {
            "generator": generator_loss("lsgan", self.discriminator(self.shown(self.toon))),
            "distance": s.distance * distance_loss(before, after, self.of_photos, self.of_cartoons),
        }
        update("generator", parts["generator"] + parts["distance"])

        logits = (
            self.discriminator(self.shown(self.cartoon.pictures)),
            self.discriminator(self.pool(self.shown(self.toon))),
        )
        parts["discriminator"] = discriminator_loss("lsgan", logits[0], logits[1:]) / 2
        update("discriminator", parts["discriminator"])

    def shown(self, pictures: Tensor) -> Tensor:
        """What the discriminator sees of them."""
        return without_padding(pictures, self.photo, self.cartoon)

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]
