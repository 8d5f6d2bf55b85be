"""CartoonGAN led by a teacher's drawings of the photos: what trained the styles that ship.

The teacher's pictures take the part of the content loss, and of the cartoons where none are given. Around
CartoonGAN's losses are: a small generator that may warp the face first, a conditional discriminator that sees a window,
webcam degradations of its input, and temporal consistency.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.optim import Adam

from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.core.schedules import Schedule, linear_decay
from toonstream_train.data.dataset import Batch, Faces, Geometry, signed
from toonstream_train.data.degradation import Degradation, again, degrade, light, shift
from toonstream_train.data.edge_smoothing import smoothed
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import FORMS, discriminator_loss, generator_loss
from toonstream_train.losses.colour import colour
from toonstream_train.losses.content import content
from toonstream_train.losses.drawing import displacement, drawing, features_weight, total_variation
from toonstream_train.losses.temporal import temporal_consistency
from toonstream_train.networks import perceptual
from toonstream_train.networks.discriminators.cartoongan import Discriminator
from toonstream_train.networks.generators.cartoongan import Generator
from toonstream_train.networks.generators.small import Small

OUTSIDE = 0.95
"""Subtracted from the weight of a chart's places: far from the face a chart is a guess."""


@dataclass(frozen=True)
class CartoonGANDrawingSettings(Settings):
    steps: int = 18_000
    """Of the whole run."""
    decay_from: float = 1.0
    """Share of the run after which learning rates fall, linearly, to zero."""
    geometry: Geometry = field(default_factory=Geometry)
    degradation: Degradation = field(default_factory=Degradation)
    batch: int = 4
    generator: str = "small"
    """"small", the live one, or "paper", CartoonGAN's."""
    width: int = 16
    """Channels of the generator's first layer (costs: `toonstream-train family`)."""
    tones: bool = False
    """Lightness in steps, for the small one."""
    warp_field: bool = False
    """It moves features first, likewise, as the teacher moved them."""
    face_prior: bool = False
    """With the warp field: it is told where on the mean face it draws."""
    warp_steps: int = 0
    """Steps at the beginning in which the warp field and the face prior's charts are learned alone, which is quick."""
    learning_rate: float = 1e-3
    discriminator_rate: float = 5e-4
    beta1: float = 0.9

    initialisation: int = 9_000
    """Steps before the discriminator joins, those of `warp_steps` among them."""
    omega: float = 0.0
    """Weight of equation 4 between toon and photo."""
    content: perceptual.Perceptual = field(default_factory=perceptual.Perceptual)
    content_norm: str = "l1"
    adversarial: float = 1.0
    edges: bool = True

    adversarial_form: str = "hinge"
    spectral: bool = True
    discriminator_width: int = 12
    window: int = 0
    """Side of the window, at a random place, that the discriminator sees of each picture; 0 shows it all. It decides by
    small patches, so a window says as much in less time."""
    eye_crop_probability: float = 0.0
    """How often that window lies on the eyes."""
    conditional: bool = False
    """The discriminator sees the photo too, warped as the generator warps it: lines where it has none give a toon away.
    The cartoons are then the teacher's drawings of the same photos."""
    colour: float = 0.0
    total_variation: float = 0.0
    temporal: float = 0.0
    """Weight of temporal consistency: a photo moved by a pixel, under fresh sensor noise, is to give the same toon."""
    temporal_noise: float = 4.0
    """Largest sigma of that noise, 8-bit steps."""
    drawing: float = 0.0
    """Weight of the teacher's drawings before the discriminator joins."""
    drawing_after: float = 0.0
    """The same afterwards."""
    drawing_content: float = 0.0
    """Weight of equation 4 between toon and drawing, in the discriminator's window, once that has joined."""
    drawing_features: float = 2.0
    """How much more eyes, nose and mouth count in `drawing`."""


