"""A trained generator taught to a small one, on photos: pixels, features, and later a discriminator between the two.

The student paints; the proportions of its style stay the teacher's, and so the teacher's run is needed for export, too.
It takes the photo alone, also where its teacher is conditioned on landmarks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.optim import Adam

from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.data.dataset import Faces, Geometry, signed
from toonstream_train.data.degradation import Degradation, again, degrade, light, shift
from toonstream_train.data.pack import SIZE, Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.content import content
from toonstream_train.losses.drawing import drawing
from toonstream_train.losses.temporal import temporal_consistency
from toonstream_train.losses.total import total
from toonstream_train.networks import perceptual
from toonstream_train.networks.discriminators.cartoongan import Discriminator
from toonstream_train.networks.generators.small import Small
from toonstream_train.recipes.registry import Trained, trained


@dataclass(frozen=True)
class DistillSettings(Settings):
    teacher: str = ""
    """Folder of the run, or its checkpoint, whose model teaches."""
    steps: int = 4_000
    geometry: Geometry = field(default_factory=Geometry)
    degradation: Degradation = field(default_factory=Degradation)
    batch: int = 4
    width: int = 16
    tones: bool = False
    """Lightness in steps."""
    learning_rate: float = 1e-3
    discriminator_rate: float = 2e-4
    beta1: float = 0.9

    pixel: float = 1.0
    """l1 on pixels and their gradients."""
    feature: float = 0.2
    content: perceptual.Perceptual = field(default_factory=perceptual.Perceptual)
    adversarial: float = 0.0
    adversarial_from: float = 0.5
    """Share of the steps after which the discriminator joins."""
    discriminator_width: int = 32
    temporal: float = 1.0
    """Weight of temporal consistency."""
    temporal_noise: float = 4.0


class Distill(Recipe):
    name = "distill"
    defaults = DistillSettings()
    packs: ClassVar = {"photos": "faces to draw"}
    averaged = ("student",)

    settings: DistillSettings

    def __init__(self, settings: DistillSettings) -> None:
        super().__init__(settings)
        s = settings
        self.student = Small(s.width, tones=s.tones)
        self.discriminator = Discriminator(s.discriminator_width, spectral=True)
        self.networks = {"student": self.student, "discriminator": self.discriminator}
        self.optimisers = {
            "student": Adam(self.student.parameters(), s.learning_rate, (s.beta1, 0.999)),
            "discriminator": Adam(self.discriminator.parameters(), s.discriminator_rate, (s.beta1, 0.999)),
        }

    def stages(self) -> tuple[Stage, ...]:
        s = self.settings
        alone = round(s.adversarial_from * s.steps) if s.adversarial else s.steps
        return (
            Stage("regression", alone, ("student",), ("photos",)),
            Stage("adversarial", s.steps - alone, ("student", "discriminator"), ("photos",)),
        )

    @cached_property
    def taught(self) -> Trained:
        """The teacher's run."""
        if not self.settings.teacher:
            raise InputError("distill needs a teacher: --set teacher=FOLDER of a run")
        return trained(Path(self.settings.teacher))

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        s = self.settings
        self.teacher = self.taught.model.to(device)
        given = self.taught.recipe.examples(packs["photos"])
        if beyond := given.keys() - {"image", "landmarks"}:
            raise InputError(f"{s.teacher}: it takes a {beyond.pop()}, which distill has not; export it as it is")
        self.takes_landmarks = "landmarks" in given
        seen = replace(packs["photos"], images=given["image"])
        self.photos = Faces(seen, device, s.geometry)
        if s.feature:
            self.perceptual = perceptual.build(s.content, signed(self.photos.images[:16]))

    def take(self) -> None:
        """The teacher sees a clean photo, the student what a webcam makes of it."""
        s = self.settings
        self.photo = light(s.degradation, self.photos.sample(s.batch))
        self.input = degrade(s.degradation, self.photo.pictures)

    def forward(self) -> None:
        s = self.settings
        with torch.no_grad():
            landmarks = (self.photo.points[5],) if self.takes_landmarks else ()
            self.target = self.drawn(self.photo.pictures, *landmarks)
        views = self.input
        if s.temporal:
            second, self.move = again(self.input[: max(1, s.batch // 4)], s.temporal_noise)
            views = torch.cat([views, second])
        made = self.student(views)
        self.toon, self.again = made[: s.batch], made[s.batch :]
        self.pictures = {"photo": self.input, "student": self.toon, "teacher": self.target}

    def drawn(self, photos: Tensor, *landmarks: Tensor) -> Tensor:
        """By the teacher, at the size that it learned on. landmarks: (B, 5, 2) in pixels, where it takes them."""
        scale = self.taught.recipe.side / SIZE
        small = interpolate(photos, scale_factor=scale, mode="bilinear", antialias=True) if scale < 1 else photos
        toons: Tensor = self.teacher(small, *(points * scale for points in landmarks))
        return interpolate(toons, photos.shape[2:], mode="bilinear") if scale < 1 else toons

    def optimise(self, update: Update) -> None:
        s = self.settings
        adversarial = self.stage.name == "adversarial"
        parts = {"pixel": s.pixel * drawing(self.toon, self.target, torch.ones_like(self.target[:, :1]))}
        if s.feature:
            parts["feature"] = s.feature * content(self.perceptual(self.toon), self.perceptual(self.target))
        if s.temporal:
            first = shift(self.toon[: len(self.again)], *self.move)
            parts["temporal consistency"] = s.temporal * temporal_consistency(first, self.again)
        if adversarial:
            parts["generator"] = s.adversarial * generator_loss("hinge", self.discriminator(self.toon))
        update("student", total(parts.values()))
        self.losses = parts
        if adversarial:
            real, fake = self.discriminator(self.target), self.discriminator(self.toon.detach())
            parts["discriminator"] = discriminator_loss("hinge", real, [fake])
            update("discriminator", parts["discriminator"])

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["student"]

    def examples(self, faces: Pack) -> dict[str, NDArray[Any]]:
        """The faces in the teacher's proportions."""
        return {"image": self.taught.recipe.examples(faces)["image"]}

    def card(self) -> dict[str, Any]:
        return self.taught.recipe.card()

    def shape_network(self) -> nn.Module | None:
        return self.taught.recipe.shape_network()

    def preview_inputs(self, faces: Pack) -> dict[str, NDArray[Any]]:
        """What the teacher takes."""
        return self.taught.recipe.examples(faces)

    def preview(self, networks: Mapping[str, nn.Module], inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        photos = inputs["image"]
        return {"photo": photos, "student": networks["student"](photos), "teacher": self.drawn(*inputs.values())}
