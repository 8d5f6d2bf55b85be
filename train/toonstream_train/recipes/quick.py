"""A style from photos and cartoons within minutes on a CPU: the cartoons' lines and shading, the photos' colours.

Not from a paper. It keeps the plan of CartoonGAN (unpaired photos and cartoons, no cycle) and replaces what
takes long or a pretrained network:
- The generator is the small one for live use, its lightness in flat tones by construction. It begins by reproducing its
  input, in place of the initialisation phase.
- The discriminator sees lightness alone, as in AnimeGAN (Chen et al. 2019), less its mean, so that skin keeps its
  colour and its tone, whatever the cartoons'. It sees a window; hinge loss and spectral norm (Miyato et al. 2018).
- The discriminator is conditioned on where in the crop each pixel is. Without that, cheeks get strokes of hair.
- The content loss: colours stay in every pixel, lightness in the means of cells; what is
  smooth in the photo is smooth in the toon.
- Input is degraded as by a webcam, and temporal consistency asks for the same toon in spite of noise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.optim import Adam

from toonstream_train.core.recipe import Recipe, Settings, Stage, Training, Update
from toonstream_train.core.schedules import linear_decay
from toonstream_train.data.dataset import Batch, Faces, Geometry
from toonstream_train.data.degradation import Degradation, again, degrade, shift
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.colour import chroma, colour, luma
from toonstream_train.losses.drawing import drawing, edge_aware_smoothness
from toonstream_train.losses.temporal import temporal_consistency
from toonstream_train.losses.total import total
from toonstream_train.networks.discriminators.cartoongan import Discriminator
from toonstream_train.networks.generators.small import Small


@dataclass(frozen=True)
class QuickSettings(Settings):
    training: Training = field(default_factory=lambda: Training(ema=0.995, clip=1.0))
    geometry: Geometry = field(default_factory=lambda: Geometry(size=128, scale=(0.8, 1.1), rotation=6.0))
    degradation: Degradation = field(default_factory=lambda: Degradation(blur=1.0, noise=6.0))
    batch: int = 4
    reconstruction: int = 100
    """Steps at the beginning in which the generator learns to reproduce its input."""
    steps: int = 1_500
    """Of the adversarial stage that follows."""
    width: int = 16
    tones: bool = True
    """Lightness in steps, as in cel animation; false for cartoons with soft shading."""
    discriminator_width: int = 16
    window: int = 64
    """Side of what the discriminator sees of each picture, at a random place."""
    learning_rate: float = 1e-3
    discriminator_rate: float = 4e-4
    adversarial: float = 0.7
    """The higher, the more of the cartoons' manner, and the less of the photo."""
    colour: float = 4.0
    chroma: float = 3.0
    smoothness: float = 2.0
    """The higher, the fewer strokes where the photo has no edge."""
    temporal: float = 1.0


class Quick(Recipe):
    name = "quick"
    defaults = QuickSettings()
    packs: ClassVar = {"photos": "faces to draw", "cartoons": "what they are to look like"}
    averaged = ("generator",)

    settings: QuickSettings

    def __init__(self, settings: QuickSettings) -> None:
        super().__init__(settings)
        s = settings
        if s.window > s.geometry.size:
            raise InputError(f"window={s.window}: it cannot be larger than geometry.size, {s.geometry.size}")
        self.generator = Small(s.width, tones=s.tones)
        self.discriminator = Discriminator(s.discriminator_width, spectral=True, conditional=True)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.optimisers = {
            "generator": Adam(self.generator.parameters(), s.learning_rate),
            "discriminator": Adam(self.discriminator.parameters(), s.discriminator_rate, (0.5, 0.999)),
        }

    def stages(self) -> tuple[Stage, ...]:
        s = self.settings
        both = ("generator", "discriminator")
        return (
            Stage("reconstruction", s.reconstruction, ("generator",), ("photos",)),
            Stage("adversarial", s.steps, both, ("photos", "cartoons"), linear_decay(after=0.5)),
        )

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        self.photos = Faces(packs["photos"], device, self.settings.geometry)
        if "cartoons" in packs:
            self.cartoons = Faces(packs["cartoons"], device, self.settings.geometry)

    def take(self) -> None:
        s = self.settings
        self.photo = self.photos.sample(s.batch)
        self.input = degrade(s.degradation, self.photo.pictures)
        if self.stage.name == "adversarial":
            self.cartoon = self.cartoons.sample(s.batch)
            self.corner = [int(n) for n in torch.randint(s.geometry.size - s.window + 1, (2,))]

    def forward(self) -> None:
        """The toons, and one of them again: its photo moved by a pixel, under fresh noise."""
        s = self.settings
        second, self.move = again(self.input[:1], s.degradation.noise)
        made = self.generator(torch.cat([self.input, second]))
        self.toon, self.again = made[: s.batch], made[s.batch :]
        self.pictures = {"photo": self.input, "toon": self.toon}
        if self.stage.name == "adversarial":
            self.pictures["cartoon"] = self.cartoon.pictures

    def optimise(self, update: Update) -> None:
        s, photo = self.settings, self.photo.pictures
        parts = self.losses = {
            "colour": s.colour * colour(self.toon, photo),
            "chroma": s.chroma * l1_loss(chroma(self.toon), chroma(photo)),
            "smoothness": s.smoothness * edge_aware_smoothness(self.toon, photo),
            "temporal": s.temporal * temporal_consistency(shift(self.toon[:1], *self.move), self.again),
        }
        if self.stage.name == "reconstruction":
            parts["reconstruction"] = drawing(self.toon, photo, torch.ones_like(photo[:, :1]))
        else:
            parts["generator"] = s.adversarial * generator_loss("hinge", self.logits(self.toon, self.photo))
        update("generator", total(parts.values()))

        if self.stage.name == "adversarial":
            real, fake = self.logits(self.cartoon.pictures, self.cartoon), self.logits(self.toon.detach(), self.photo)
            parts["discriminator"] = discriminator_loss("hinge", real, [fake])
            update("discriminator", parts["discriminator"])

    def logits(self, pictures: Tensor, faces: Batch) -> Tensor:
        """The discriminator's, of a window: by lightness and position, blank where photo or cartoon was padded."""
        (top, left), side = self.corner, self.settings.window
        window = (..., slice(top, top + side), slice(left, left + side))
        where = positions(faces.points[5], self.settings.geometry.size)[window]
        lightness = luma(pictures)
        lightness = (lightness - lightness.mean((2, 3), keepdim=True))[window].expand(-1, 3, -1, -1)
        logits: Tensor = self.discriminator(lightness * self.photo.inside[window] * self.cartoon.inside[window], where)
        return logits

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]


def positions(landmarks: Tensor, size: int) -> Tensor:
    """(B, 5, 2) in pixels -> (B, 3, size, size): where on the face each pixel lies, across and down, and zero.

    From halfway between eyes and mouth, in twice their distance.
    """
    eyes, mouth = landmarks[:, :2].mean(1), landmarks[:, 3:].mean(1)
    down = (mouth - eyes) / (2 * (mouth - eyes).square().sum(1, keepdim=True))
    across = torch.stack([down[:, 1], -down[:, 0]], 1)
    middles = torch.arange(size, device=landmarks.device) + 0.5
    pixels = torch.stack([middles.expand(size, size), middles[:, None].expand(size, size)])
    offsets = pixels - ((eyes + mouth) / 2)[:, :, None, None]
    return torch.einsum("bkc,bchw->bkhw", torch.stack([across, down, 0 * down], 1), offsets)
