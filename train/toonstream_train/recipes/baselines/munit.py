"""MUNIT: Multimodal Unsupervised Image-to-Image Translation (Huang, Liu, Belongie, Kautz; ECCV 2018).

A baseline that the papers here compare themselves with: a picture is a content code, which both domains share, and a
style code of its domain; a cartoon is a photo's content in a random style of cartoons. Where it departs from its paper,
or fills in what the paper does not give:
- What is exported draws in one style, the mean of the cartoons' style codes: a moving average over training.
- The content encoder's strided convolutions are CycleGAN's. Layer norm in the decoder, Gaussian first weights of the
  discriminators and the number of steps are from the authors' code.
- The perceptual loss, which the paper keeps for pictures larger than 512 pixels, is left out.
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
from toonstream_train.core.schedules import step_decay
from toonstream_train.data.dataset import Faces, Geometry, without_padding
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.total import total
from toonstream_train.networks.blocks.initial import gaussian, kaiming
from toonstream_train.networks.discriminators.multi_scale import MultiScale
from toonstream_train.networks.generators.munit import Decoder, Generator, MeanCode, content_encoder, style_encoder

DRAWS = ("photo content", "cartoon decoder", "cartoon code")
"""The parts between a photo and its cartoon, in the order of `Generator`."""
SMALLEST = 64
"""Side of a picture, below which its coarsest discriminator has nothing to reflect at the border."""


@dataclass(frozen=True)
class MUNITSettings(Settings):
    """The defaults are the paper's, section 5.1 and appendix B."""

    steps: int = 1_000_000
    halve: int = 100_000
    """Steps after which the learning rates are halved, again and again."""
    geometry: Geometry = field(default_factory=Geometry)
    batch: int = 1
    width: int = 64
    blocks: int = 4
    style: int = 8
    """Size of a style code."""
    discriminator_width: int = 64
    learning_rate: float = 1e-4
    beta1: float = 0.5
    reconstruction: float = 10.0
    """lambda_x of equation 5."""
    content: float = 1.0
    """lambda_c."""
    codes: float = 1.0
    """lambda_s."""


class MUNIT(Recipe):
    name = "munit"
    defaults = MUNITSettings()
    packs: ClassVar = {"photos": "faces to draw", "cartoons": "what they are to look like"}
    averaged = DRAWS[:2]

    settings: MUNITSettings

    def __init__(self, settings: MUNITSettings) -> None:
        super().__init__(settings)
        s = settings
        if s.geometry.size < SMALLEST:
            raise InputError(f"geometry.size={s.geometry.size}: munit needs {SMALLEST} pixels at least")
        autoencoders: dict[str, nn.Module] = {}
        for domain in ("photo", "cartoon"):
            autoencoders[f"{domain} content"] = content_encoder(s.width, s.blocks)
            autoencoders[f"{domain} style"] = style_encoder(s.width, s.style)
            autoencoders[f"{domain} decoder"] = Decoder(s.width, s.blocks, s.style)
        self.discriminators = {name: MultiScale(s.discriminator_width) for name in ("photo", "cartoon")}
        self.code = MeanCode(s.style)
        for network in autoencoders.values():
            network.apply(kaiming)
        for network in self.discriminators.values():
            network.apply(gaussian)
        self.networks = {
            **autoencoders,
            "cartoon code": self.code,
            **{f"{name} discriminator": network for name, network in self.discriminators.items()},
        }
        self.optimisers = {
            name: Adam(chain(*(n.parameters() for n in many)), s.learning_rate, (s.beta1, 0.999))
            for name, many in (
                ("autoencoders", autoencoders.values()),
                ("discriminators", self.discriminators.values()),
            )
        }

    def stages(self) -> tuple[Stage, ...]:
        s = self.settings
        halves = step_decay({step / s.steps: 0.5 for step in range(s.halve, s.steps, s.halve)})
        return (Stage("translation", s.steps, tuple(self.networks), ("photos", "cartoons"), halves),)

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        self.photos = Faces(packs["photos"], device, self.settings.geometry)
        self.cartoons = Faces(packs["cartoons"], device, self.settings.geometry)

    def take(self) -> None:
        """Pictures, and style codes from the prior."""
        s = self.settings
        self.photo, self.cartoon = self.photos.sample(s.batch), self.cartoons.sample(s.batch)
        self.photo_style, self.cartoon_style = torch.randn(2, s.batch, s.style, device=self.photo.pictures.device)

    def forward(self) -> None:
        """Within the domains, and across in a random style, both ways."""
        n, photo, cartoon = self.networks, self.photo.pictures, self.cartoon.pictures
        self.photo_content, self.cartoon_content = n["photo content"](photo), n["cartoon content"](cartoon)
        style_of_cartoon = n["cartoon style"](cartoon)
        self.code.show(style_of_cartoon)
        self.photo_again = n["photo decoder"](self.photo_content, n["photo style"](photo))
        self.cartoon_again = n["cartoon decoder"](self.cartoon_content, style_of_cartoon)
        self.toon = n["cartoon decoder"](self.photo_content, self.cartoon_style)
        self.made_photo = n["photo decoder"](self.cartoon_content, self.photo_style)
        self.pictures = {
            "photo": photo,
            "photo again": self.photo_again,
            "toon": self.toon,
            "cartoon": cartoon,
            "cartoon again": self.cartoon_again,
            "made photo": self.made_photo,
        }

    def optimise(self, update: Update) -> None:
        """Equation 5; least squares at each scale (section 5.1)."""
        s, n, photo, cartoon = self.settings, self.networks, self.photo.pictures, self.cartoon.pictures
        pairs = {"photo": (photo, self.made_photo), "cartoon": (cartoon, self.toon)}
        parts: dict[str, Tensor] = {
            # equation 1
            "reconstruction": s.reconstruction
            * (l1_loss(self.photo_again, photo) + l1_loss(self.cartoon_again, cartoon)),
            # equation 2
            "content": s.content
            * (
                l1_loss(n["cartoon content"](self.toon), self.photo_content)
                + l1_loss(n["photo content"](self.made_photo), self.cartoon_content)
            ),
            # equation 3
            "style": s.codes
            * (
                l1_loss(n["cartoon style"](self.toon), self.cartoon_style)
                + l1_loss(n["photo style"](self.made_photo), self.photo_style)
            ),
            # equation 4
            "generators": total(
                generator_loss("lsgan", fake) for name, (_, made) in pairs.items() for fake in self.logits(name, made)
            ),
        }
        update("autoencoders", total(parts.values()))

        parts["discriminators"] = total(
            discriminator_loss("lsgan", real, [fake])
            for name, (picture, made) in pairs.items()
            for real, fake in zip(self.logits(name, picture), self.logits(name, made.detach()), strict=True)
        )
        update("discriminators", parts["discriminators"])
        self.losses = parts

    def logits(self, domain: str, pictures: Tensor) -> list[Tensor]:
        """Of each scale."""
        logits: list[Tensor] = self.discriminators[domain](without_padding(pictures, self.photo, self.cartoon))
        return logits

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        s = self.settings
        return Generator(s.width, s.blocks, s.style, [networks[name] for name in DRAWS])
