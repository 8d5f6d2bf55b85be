"""A small generator learns what a drawing teacher makes of photos: how the shipped styles are made.

The photo comes warped to the style's proportions, with a chart of its landmarks; the generator only paints. First it
regresses the drawings; then discriminators join, which look at eyes and mouths beside the chart: lines become crisp.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d
from torch.optim import Adam

from toonstream.faces.shape import Shape
from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.core.schedules import linear_decay
from toonstream_train.data.drawn_faces import LARGEST, Augmentation, DrawnFaces, warped
from toonstream_train.data.pack import Pack
from toonstream_train.drawing import LOOKS
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.drawing import drawing, local_contrast, part_colours, tones
from toonstream_train.losses.temporal import temporal_consistency
from toonstream_train.networks.blocks.layers import mean_around
from toonstream_train.networks.discriminators.local import LocalDiscriminator
from toonstream_train.networks.generators.painter import Painter, face_parts

GENTLY = 0.4
"""The generator's share of its learning rate once there are discriminators."""


@dataclass(frozen=True)
class DrawingStudentSettings(Settings):
    shape: Shape = field(default_factory=Shape)
    """The style's proportions, which the drawings were made in."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    weights: Mapping[str, float] = field(default_factory=dict)
    """How often the faces of a source are taken, where not once."""
    width: int = 16
    batch: int = 6
    """Faces of 256 pixels in a batch; of larger ones it holds so many fewer that their pixels are as many."""
    sizes: Mapping[str, float] = field(default_factory=lambda: {"192": 0.05, "256": 0.65, "384": 0.2, "512": 0.1})
    """How often a batch's faces are of that many pixels a side."""
    learning_rate: float = 1.5e-3
    beta1: float = 0.9
    steps: int = 5_000
    """Of regression."""
    features: float = 10.0
    """How much more brows, lips and lines count than the rest."""
    eyes: float = 40.0
    """How much more eyes do: a hundredth of the picture, and what people look at first."""
    sockets: float = 0.0
    """How much more what surrounds the eyes counts: drawings of large eyes have no bags there, and photos do."""
    ink: float = 0.0
    """How much more dark strokes do: one whose place is not sure to the pixel would be left out as unlikely."""
    contrast: float = 1.0
    """Weight of local contrast: as much is drawn near each place as the teacher draws there."""
    tones: float = 3.0
    """Weight of tones: hair and skin have the drawing's colour, alike wherever they are."""
    parts: float = 2.0
    """Weight of the mean colours of skin, brows, whites, irises and lips, each as a whole."""
    temporal: float = 0.5
    """Weight of temporal consistency: the same toon of the same face under other noise."""
    temporal_noise: float = 4.0
    """Largest sigma of that noise, 8-bit steps."""

    adversarial_steps: int = 0
    adversarial: float = 0.04
    """Weight of what the discriminators say; at 0.3 they are fooled before they have learned."""
    discriminator_width: int = 32
    discriminator_rate: float = 1.5e-3


