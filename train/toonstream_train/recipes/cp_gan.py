"""CP-GAN: Cartoon-to-Photo Facial Translation with Generative Adversarial Networks (Huang, Tan, Yan et al.; ACML 2019).

It translates a source domain to a target domain: in the paper vector avatars to photos; photos to cartoons by naming
the packs the other way round. Departures from the paper, and choices where it gives no detail; unless said
otherwise these are those of the authors' own code (on GitHub, JunhongH/CP-GAN):
- The content network is dlib's of face recognition in place of Light CNN-9: its feature map of 8x8, as is the last one
  there. Features are divided by their mean size on targets, and the norm of equation 4 is a mean, so gamma is another
  number than the paper's 0.01, to be found by its rule (section 4.6): the content loss is to stay about where it is.
- Generator: 32, 64 and 128 channels, 9x9 at its ends, no tanh. Discriminators: the text has four blocks of stride 2,
  the code three and one of stride 1; the text is followed. Both end in a 1x1 convolution to logits of patches.
- Adversarial losses are least squares instead of logarithms, the discriminators' halved. Adam, beta1 0.5. Ten epochs
  of the larger set.
- An l1 identity term on targets, weight 0.01 in steps of 255.
- Each iteration has two steps of the generator: down the local loss, then down the global, content and identity losses
  together. Their learning rate is one, so Adam makes lambda matter less than equation 5 suggests. The code takes the
  second step with pictures made before the first; here they are made again.
- The code's patches are rows 16 to 48, 48 to 80 and 80 to 112 of crops aligned so that eyes lie in row 40 and mouths in
  row 88 of 128. Crops here are wider: the same rows are found by each face's landmarks. Padding is grey (0). Those of
  a made picture are its source's. Equation 2's mean over the three is kept; the code adds them.
- Crops are mirrored half the time, what was padded in them is hidden from the discriminators, and what is shown and
  exported is a moving average (EMA).

Section 4.5's ablations: adversarial=0, without the global discriminator; local=0, without the local one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.optim import Adam

from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.data.dataset import Batch, Faces, Geometry, signed, without_padding
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.content import content
from toonstream_train.losses.total import total
from toonstream_train.networks import perceptual
from toonstream_train.networks.blocks.initial import gaussian
from toonstream_train.networks.blocks.patches import bands
from toonstream_train.networks.discriminators.strided import Discriminator
from toonstream_train.networks.generators.cp_gan import Generator


@dataclass(frozen=True)
class CPGANSettings(Settings):
    """The defaults are the paper's, section 4.1, but for the number of steps, which is 660,000 there."""

    steps: int = 30_000
    geometry: Geometry = field(default_factory=lambda: Geometry(size=128, scale=(0.5, 0.5)))
    """Whole crops, at that size: the style draws such crops, too."""
    batch: int = 1
    width: int = 32
    blocks: int = 5
    discriminator_width: int = 64
    learning_rate: float = 1e-4
    beta1: float = 0.5
    adversarial: float = 1.0
    """Of the global discriminator."""
    local: float = 0.1
    """lambda of equation 5."""
    content: perceptual.Perceptual = field(default_factory=lambda: perceptual.Perceptual("dlib-face", "level2"))
    gamma: float = 1.0
    """Weight of the content loss, equation 5."""
    identity: float = 0.01


class CPGAN(Recipe):
    name = "cp_gan"
    defaults = CPGANSettings()
    packs: ClassVar = {"source": "faces to translate", "target": "what they are to look like"}
    averaged = ("generator",)

    settings: CPGANSettings

    def __init__(self, settings: CPGANSettings) -> None:
        super().__init__(settings)
        s = settings
        self.generator = Generator(s.width, s.blocks)
        self.of_faces = Discriminator(width=s.discriminator_width).apply(gaussian)  # D_g
        self.of_parts = Discriminator(width=s.discriminator_width).apply(gaussian)  # D_l
        self.networks = {
            "generator": self.generator,
            "discriminator": self.of_faces,
            "local discriminator": self.of_parts,
        }
        self.optimisers = {
            name: Adam(network.parameters(), s.learning_rate, (s.beta1, 0.999))
            for name, network in self.networks.items()
        }

    def stages(self) -> tuple[Stage, ...]:
        return (Stage("translation", self.settings.steps, tuple(self.networks), tuple(self.packs)),)

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        s = self.settings
        self.sources, self.targets = (Faces(packs[name], device, s.geometry) for name in self.packs)
        self.features = perceptual.build(s.content, signed(self.targets.images[:16]))  # C

    def take(self) -> None:
        self.source = self.sources.sample(self.settings.batch)
        self.target = self.targets.sample(self.settings.batch)

    def forward(self) -> None:
        self.made = self.generator(self.source.pictures)
        self.pictures = {"source": self.source.pictures, "made": self.made, "target": self.target.pictures}

    def optimise(self, update: Update) -> None:
        """Equation 5: the local players, then the global ones with content and identity."""
        s, source, target = self.settings, self.source.pictures, self.target.pictures
        parts = self.losses = {}
        if s.local:  # equation 2
            parts["local generator"] = s.local * generator_loss("lsgan", self.of_parts(self.local(self.made)))
            update("generator", parts["local generator"])
            logits = self.of_parts(self.local(target, self.target)), self.of_parts(self.local(self.made.detach()))
            parts["local discriminator"] = s.local * discriminator_loss("lsgan", logits[0], logits[1:]) / 2
            update("local discriminator", parts["local discriminator"])
            self.made = self.generator(source)

        again = self.generator(target)
        whole = {
            "content": s.gamma * content(self.features(self.made), self.features(source), "l2") / 2,  # equation 4
            "identity": s.identity * 127.5 * l1_loss(again, target),
        }
        if s.adversarial:  # equation 1
            whole["generator"] = s.adversarial * generator_loss("lsgan", self.of_faces(self.shown(self.made)))
        parts |= whole
        update("generator", total(whole.values()))
        if s.adversarial:
            logits = self.of_faces(self.shown(target)), self.of_faces(self.shown(self.made.detach()))
            parts["discriminator"] = s.adversarial * discriminator_loss("lsgan", logits[0], logits[1:]) / 2
            update("discriminator", parts["discriminator"])

    def shown(self, pictures: Tensor) -> Tensor:
        """What the global discriminator sees of them."""
        return without_padding(pictures, self.source, self.target)

    def local(self, pictures: Tensor, faces: Batch | None = None) -> Tensor:
        """What the local one sees: three patches of each, by the landmarks of `faces`, or else of the source."""
        return bands(self.shown(pictures), (faces or self.source).points[5])

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]
