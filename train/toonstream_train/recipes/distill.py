"""A trained generator taught to a small one, on photos: pixels, features, and a discriminator between the two."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.optim import Adam

from toonstream_train import losses
from toonstream_train.core.recipe import Recipe, Settings, Update
from toonstream_train.data.dataset import Faces, Geometry, signed
from toonstream_train.data.degradation import Damage, again, damage, light, shift
from toonstream_train.data.pack import Pack
from toonstream_train.networks.cartoongan import Discriminator
from toonstream_train.networks.generators.small import Small
from toonstream_train.networks.perceptual.vgg import VGG
from toonstream_train.recipes import trained


@dataclass(frozen=True)
class DistillSettings(Settings):
    teacher: str = ""
    """Folder of the run, or its checkpoint, whose exported network teaches."""
    geometry: Geometry = field(default_factory=Geometry)
    damage: Damage = field(default_factory=Damage)
    batch: int = 8
    width: int = 16
    tones: bool = False
    """Flat tones by construction."""
    learning_rate: float = 1e-3
    judge_rate: float = 2e-4
    beta1: float = 0.9

    pixel: float = 1.0
    """l1 on pixels and their differences."""
    feature: float = 0.2
    content_layer: str = "conv3_3"
    vgg: str = ""
    adversarial: float = 0.0
    adversarial_from: float = 0.5
    """Share of the steps after which the discriminator joins."""
    judge_width: int = 32
    steady: float = 1.0
    steady_noise: float = 4.0


class Distill(Recipe):
    name = "distill"
    defaults = DistillSettings()
    exported = "student"
    averaged = ("student",)

    settings: DistillSettings

    def __init__(self, settings: DistillSettings) -> None:
        super().__init__(settings)
        s = settings
        self.student = Small(s.width, tones=s.tones)
        self.discriminator = Discriminator(s.judge_width, spectral=True)
        self.networks = {"student": self.student, "discriminator": self.discriminator}
        self.optimisers = {
            "student": Adam(self.student.parameters(), s.learning_rate, (s.beta1, 0.999)),
            "discriminator": Adam(self.discriminator.parameters(), s.judge_rate, (s.beta1, 0.999)),
        }

    def feed(self, photos: Pack, cartoons: Pack | None, device: torch.device) -> None:
        s = self.settings
        if not s.teacher:
            raise InputError("distill needs a teacher: --set teacher=FOLDER of a run")
        self.teacher = trained(Path(s.teacher)).generator.to(device)
        self.photos = Faces(photos, device, s.geometry, {})
        if s.feature:
            self.vgg = VGG(s.content_layer, s.vgg, signed(self.photos.images[:16]))

    def take(self, step: int) -> None:
        """The teacher sees a clean photo, the student what a webcam makes of it."""
        s = self.settings
        self.judging = bool(s.adversarial) and step >= s.adversarial_from * s.training.steps
        self.photo = light(s.damage, self.photos.sample(s.batch))
        self.input = damage(s.damage, self.photo.pictures)

    def forward(self) -> None:
        s = self.settings
        with torch.no_grad():
            self.target = self.teacher(self.photo.pictures)
        views = self.input
        if s.steady:
            second, self.move = again(self.input[: max(1, s.batch // 4)], s.steady_noise)
            views = torch.cat([views, second])
        made = self.student(views)
        self.toon, self.again = made[: s.batch], made[s.batch :]
        self.pictures = {"photo": self.input, "student": self.toon, "teacher": self.target}

    def optimise(self, update: Update) -> None:
        s = self.settings
        parts = {"pixel": s.pixel * losses.drawing(self.toon, self.target, torch.ones_like(self.target[:, :1]))}
        if s.feature:
            parts["feature"] = s.feature * losses.content(self.vgg(self.toon), self.vgg(self.target))
        if s.steady:
            parts["steady"] = s.steady * losses.steady(shift(self.toon[: len(self.again)], *self.move), self.again)
        if self.judging:
            parts["fool"] = s.adversarial * losses.fool("hinge", self.discriminator(self.toon))
        update("student", sum(parts.values(), torch.zeros((), device=self.toon.device)))
        self.losses = dict(parts)
        if self.judging:
            real, fake = self.discriminator(self.target), self.discriminator(self.toon.detach())
            self.losses["judge"] = losses.judge("hinge", real, [fake])
            update("discriminator", self.losses["judge"])

    def preview(self, networks: Mapping[str, nn.Module], inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        photos = inputs["image"]
        return {"photo": photos, "student": networks["student"](photos), "teacher": self.teacher(photos)}