class DrawingStudent(Recipe):
    name = "drawing_student"
    defaults = DrawingStudentSettings()
    packs: ClassVar = {"photos": "faces with their drawings, from draw or pair"}
    learns_drawings = True
    averaged = ("generator",)

    settings: DrawingStudentSettings

    def __init__(self, settings: DrawingStudentSettings) -> None:
        super().__init__(settings)
        s = settings
        possible = {str(size) for size in range(32, LARGEST + 1, 32)}
        if wrong := [size for size in s.sizes if size not in possible]:
            raise InputError(f"sizes.{wrong[0]}: a size is a multiple of 32, in pixels, and {LARGEST} at most")
        if not sum(s.sizes.values()):
            raise InputError("sizes: no size is ever taken; give one, such as --set sizes.256=1.0")
        self.generator = Painter(s.width)
        self.discriminator = LocalDiscriminator(s.discriminator_width)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.optimisers = {
            "generator": Adam(
                [{"params": self.generator.parameters(), "name": "generator"}], s.learning_rate, (s.beta1, 0.99)
            ),
            "discriminator": Adam(self.discriminator.parameters(), s.discriminator_rate, (0.5, 0.99)),
        }

    def stages(self) -> tuple[Stage, ...]:
        s = self.settings
        both = ("generator", "discriminator")
        return (
            Stage("regression", s.steps, ("generator",), ("photos",), linear_decay(0.5)),
            Stage("adversarial", s.adversarial_steps, both, ("photos",), linear_decay(0.0), {"generator": GENTLY}),
        )

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        photos = packs["photos"]
        if photos.drawings is None:
            raise InputError("the photos have no drawings; make them with: toonstream-train draw PACK")
        if photos.drawn_shape and photos.drawn_shape != self.settings.shape:
            looks = [name for name, look in LOOKS.items() if look.shape == photos.drawn_shape]
            found = f"look {looks[0]}; fit them with --preset {looks[0]}" if looks else f"{photos.drawn_shape}"
            raise InputError(
                f"the photos' drawings have other proportions than the setting 'shape', those of the {found}, "
                "or set shape to these proportions"
            )
        if photos.shape:  # pairs know their proportions, which are the style's
            self.settings = replace(self.settings, shape=photos.shape)
        s = self.settings
        self.device = device
        self.faces = DrawnFaces(photos, s.shape, s.augmentation, dict(s.weights), s.training.seed, self.rank)

    def plan(self, step: int) -> tuple[int, int, int]:
        """Step, count and size of that step's batch, the same in all processes."""
        s = self.settings
        names, share = zip(*s.sizes.items(), strict=True)
        random = np.random.default_rng((s.training.seed, 1, step))
        size = int(random.choice(names, p=np.array(share) / sum(share)))
        return step, max(1, round(s.batch * (256 / size) ** 2)), size

    def take(self) -> None:
        batch = self.faces.batch(*self.plan(self.step)).to(self.device)
        self.faces.prefetch(*self.plan(self.step + 1))
        self.image, self.chart, self.drawing, self.weight = batch.image, batch.chart, batch.drawing, batch.weight

    def forward(self) -> None:
        """The toons, and those of a quarter of the faces under other noise."""
        s = self.settings
        image, chart = self.image, self.chart
        if s.temporal:
            few = max(1, len(image) // 4)
            sigma = torch.rand(few, 1, 1, 1, device=self.device) * s.temporal_noise / 127.5
            image = torch.cat([image, image[:few] + sigma * torch.randn_like(image[:few])])
            chart = torch.cat([chart, chart[:few]])
        made = self.generator(image, chart).float()
        self.toon, self.again = made[: len(self.image)], made[len(self.image) :]
        self.pictures = {"photo": self.image, "toon": self.toon, "drawing": self.drawing}

    def optimise(self, update: Update) -> None:
        s = self.settings
        where = self.weight * (1 + s.features * features(self.chart) + s.eyes * eyes(self.chart))
        if s.sockets:
            where = where + s.sockets * self.weight * sockets(self.chart)
        if s.ink:
            where = where + s.ink * self.weight * strokes(self.drawing)
        self.losses = {"drawing": drawing(self.toon, self.drawing, where)}
        if s.contrast:
            self.losses["contrast"] = s.contrast * local_contrast(self.toon, self.drawing, where)
        if s.tones:
            self.losses["tones"] = s.tones * tones(self.toon, self.drawing, self.weight)
        if s.parts:
            self.losses["parts"] = s.parts * part_colours(self.toon, self.drawing, face_parts(self.chart))
        if s.temporal:
            self.losses["temporal"] = s.temporal * temporal_consistency(self.toon[: len(self.again)], self.again)
        adversarial = self.stage.name == "adversarial"
        if adversarial:
            corner = torch.rand(()).item(), torch.rand(()).item()
            fooled = self.discriminator(self.toon, self.chart, corner)
            self.losses["generator"] = s.adversarial * summed(generator_loss("hinge", logits) for logits in fooled)
        update("generator", summed(self.losses.values()))
        if adversarial:
            real = self.discriminator(self.drawing, self.chart, corner)
            fake = self.discriminator(self.toon.detach(), self.chart, corner)
            self.losses["discriminator"] = summed(
                discriminator_loss("hinge", a, [b]) for a, b in zip(real, fake, strict=True)
            )
            update("discriminator", self.losses["discriminator"])

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]

    def examples(self, faces: Pack) -> dict[str, NDArray[Any]]:
        return warped(faces, self.settings.shape)

    def card(self) -> dict[str, Any]:
        return {"shape": asdict(self.settings.shape)}


def summed(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(losses)).sum()


def features(chart: Tensor) -> Tensor:
    """(B, 1, S, S) in 0 to 1: eyes, brows, lines and lips, and a little around. chart: (B, planes, S / 2, S / 2)."""
    planes = (chart + 1) / 2
    brows = ((planes[:, :1] - 0.52) * 2.1).clamp(0, 1)
    drawn = torch.cat([brows, (3 * planes[:, 1:4]).clamp(max=1)], 1).amax(1, keepdim=True)
    return interpolate(max_pool2d(drawn, 5, 1, 2), scale_factor=2.0)


def eyes(chart: Tensor) -> Tensor:
    """(B, 1, S, S) in 0 to 1: the openings of the eyes. chart: as for `features`."""
    return interpolate((1.5 * (chart[:, 1:2] + 1)).clamp(max=1), scale_factor=2.0)


def sockets(chart: Tensor) -> Tensor:
    """(B, 1, S, S) in 0 to 1: eyes and what is around them, a twelfth of a side wide. chart: as for `features`."""
    reach = chart.shape[-1] // 12
    opened = (1.5 * (chart[:, 1:2] + 1)).clamp(max=1)
    down = max_pool2d(opened, (2 * reach + 1, 1), 1, (reach, 0))
    return interpolate(max_pool2d(down, (1, 2 * reach + 1), 1, (0, reach)), scale_factor=2.0)


def strokes(drawing: Tensor) -> Tensor:
    """(B, 1, S, S) in 0 to 1: dark lines, by how much darker they are than what is around. drawing (B, 3, S, S)."""
    light = drawing.mean(1, keepdim=True)
    around = mean_around(light, drawing.shape[-1] // 32)
    return (4 * (around - light) - 0.2).clamp(0, 1)
