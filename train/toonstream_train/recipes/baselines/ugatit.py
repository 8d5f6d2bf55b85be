"""U-GAT-IT: Unsupervised Generative Attentional Networks with Adaptive Layer-Instance Normalization for Image-to-Image
Translation (Kim, Kim, Kang, Lee; ICLR 2020).

A baseline that the papers here compare themselves with: CycleGAN with attention and AdaLIN. Where it departs from its
paper, or fills in what the paper does not give:
- Generators are the authors' light version, whose AdaLIN parameters come from means, so that sizes are free.
- In print the discriminators' attention is to say 0 of real pictures and 1 of made ones; here, as in the authors' code,
  it has the same targets as the logits, with the weight of the adversarial loss, and the generators fool both.
- First weights are Gaussian in the generators alone: spectral norm takes their scale away in the discriminators.
- Pictures are aligned crops of faces, what was padded is hidden from the discriminators, and what is exported is a
  moving average (EMA).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import ClassVar

import torch
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.optim import Adam

from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.core.schedules import linear_decay
from toonstream_train.data.dataset import Faces, Geometry, without_padding
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.attention import cam_loss
from toonstream_train.losses.total import total
from toonstream_train.networks.blocks.adalin import clip_gates
from toonstream_train.networks.blocks.initial import gaussian
from toonstream_train.networks.discriminators.ugatit import Discriminator
from toonstream_train.networks.generators.ugatit import Generator

DOWNS = {"global": 5, "local": 3}
"""Layers of stride 2 of the two discriminators that each domain has (table 5)."""
SMALLEST = 3 * 2 ** DOWNS["global"]
"""Side of a picture, below which nothing is left for the global one."""


@dataclass(frozen=True)
class UGATITSettings(Settings):
    """The defaults are the paper's, section 2.2 and appendix."""

    steps: int = 1_000_000
    decay_from: float = 0.5
    """Share of the steps after which learning rates fall, linearly, to zero."""
    geometry: Geometry = field(default_factory=Geometry)
    batch: int = 1
    width: int = 64
    blocks: int = 4
    discriminator_width: int = 64
    learning_rate: float = 1e-4
    beta1: float = 0.5
    weight_decay: float = 1e-4
    adversarial: float = 1.0
    cycle: float = 10.0
    identity: float = 10.0
    cam: float = 1000.0


class UGATIT(Recipe):
    name = "ugatit"
    defaults = UGATITSettings()
    packs: ClassVar = {"photos": "faces to draw", "cartoons": "what they are to look like"}
    averaged = ("generator",)

    settings: UGATITSettings

    def __init__(self, settings: UGATITSettings) -> None:
        super().__init__(settings)
        s = settings
        if s.geometry.size < SMALLEST:
            raise InputError(f"geometry.size={s.geometry.size}: ugatit needs {SMALLEST} pixels at least")
        self.generator, self.back = Generator(s.width, s.blocks), Generator(s.width, s.blocks)
        self.generator.apply(gaussian)
        self.back.apply(gaussian)
        self.discriminators = {
            domain: [Discriminator(s.discriminator_width, downs) for downs in DOWNS.values()]
            for domain in ("cartoon", "photo")
        }
        self.networks = {
            "generator": self.generator,
            "back": self.back,
            **{
                f"{reach} {domain} discriminator": network
                for domain, networks in self.discriminators.items()
                for reach, network in zip(DOWNS, networks, strict=True)
            },
        }

        def adam(*networks: nn.Module) -> Adam:
            parameters = chain(*(n.parameters() for n in networks))
            return Adam(parameters, s.learning_rate, (s.beta1, 0.999), weight_decay=s.weight_decay)

        self.optimisers = {
            "generators": adam(self.generator, self.back),
            "discriminators": adam(*chain(*self.discriminators.values())),
        }

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
        """Both ways round; `of_photo` and `of_cartoon` are what the generators' attention says of their sources."""
        photo, cartoon = self.photo.pictures, self.cartoon.pictures
        attended, self.of_photo = self.generator.encode(photo)
        self.toon = self.generator.decode(attended)
        attended, self.of_cartoon = self.back.encode(cartoon)
        self.made_photo = self.back.decode(attended)
        self.photo_again, self.cartoon_again = self.back(self.toon), self.generator(self.made_photo)
        self.pictures = {
            "photo": photo,
            "toon": self.toon,
            "photo again": self.photo_again,
            "cartoon": cartoon,
            "made photo": self.made_photo,
            "cartoon again": self.cartoon_again,
        }

    def optimise(self, update: Update) -> None:
        """The full objective of section 2.2: adversarial, cycle, identity and CAM loss."""
        s, photo, cartoon = self.settings, self.photo.pictures, self.cartoon.pictures
        # what is of the target domain already stays, and the attention says that it is of no source
        attended, target_cartoon = self.generator.encode(cartoon)
        same_cartoon = self.generator.decode(attended)
        attended, target_photo = self.back.encode(photo)
        same_photo = self.back.decode(attended)
        made = {"cartoon": self.toon, "photo": self.made_photo}
        real = {"cartoon": cartoon, "photo": photo}
        parts: dict[str, Tensor] = {
            "generators": s.adversarial
            * total(generator_loss("lsgan", fake) for d in made for fake in self.logits(d, made[d])),
            "cycle": s.cycle * (l1_loss(self.photo_again, photo) + l1_loss(self.cartoon_again, cartoon)),
            "identity": s.identity * (l1_loss(same_cartoon, cartoon) + l1_loss(same_photo, photo)),
            "cam": s.cam * (cam_loss(self.of_photo, target_cartoon) + cam_loss(self.of_cartoon, target_photo)),
        }
        update("generators", total(parts.values()))
        clip_gates(self.generator)
        clip_gates(self.back)

        parts["discriminators"] = s.adversarial * total(
            discriminator_loss("lsgan", of_real, [of_made])
            for d in made
            for of_real, of_made in zip(self.logits(d, real[d]), self.logits(d, made[d].detach()), strict=True)
        )
        update("discriminators", parts["discriminators"])
        self.losses = parts

    def logits(self, domain: str, pictures: Tensor) -> list[Tensor]:
        """Of the global and the local discriminator, and of the attention of each."""
        shown = without_padding(pictures, self.photo, self.cartoon)
        return list(chain(*(discriminator(shown) for discriminator in self.discriminators[domain])))

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]
