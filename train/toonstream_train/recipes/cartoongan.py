"""CartoonGAN: Generative Adversarial Networks for Photo Cartoonization (Chen, Lai, Liu; CVPR 2018)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.optim import Adam

from toonstream_train import losses
from toonstream_train.core.recipe import Recipe, Settings, Update
from toonstream_train.data.dataset import Batch, Faces, Geometry, signed
from toonstream_train.data.degradation import Damage, again, damage, light, shift
from toonstream_train.data.edge_smoothing import smoothed
from toonstream_train.data.pack import Pack
from toonstream_train.networks.cartoongan import Discriminator, Generator
from toonstream_train.networks.generators.small import Small
from toonstream_train.networks.perceptual.vgg import VGG

OUTSIDE = 0.95
"""So much less than a shift does a chart count, which far from a face is a guess."""


@dataclass(frozen=True)
class CartoonGANSettings(Settings):
    """The defaults are the paper's; batch size, optimiser and its rate it does not give."""

    geometry: Geometry = field(default_factory=Geometry)
    damage: Damage = field(default_factory=Damage)
    batch: int = 8
    generator: str = "paper"
    """"paper", the generator of figure 2, or "small", the live one."""
    width: int = 64
    """Channels of the generator's first layer; the small one ships with 16 (costs: `toonstream-train family`)."""
    tones: bool = False
    """Flat tones by construction, for the small one."""
    bend: bool = False
    """Features that move, likewise, as the drawing teacher moved them."""
    mask: bool = False
    """With `bend`: a picture of the mean face is learned and laid over each, so that it knows where it draws."""
    bending: int = 0
    """Steps at the beginning in which the generator learns to bend, and where on a face it is, alone: that is quick."""
    learning_rate: float = 2e-4
    judge_rate: float = 2e-4
    beta1: float = 0.5

    # Section 3.3: the initialisation phase, 10 epochs; here in steps
    initialisation: int = 6_750
    # Equation 2 and 4
    omega: float = 10.0
    content_layer: str = "conv4_3"
    content_norm: str = "l1"
    vgg: str = ""
    # Equation 3
    adversarial: float = 1.0
    edges: bool = True

    # What came after the paper, off in its own configuration
    adversarial_form: str = "log"
    spectral: bool = False
    judged: int = 0
    """Side of the window, at a random place, that the discriminator sees of each picture; 0 shows it all. It judges by
    small patches, so a window says as much in less time."""
    judged_eyes: float = 0.0
    """How often that window lies on the eyes instead, by which a style is told first."""
    judge_width: int = 32
    beside: bool = False
    """The discriminator sees the photo too, bent as it was: lines where it has none tell a toon. Its cartoons must then
    be the teacher's drawings of the same photos."""
    colour: float = 0.0
    total_variation: float = 0.0
    steady: float = 0.0
    """Weight of "the same picture for the same face": moved by a pixel, under fresh sensor noise."""
    steady_noise: float = 4.0
    """Largest sigma of that noise, 8-bit steps."""
    drawing: float = 0.0
    """Weight of the drawing teacher's pictures, in the initialisation phase."""
    drawing_after: float = 0.0
    """The same, once the discriminator has joined."""
    drawing_content: float = 0.0
    """Weight of equation 4 between toon and drawing, in the discriminator's window, once that has joined."""
    drawing_features: float = 2.0
    """How much more eyes, nose and mouth count in that."""