class CartoonGANDrawing(Recipe):
    name = "cartoongan_drawing"
    defaults = CartoonGANDrawingSettings()
    packs: ClassVar = {
        "photos": "faces to draw, with a teacher's drawings of them",
        "cartoons": "what toons are to look like, instead of the drawings",
    }
    averaged = ("generator",)

    settings: CartoonGANDrawingSettings

    def __init__(self, settings: CartoonGANDrawingSettings) -> None:
        super().__init__(settings)
        s = settings
        if s.generator not in ("paper", "small") or s.adversarial_form not in FORMS:
            raise InputError("generator is paper or small, adversarial_form one of " + ", ".join(FORMS))
        if s.face_prior and not s.warp_field:
            raise InputError("face_prior goes by what the warp field sees; set warp_field=true as well")
        small = None
        if s.generator == "small":
            small = Small(s.width, tones=s.tones, warp_field=s.warp_field, face_prior=s.face_prior)
        self.generator = small or Generator(s.width)
        self.warp_field, self.face_prior = (small.warp_field, small.face_prior) if small else (None, None)
        self.discriminator = Discriminator(s.discriminator_width, spectral=s.spectral, conditional=s.conditional)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.optimisers = {
            "generator": Adam(self.generator.parameters(), s.learning_rate, (s.beta1, 0.999)),
            "discriminator": Adam(self.discriminator.parameters(), s.discriminator_rate, (s.beta1, 0.999)),
        }

    def stages(self) -> tuple[Stage, ...]:
        s = self.settings
        warp = min(s.warp_steps, s.steps) if self.warp_field else 0
        initialisation = max(0, min(s.initialisation, s.steps) - warp)
        adversarial = s.steps - warp - initialisation
        photos, both = ("photos",), ("generator", "discriminator")
        return (
            Stage("warp field", warp, ("generator",), photos, self._schedule(0, warp)),
            Stage("initialisation", initialisation, ("generator",), photos, self._schedule(warp, initialisation)),
            Stage("adversarial", adversarial, both, photos, self._schedule(s.steps - adversarial, adversarial)),
        )

    def _schedule(self, begin: int, steps: int) -> Schedule:
        """The whole run's linear decay, as a stage of it sees it."""
        decay, whole = linear_decay(self.settings.decay_from), self.settings.steps
        return lambda progress: decay((begin + progress * steps) / whole)

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        s, photos, cartoons = self.settings, packs["photos"], packs.get("cartoons")
        drawings = {}
        if s.drawing or s.drawing_after or s.drawing_content:
            if photos.drawings is None:
                raise InputError("the photos have no drawings; make them with: toonstream-train draw PACK")
            drawings["drawing"] = torch.from_numpy(photos.drawings)
        if self.warp_field and photos.shifts is None:
            raise InputError("the drawings do not tell what they moved; make them with: draw --look film")
        if self.face_prior and photos.charts is None:
            raise InputError("the drawings do not tell where on a face they are; draw them again")
        if s.conditional and cartoons is not None:
            raise InputError("conditional=true is for drawings of the same photos; leave out the cartoons, or it")
        self.cartoons: Faces | None = None  # without: the teacher's drawings of the same photos
        if self.stages()[-1].steps:
            images = photos.drawings if cartoons is None else cartoons.images
            if images is None:
                raise InputError("for its stage 'adversarial' it needs drawings of the photos, or --data cartoons=PACK")
            edgeless = {"smoothed": torch.from_numpy(smoothed(images))} if s.edges else {}
            if cartoons is None:
                drawings |= {"drawing": torch.from_numpy(images), **edgeless}
            else:
                self.cartoons = Faces(cartoons, device, s.geometry, edgeless)
        self.photos = Faces(photos, device, s.geometry, drawings)
        if s.omega or s.drawing_content:
            self.perceptual = perceptual.build(s.content, signed(self.photos.images[:16]))

    def take(self) -> None:
        """Photos, degraded as by a webcam, and in the adversarial stage cartoons and the discriminator's window."""
        s = self.settings
        self.photo = light(s.degradation, self.photos.sample(s.batch))
        self.input = degrade(s.degradation, self.photo.pictures)
        self.cartoon: Batch | None = None
        if self.stage.name == "adversarial":  # the same light on cartoons, else it would tell them from toons
            faces = self.cartoons.sample(s.batch) if self.cartoons else None
            self.cartoon = light(s.degradation, faces) if faces else as_cartoons(self.photo)
            side = s.window or s.geometry.size
            corner = torch.rand(2) * (s.geometry.size - side + 1)
            if torch.rand(()) < s.eye_crop_probability:
                across, down = self.photo.points[5][:, :2].mean((0, 1)).cpu()
                corner = torch.stack([down, across]) + (torch.rand(2) - 0.5) * side / 4 - side / 2
            self.corner = [int(n) for n in corner.clamp(0, s.geometry.size - side)]

    def forward(self) -> None:
        """G(p); for temporal consistency also of the same photos a pixel aside, under fresh noise."""
        s = self.settings
        views = self.input
        if s.temporal:
            second, self.move = again(self.input[: max(1, s.batch // 4)], s.temporal_noise)
            views = torch.cat([views, second])
        made = self.warped(views) if self.stage.name == "warp field" else self.generator(views)
        if s.conditional and self.cartoon is not None:
            with torch.no_grad():
                self.condition = self.warped(self.input)
        self.toon, self.again = made[: s.batch], made[s.batch :]
        self.pictures = {"photo": self.input, "toon": self.toon, **self.photo.alike}
        if self.cartoon is not None and self.cartoons:
            self.pictures |= {"cartoon": self.cartoon.pictures, **self.cartoon.alike}

    def optimise(self, update: Update) -> None:
        s = self.settings
        parts: dict[str, Tensor] = {}
        where = features_weight(self.photo.points[5], s.geometry.size, s.drawing_features)
        if self.warp_field and self.photo.shifts is not None:
            half, features = s.geometry.size / 2, self.warp_field.features(self.input)
            parts["warp field"] = displacement(half * self.warp_field.shifts(features), self.photo.shifts, where)
            if self.face_prior and self.photo.charts is not None:
                charts = half * self.face_prior.charts(features), half * self.photo.charts
                parts["face prior"] = displacement(*charts, where - OUTSIDE)
        self.losses = parts
        if self.stage.name == "warp field":
            update("generator", sum(parts.values(), torch.zeros((), device=self.toon.device)))
            return
        if s.omega:
            target = self.perceptual(self.photo.pictures)
            parts["content"] = s.omega * content(self.perceptual(self.toon), target, s.content_norm)
        if weight := s.drawing if self.cartoon is None else s.drawing_after:
            parts["drawing"] = weight * drawing(self.toon, self.photo.alike["drawing"], where)
        if s.colour:
            parts["colour"] = s.colour * colour(self.toon, self.photo.pictures)
        if s.total_variation:
            parts["total variation"] = s.total_variation * total_variation(self.toon)
        if s.temporal:
            first = shift(self.toon[: len(self.again)], *self.move)
            parts["temporal consistency"] = s.temporal * temporal_consistency(first, self.again)

        if self.cartoon is not None:
            if s.drawing_content:
                target = self.perceptual(self.shown(self.photo.alike["drawing"]))
                found = self.perceptual(self.shown(self.toon))
                parts["drawing content"] = s.drawing_content * content(found, target, s.content_norm)
            parts["generator"] = s.adversarial * generator_loss(s.adversarial_form, self.logits(self.toon))
        update("generator", sum(parts.values(), torch.zeros((), device=self.toon.device)))

        if self.cartoon is not None:  # CartoonGAN, equation 3
            pictures = [self.cartoon.pictures, self.toon.detach(), *self.cartoon.alike.values()]
            real, *fakes = [self.logits(picture) for picture in pictures]
            parts["discriminator"] = discriminator_loss(s.adversarial_form, real, fakes)
            update("discriminator", parts["discriminator"])

    def warped(self, pictures: Tensor) -> Tensor:
        """As the generator's warp field moves them."""
        if self.warp_field is None:
            return pictures
        out: Tensor = self.warp_field(pictures, self.warp_field.features(pictures))
        return out

    def logits(self, pictures: Tensor) -> Tensor:
        """The discriminator's."""
        condition = self.shown(self.condition) if self.settings.conditional else None
        out: Tensor = self.discriminator(self.shown(pictures), condition)
        return out

    def shown(self, pictures: Tensor) -> Tensor:
        """What the discriminator sees of them: a window, without what was padded in photos or cartoons."""
        assert self.cartoon is not None
        side = self.settings.window or self.settings.geometry.size
        window = (..., slice(self.corner[0], self.corner[0] + side), slice(self.corner[1], self.corner[1] + side))
        return pictures[window] * self.photo.inside[window] * self.cartoon.inside[window]

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]


def as_cartoons(photo: Batch) -> Batch:
    """The drawings of photos as cartoons."""
    others = {name: pictures for name, pictures in photo.alike.items() if name != "drawing"}
    return replace(photo, pictures=photo.alike["drawing"], alike=others)
