"""CartoonGAN: Generative Adversarial Networks for Photo Cartoonization (Chen, Lai, Liu; CVPR 2018).

Departures from the paper, and choices where it gives no detail:
- `--preset paper` has the paper's scale: 64 channels, 256x256, conv4_4 of VGG19, 200 epochs. The defaults are of a
  scale that two CPU cores finish: patches of 128 pixels at half to full magnification, and a content loss from
  EfficientNet-Lite1, which needs no download.
- The content features are divided by their mean on photos, so that omega, the paper's 10, means the same for each
  network; where that of the paper's own VGG19 lies, it does not say.
- The generator ends in tanh, so that pictures are in [-1, 1]; figure 2 ends in a convolution.
- It minimises -log D(G(p)) instead of log(1 - D(G(p))): the same fixed point, and gradients from the start.
- Batch size, optimiser (Adam) and learning rate are not in the paper.
- Photos and cartoons are aligned crops of faces; half of them are mirrored. What was padded is hidden from D.
- What is shown and exported is a moving average (EMA) of the generator's weights.

Section 4.3's ablations: initialisation=0, content_norm="l2", edges=false. `steps` are those of the adversarial stage
alone, so that every variant has the same number of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Adam

from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.data.dataset import Faces, Geometry, signed, without_padding
from toonstream_train.data.edge_smoothing import smoothed
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.content import Norm, content
from toonstream_train.networks import perceptual
from toonstream_train.networks.discriminators.cartoongan import Discriminator
from toonstream_train.networks.generators.cartoongan import Generator


@dataclass(frozen=True)
class CartoonGANSettings(Settings):
    geometry: Geometry = field(default_factory=lambda: Geometry(size=128, scale=(0.5, 1.0)))
    batch: int = 4
    initialisation: int = 500
    """Steps of section 3.3's initialisation phase; the paper has 10 epochs."""
    steps: int = 4_000
    """Of the adversarial stage that follows."""
    width: int = 16
    """Channels of the generator's first layer."""
    discriminator_width: int = 16
    learning_rate: float = 2e-4
    beta1: float = 0.5
    omega: float = 10.0
    """Weight of the content loss, equation 2."""
    content: perceptual.Perceptual = field(default_factory=perceptual.Perceptual)
    content_norm: Norm = "l1"
    edges: bool = True
    """The edge-promoting part of equation 3."""


class CartoonGAN(Recipe):
    name = "cartoongan"
    defaults = CartoonGANSettings()
    packs: ClassVar = {"photos": "faces to draw", "cartoons": "what they are to look like"}
    averaged = ("generator",)

    settings: CartoonGANSettings

    def __init__(self, settings: CartoonGANSettings) -> None:
        super().__init__(settings)
        s = settings
        self.generator, self.discriminator = Generator(s.width), Discriminator(s.discriminator_width)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.optimisers = {
            name: Adam(network.parameters(), s.learning_rate, (s.beta1, 0.999))
            for name, network in self.networks.items()
        }

    def stages(self) -> tuple[Stage, ...]:
        s = self.settings
        return (
            Stage("initialisation", s.initialisation, ("generator",), ("photos",)),
            Stage("adversarial", s.steps, ("generator", "discriminator"), ("photos", "cartoons")),
        )

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        s = self.settings
        self.photos = Faces(packs["photos"], device, s.geometry)
        if "cartoons" in packs:
            self.cartoons = Faces(packs["cartoons"], device, s.geometry)
        self.perceptual = perceptual.build(s.content, signed(self.photos.images[:16]))

    def take(self) -> None:
        s = self.settings
        self.photo = self.photos.sample(s.batch)
        if self.stage.name == "adversarial":
            self.cartoon = self.cartoons.sample(s.batch)
            self.without_edges = {"edges smoothed": smoothed_patches(self.cartoon.pictures)} if s.edges else {}

    def forward(self) -> None:
        self.toon = self.generator(self.photo.pictures)
        self.pictures = {"photo": self.photo.pictures, "toon": self.toon}
        if self.stage.name == "adversarial":
            self.pictures |= {"cartoon": self.cartoon.pictures, **self.without_edges}

    def optimise(self, update: Update) -> None:
        """Equation 2, L = L_adv + omega L_con; in the initialisation stage L_con alone (section 3.3)."""
        s = self.settings
        features = self.perceptual(self.toon), self.perceptual(self.photo.pictures)
        self.losses = {"content": s.omega * content(*features, s.content_norm)}  # equation 4
        if self.stage.name == "initialisation":
            update("generator", self.losses["content"])
            return
        # equation 3: what of it the generator can change, then all of it
        self.losses["generator"] = generator_loss("vanilla", self.discriminator(self.shown(self.toon)))
        update("generator", self.losses["generator"] + self.losses["content"])

        real = self.discriminator(self.shown(self.cartoon.pictures))
        fakes = [self.toon.detach(), *self.without_edges.values()]
        logits = [self.discriminator(self.shown(pictures)) for pictures in fakes]
        self.losses["discriminator"] = discriminator_loss("vanilla", real, logits)
        update("discriminator", self.losses["discriminator"])

    def shown(self, pictures: Tensor) -> Tensor:
        """What the discriminator sees of them."""
        return without_padding(pictures, self.photo, self.cartoon)

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]


def smoothed_patches(pictures: Tensor) -> Tensor:
    """`smoothed` of (B, 3, S, S) in [-1, 1], at the size that the networks see, as in the paper."""
    images = ((pictures + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
    return signed(torch.from_numpy(smoothed(images.cpu().numpy())).to(pictures.device))