class CartoonGAN(Recipe):
    name = "cartoongan"
    defaults = CartoonGANSettings()
    exported = "generator"
    averaged = ("generator",)

    settings: CartoonGANSettings

    def __init__(self, settings: CartoonGANSettings) -> None:
        super().__init__(settings)
        s = settings
        if s.generator not in ("paper", "small") or s.adversarial_form not in losses.ADVERSARIAL:
            raise InputError("generator is paper or small, adversarial_form one of " + ", ".join(losses.ADVERSARIAL))
        if s.mask and not s.bend:
            raise InputError("mask goes by what the bend sees; set bend=true as well")
        small = Small(s.width, tones=s.tones, bend=s.bend, mask=s.mask) if s.generator == "small" else None
        self.generator = small or Generator(s.width)
        self.bend, self.mask = (small.bend, small.mask) if small else (None, None)
        self.discriminator = Discriminator(s.judge_width, spectral=s.spectral, beside=s.beside)
        self.networks = {"generator": self.generator, "discriminator": self.discriminator}
        self.optimisers = {
            "generator": Adam(self.generator.parameters(), s.learning_rate, (s.beta1, 0.999)),
            "discriminator": Adam(self.discriminator.parameters(), s.judge_rate, (s.beta1, 0.999)),
        }

    def feed(self, photos: Pack, cartoons: Pack | None, device: torch.device) -> None:
        s = self.settings
        drawings = {}
        if s.drawing or s.drawing_after or s.drawing_content:
            if photos.drawings is None:
                raise InputError("the photos have no drawings; make them with: toonstream-train draw PACK")
            drawings["drawing"] = torch.from_numpy(photos.drawings)
        if self.bend and photos.shifts is None:
            raise InputError("the drawings do not tell what they moved; make them with: draw --look film")
        if self.mask and photos.charts is None:
            raise InputError("the drawings do not tell where on a face they are; draw them again")
        if s.beside and cartoons is not None:
            raise InputError("beside is for a teacher's drawings of the same photos; leave --cartoons out, or beside")
        self.cartoons: Faces | None = None  # none: it is judged beside its own teacher's drawings of the same photos
        if s.initialisation < s.training.steps:
            images = photos.drawings if cartoons is None else cartoons.images
            if images is None:
                raise InputError("after the initialisation phase cartoons are needed; name a pack with --cartoons")
            edgeless = {"smoothed": torch.from_numpy(smoothed(images))} if s.edges else {}
            if cartoons is None:
                drawings |= {"drawing": torch.from_numpy(images), **edgeless}
            else:
                self.cartoons = Faces(cartoons, device, s.geometry, edgeless)
        self.photos = Faces(photos, device, s.geometry, drawings)
        if s.omega or s.drawing_content:
            self.vgg = VGG(s.content_layer, s.vgg, signed(self.photos.images[:16]))

    def take(self, step: int) -> None:
        """Photos, damaged as by a webcam where the settings say so, and cartoons once the first phase is over."""
        s = self.settings
        self.initialising = step < s.initialisation
        self.bending = step < s.bending
        self.photo = light(s.damage, self.photos.sample(s.batch))
        self.input = damage(s.damage, self.photo.pictures)
        self.cartoon: Batch | None = None
        if not self.initialising:  # the same light on cartoons, else it would be what tells them from toons
            self.cartoon = light(s.damage, self.cartoons.sample(s.batch)) if self.cartoons else as_cartoons(self.photo)
            side = s.judged or s.geometry.size
            corner = torch.rand(2) * (s.geometry.size - side + 1)
            if torch.rand(()) < s.judged_eyes:
                across, down = self.photo.landmarks[:, :2].mean((0, 1)).cpu()
                corner = torch.stack([down, across]) + (torch.rand(2) - 0.5) * side / 4 - side / 2
            self.corner = [int(n) for n in corner.clamp(0, s.geometry.size - side)]

    def forward(self) -> None:
        """G(p); with the steadiness term also of the same photos a pixel aside, under fresh noise."""
        s = self.settings
        views = self.input
        if s.steady:
            second, self.move = again(self.input[: max(1, s.batch // 4)], s.steady_noise)
            views = torch.cat([views, second])
        made = self.bend(views, self.bend.look(views)) if self.bend and self.bending else self.generator(views)
        if s.beside and self.cartoon is not None:
            with torch.no_grad():
                self.bent = self.bend(self.input, self.bend.look(self.input)) if self.bend else self.input
        self.toon, self.again = made[: s.batch], made[s.batch :]
        self.pictures = {"photo": self.input, "toon": self.toon, **self.photo.alike}
        if self.cartoon is not None and self.cartoons:
            self.pictures |= {"cartoon": self.cartoon.pictures, **self.cartoon.alike}

    def optimise(self, update: Update) -> None:
        """Equation 2: L = L_adv + omega L_con; the initialisation phase is L_con alone (section 3.3)."""
        s = self.settings
        parts: dict[str, Tensor] = {}
        where = losses.features_weight(self.photo.landmarks, s.geometry.size, s.drawing_features)
        if self.bend and self.photo.shifts is not None:
            half, seen = s.geometry.size / 2, self.bend.look(self.input)
            parts["bend"] = losses.displacement(half * self.bend.shifts(seen), self.photo.shifts, where)
            if self.mask and self.photo.charts is not None:
                parts["chart"] = losses.displacement(
                    half * self.mask.charts(seen), half * self.photo.charts, where - OUTSIDE
                )
        if self.bending:
            update("generator", sum(parts.values(), torch.zeros((), device=self.toon.device)))
            self.losses = dict(parts)
            return
        if s.omega:
            parts["content"] = s.omega * losses.content(
                self.vgg(self.toon), self.vgg(self.photo.pictures), s.content_norm
            )
        if weight := s.drawing if self.initialising else s.drawing_after:
            parts["drawing"] = weight * losses.drawing(self.toon, self.photo.alike["drawing"], where)
        if s.colour:
            parts["colour"] = s.colour * losses.colour(self.toon, self.photo.pictures)
        if s.total_variation:
            parts["total variation"] = s.total_variation * losses.total_variation(self.toon)
        if s.steady:
            parts["steady"] = s.steady * losses.steady(shift(self.toon[: len(self.again)], *self.move), self.again)

        if self.cartoon is not None:
            if s.drawing_content:
                drawn = self.shown(self.photo.alike["drawing"])
                features = self.vgg(self.shown(self.toon)), self.vgg(drawn)
                parts["drawing content"] = s.drawing_content * losses.content(*features, s.content_norm)
            parts["fool"] = s.adversarial * losses.fool(s.adversarial_form, self.judged(self.toon))
        update("generator", sum(parts.values(), torch.zeros((), device=self.toon.device)))
        self.losses = dict(parts)

        if self.cartoon is not None:  # Equation 3
            pictures = [self.cartoon.pictures, self.toon.detach(), *self.cartoon.alike.values()]
            judged = [self.judged(picture) for picture in pictures]
            self.losses["judge"] = losses.judge(s.adversarial_form, judged[0], judged[1:])
            update("discriminator", self.losses["judge"])

    def judged(self, pictures: Tensor) -> Tensor:
        """The discriminator's logits of them."""
        logits: Tensor = self.discriminator(
            self.shown(pictures), self.shown(self.bent) if self.settings.beside else None
        )
        return logits

    def shown(self, pictures: Tensor) -> Tensor:
        """What the discriminator sees of them: a window, and nothing of what was padded in photos or cartoons."""
        assert self.cartoon is not None
        side = self.settings.judged or self.settings.geometry.size
        window = (..., slice(self.corner[0], self.corner[0] + side), slice(self.corner[1], self.corner[1] + side))
        return pictures[window] * self.photo.inside[window] * self.cartoon.inside[window]

    def preview(self, networks: Mapping[str, nn.Module], inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"photo": inputs["image"], "toon": networks["generator"](inputs["image"])}


def as_cartoons(photo: Batch) -> Batch:
    """The drawings of photos as cartoons."""
    others = {name: pictures for name, pictures in photo.alike.items() if name != "drawing"}
    return replace(photo, pictures=photo.alike["drawing"], alike=others)
