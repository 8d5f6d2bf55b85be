"""UNIT: Unsupervised Image-to-Image Translation Networks (Liu, Breuel, Kautz; NIPS 2017).

A baseline that the papers here compare themselves with: two variational autoencoders, of photos and of cartoons, with
one latent space, since the layers next to it are the same ones. Where it departs from its paper, or fills in what the
paper does not give:
- Encoders and decoders are CycleGAN's generator, cut in four: instance norm, and ReLU for leaky ReLU.
- The discriminators are MUNIT's at one scale; sums over pixels and codes are means, as in the authors' code.
- It minimises -log D(G(p)) instead of log(1 - D(G(p))), and the number of steps is not in the paper.
- Pictures are aligned crops of faces, what was padded is hidden from the discriminators, and what is exported is a
  moving average (EMA). It draws the mean of the code's distribution, without its noise.
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
from toonstream_train.data.dataset import Faces, Geometry, without_padding
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.total import total
from toonstream_train.losses.variational import kl_to_standard_normal
from toonstream_train.networks.blocks.initial import gaussian
from toonstream_train.networks.discriminators.multi_scale import MultiScale
from toonstream_train.networks.generators.unit import Generator, decoder, encoder, shared

DRAWS = ("photo encoder", "shared encoder", "shared decoder", "cartoon decoder")
"""The parts between a photo and its cartoon, in their order."""


@dataclass(frozen=True)
class UNITSettings(Settings):
    """The defaults are the paper's, section 4 and appendix."""

    steps: int = 200_000
    geometry: Geometry = field(default_factory=Geometry)
    batch: int = 1
    width: int = 64
    blocks: int = 3
    """Residual blocks of an encoder or a decoder that only its own domain uses."""
    discriminator_width: int = 64
    learning_rate: float = 1e-4
    beta1: float = 0.5
    adversarial: float = 10.0
    """lambda_0."""
    kl: float = 0.1
    """lambda_1, and lambda_3 in the cycle."""
    reconstruction: float = 100.0
    """lambda_2, and lambda_4 in the cycle."""


class UNIT(Recipe):
    name = "unit"
    defaults = UNITSettings()
    packs: ClassVar = {"photos": "faces to draw", "cartoons": "what they are to look like"}
    averaged = DRAWS

    settings: UNITSettings

    def __init__(self, settings: UNITSettings) -> None:
        super().__init__(settings)
        s = settings
        autoencoders = {
            "photo encoder": encoder(s.width, s.blocks),
            "cartoon encoder": encoder(s.width, s.blocks),
            "shared encoder": shared(s.width),
            "shared decoder": shared(s.width),
            "photo decoder": decoder(s.width, s.blocks),
            "cartoon decoder": decoder(s.width, s.blocks),
        }
        discriminators = {
            "photo discriminator": MultiScale(s.discriminator_width, 5, 1),
            "cartoon discriminator": MultiScale(s.discriminator_width, 5, 1),
        }
        self.networks = {**autoencoders, **discriminators}
        for network in self.networks.values():
            network.apply(gaussian)
        self.optimisers = {
            name: Adam(chain(*(n.parameters() for n in many.values())), s.learning_rate, (s.beta1, 0.999))
            for name, many in (("autoencoders", autoencoders), ("discriminators", discriminators))
        }

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("translation", self.settings.steps, tuple(self.networks), ("photos", "cartoons")),)

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        self.photos = Faces(packs["photos"], device, self.settings.geometry)
        self.cartoons = Faces(packs["cartoons"], device, self.settings.geometry)

    def take(self) -> None:
        self.photo = self.photos.sample(self.settings.batch)
        self.cartoon = self.cartoons.sample(self.settings.batch)

    def encode(self, domain: str, pictures: Tensor) -> Tensor:
        """The mean of q(z | x); its deviation is 1."""
        mean: Tensor = self.networks["shared encoder"](self.networks[f"{domain} encoder"](pictures))
        return mean

    def drawn(self, mean: Tensor) -> Tensor:
        """A code drawn from q, as far as both domains decode it alike."""
        code: Tensor = self.networks["shared decoder"](mean + torch.randn_like(mean))
        return code

    def forward(self) -> None:
        """Within the domains and across, both ways."""
        photo, cartoon = self.photo.pictures, self.cartoon.pictures
        self.of_photo, self.of_cartoon = self.encode("photo", photo), self.encode("cartoon", cartoon)
        to_photo, to_cartoon = self.networks["photo decoder"], self.networks["cartoon decoder"]
        code = self.drawn(self.of_photo)
        self.photo_again, self.toon = to_photo(code), to_cartoon(code)
        code = self.drawn(self.of_cartoon)
        self.made_photo, self.cartoon_again = to_photo(code), to_cartoon(code)
        self.pictures = {
            "photo": photo,
            "photo again": self.photo_again,
            "toon": self.toon,
            "cartoon": cartoon,
            "cartoon again": self.cartoon_again,
            "made photo": self.made_photo,
        }

    def optimise(self, update: Update) -> None:
        """L_VAE + L_GAN + L_CC of either domain (section 3); log p under a Laplacian is an l1 distance."""
        s, photo, cartoon = self.settings, self.photo.pictures, self.cartoon.pictures
        real = {"photo": photo, "cartoon": cartoon}
        made = {"photo": self.made_photo, "cartoon": self.toon}  # reconstructions are supervised, and none of D's
        of_toon, of_made_photo = self.encode("cartoon", self.toon), self.encode("photo", self.made_photo)
        photo_back = self.networks["photo decoder"](self.drawn(of_toon))
        cartoon_back = self.networks["cartoon decoder"](self.drawn(of_made_photo))
        codes = 2 * (self.of_photo, self.of_cartoon) + (of_toon, of_made_photo)  # once in L_VAE, all in L_CC
        parts: dict[str, Tensor] = {
            "kl": s.kl * total(kl_to_standard_normal(mean) for mean in codes),
            "reconstruction": s.reconstruction
            * (l1_loss(self.photo_again, photo) + l1_loss(self.cartoon_again, cartoon)),
            "cycle": s.reconstruction * (l1_loss(photo_back, photo) + l1_loss(cartoon_back, cartoon)),
            "generators": s.adversarial
            * total(generator_loss("vanilla", self.logits(name, made[name])) for name in made),
        }
        update("autoencoders", total(parts.values()))

        parts["discriminators"] = s.adversarial * total(
            discriminator_loss("vanilla", self.logits(name, real[name]), [self.logits(name, made[name].detach())])
            for name in made
        )
        update("discriminators", parts["discriminators"])
        self.losses = parts

    def logits(self, domain: str, pictures: Tensor) -> Tensor:
        (logits,) = self.networks[f"{domain} discriminator"](without_padding(pictures, self.photo, self.cartoon))
        assert isinstance(logits, Tensor)
        return logits

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return Generator(self.settings.width, self.settings.blocks, [networks[name] for name in DRAWS])
