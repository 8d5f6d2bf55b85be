"""Face2Anime (Girkin, Streltsov; Higher School of Economics): CycleGAN whose two encoders learn one embedding.

The paper is a plan: it names the losses and gives neither weights nor networks nor results. So each loss can be
switched off by its weight, and what is filled in here is:
- Generators, discriminators, pool, batch and rates are CycleGAN's (its reference 8), least squares included; defaults
  are smaller, on patches of 128 pixels at half to full magnification; `--preset paper` has its size. CycleGAN's
  identity loss is not named, and left out.
- The encoder is the first half of a generator, down to and with half of its residual blocks.
- The norm of L_sem is not named: the mean absolute difference, as CycleGAN's cycle.
- D_dom is said to maximise L_dom, which is its error, and the encoders to minimise it: in print, D_dom learns to be
  wrong, without bound, and they to be separable. Here D_dom minimises it, and the encoders fool D_dom by the same loss
  with the two labels exchanged, whose gradient does not fade. The network of D_dom is ours.
- The perceptual loss compares the features of one layer, not of several. The paper found no network that knows anime,
  and neither is one at hand here: it is off by default.
- The Wasserstein critic is kept Lipschitz by a gradient penalty (Gulrajani et al. 2017), not by clipping its weights as
  in its reference 11; five updates of the critic for one of the generators, and no pool of earlier pictures.
- Labels of CelebA, "which can be used", are not used.
- Pictures are aligned crops of faces, half of them mirrored; what was padded is hidden from the discriminators, and
  what is exported is a moving average (EMA).

"We would like to make the final model as simple as possible": semantic=0, domain=0 is CycleGAN alone.
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
from toonstream_train.core.schedules import linear_decay
from toonstream_train.data.dataset import Faces, Geometry, signed, without_padding
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import Form, discriminator_loss, generator_loss, gradient_penalty
from toonstream_train.losses.content import content
from toonstream_train.losses.semantic import semantic_consistency
from toonstream_train.losses.total import total
from toonstream_train.networks.blocks.image_pool import ImagePool
from toonstream_train.networks.blocks.initial import gaussian
from toonstream_train.networks.discriminators import cyclegan, embedding
from toonstream_train.networks.generators.cyclegan import Generator
from toonstream_train.networks.perceptual import Perceptual, build


@dataclass(frozen=True)
class Face2AnimeSettings(Settings):
    geometry: Geometry = field(default_factory=lambda: Geometry(size=128, scale=(0.5, 1.0)))
    batch: int = 1
    steps: int = 20_000
    decay_from: float = 0.5
    """Share of the steps after which learning rates fall, linearly, to zero."""
    width: int = 16
    blocks: int = 6
    discriminator_width: int = 16
    learning_rate: float = 2e-4
    beta1: float = 0.5
    pool: int = 50
    cycle: float = 10.0
    semantic: float = 1.0
    """Weight of L_sem, both ways; 0 switches it off."""
    domain: float = 1.0
    """Weight with which the encoders fool D_dom; 0 switches it off."""
    perceptual: float = 0.0
    """Weight of the perceptual loss, both ways; 0 switches it off."""
    features: Perceptual = field(default_factory=Perceptual)
    wasserstein: bool = False
    """Critics in place of least squares."""
    penalty: float = 10.0
    """Weight of the critics' gradient penalty."""
    critic_steps: int = 5
    """Updates of the critics for each of the generators."""


class Face2Anime(Recipe):
    name = "face2anime"
    defaults = Face2AnimeSettings()
    packs: ClassVar = {"photos": "faces to draw (domain A)", "cartoons": "what they are to look like (domain B)"}
    averaged = ("generator",)

    settings: Face2AnimeSettings

    def __init__(self, settings: Face2AnimeSettings) -> None:
        super().__init__(settings)
        s = settings
        self.generator, self.back = Generator(s.width, s.blocks), Generator(s.width, s.blocks)  # G_AB, G_BA
        self.of_cartoons = cyclegan.Discriminator(s.discriminator_width)  # D_B
        self.of_photos = cyclegan.Discriminator(s.discriminator_width)  # D_A
        self.of_domains = embedding.Discriminator(4 * s.width)  # D_dom
        self.toon_pool, self.photo_pool = ImagePool(s.pool, s.geometry.size), ImagePool(s.pool, s.geometry.size)
        self.networks = {
            "generator": self.generator,
            "back": self.back,
            "cartoon discriminator": self.of_cartoons,
            "photo discriminator": self.of_photos,
            "domain discriminator": self.of_domains,
            "toon pool": self.toon_pool,
            "photo pool": self.photo_pool,
        }
        for network in self.networks.values():
            network.apply(gaussian)

        def adam(*networks: nn.Module) -> Adam:
            return Adam(chain(*(n.parameters() for n in networks)), s.learning_rate, (s.beta1, 0.999))

        self.optimisers = {
            "generators": adam(self.generator, self.back),
            "discriminators": adam(self.of_cartoons, self.of_photos, self.of_domains),
        }

    def stages(self) -> tuple[Stage, ...]:
        s, both = self.settings, ("photos", "cartoons")
        period = s.critic_steps if s.wasserstein else 1
        return (Stage("translation", s.steps, tuple(self.networks), both, linear_decay(s.decay_from), period=period),)

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        s = self.settings
        self.photos = Faces(packs["photos"], device, s.geometry)
        self.cartoons = Faces(packs["cartoons"], device, s.geometry)
        if s.perceptual:
            self.features = build(s.features, signed(self.photos.images[:16]))

    def take(self) -> None:
        self.photo = self.photos.sample(self.settings.batch)
        self.cartoon = self.cartoons.sample(self.settings.batch)

    @property
    def generators_learn(self) -> bool:
        """In this step; in the others critics alone do."""
        return not self.settings.wasserstein or self.step % self.settings.critic_steps == 0

    def forward(self) -> None:
        """Both directions, and back to where they came from. Each encoder sees what the other generator made."""
        a, b = self.generator, self.back
        with torch.set_grad_enabled(self.generators_learn):
            self.photo_embedding = a.encode(self.photo.pictures)  # e_AB(X_A)
            self.toon = a.decode(self.photo_embedding)
            self.cartoon_embedding = b.encode(self.cartoon.pictures)
            self.made_photo = b.decode(self.cartoon_embedding)
        self.pictures = {
            "photo": self.photo.pictures,
            "toon": self.toon,
            "cartoon": self.cartoon.pictures,
            "made photo": self.made_photo,
        }
        if self.generators_learn:
            self.toon_embedding = b.encode(self.toon)  # e_BA(G_AB(X_A))
            self.photo_again = b.decode(self.toon_embedding)
            self.made_photo_embedding = a.encode(self.made_photo)
            self.cartoon_again = a.decode(self.made_photo_embedding)
            self.pictures |= {"photo again": self.photo_again, "cartoon again": self.cartoon_again}

    def optimise(self, update: Update) -> None:
        self.losses = self.translation() if self.generators_learn else {}
        if self.losses:
            update("generators", total(self.losses.values()))
        learned = self.discrimination()
        update("discriminators", total(learned.values()))
        self.losses |= learned

    def translation(self) -> dict[str, Tensor]:
        """What the generators minimise."""
        s = self.settings
        form: Form = "wasserstein" if s.wasserstein else "lsgan"
        photo, cartoon = self.photo.pictures, self.cartoon.pictures
        parts = {
            "generators": generator_loss(form, self.of_cartoons(self.shown(self.toon)))
            + generator_loss(form, self.of_photos(self.shown(self.made_photo))),
            "cycle": s.cycle * (l1_loss(self.photo_again, photo) + l1_loss(self.cartoon_again, cartoon)),
        }
        if s.semantic:  # L_semAB and L_semBA
            parts["semantic"] = s.semantic * (
                semantic_consistency(self.photo_embedding, self.toon_embedding)
                + semantic_consistency(self.cartoon_embedding, self.made_photo_embedding)
            )
        if s.domain:  # L_dom, its labels exchanged
            ofs = self.of_domains(self.photo_embedding), self.of_domains(self.cartoon_embedding)
            parts["domain"] = s.domain * discriminator_loss("lsgan", ofs[0], [ofs[1]])
        if s.perceptual:
            pairs = (self.toon, photo), (self.made_photo, cartoon)
            parts["perceptual"] = s.perceptual * total(
                content(self.features(made), self.features(of)) for made, of in pairs
            )
        return parts

    def discrimination(self) -> dict[str, Tensor]:
        """What the discriminators, or critics, minimise."""
        s, parts = self.settings, {}
        for name, discriminator, pool, real, made in (
            ("cartoon discriminator", self.of_cartoons, self.toon_pool, self.cartoon.pictures, self.toon),
            ("photo discriminator", self.of_photos, self.photo_pool, self.photo.pictures, self.made_photo),
        ):
            real, made = self.shown(real), self.shown(made.detach())
            if s.wasserstein:
                mixture = torch.rand(len(real), 1, 1, 1, device=real.device)
                penalty = s.penalty * gradient_penalty(discriminator, real, made, mixture)
                parts[name] = discriminator_loss("wasserstein", discriminator(real), [discriminator(made)]) + penalty
            else:  # halved, so that discriminators learn more slowly than generators (CycleGAN, section 7.1)
                logits = discriminator(real), discriminator(pool(made))
                parts[name] = discriminator_loss("lsgan", logits[0], logits[1:]) / 2
        if s.domain:  # L_dom: 0 for domain A, 1 for B
            of_photo = self.of_domains(self.photo_embedding.detach())
            of_cartoon = self.of_domains(self.cartoon_embedding.detach())
            parts["domain discriminator"] = discriminator_loss("lsgan", of_cartoon, [of_photo])
        return parts

    def shown(self, pictures: Tensor) -> Tensor:
        """What a discriminator sees of them."""
        return without_padding(pictures, self.photo, self.cartoon)

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]
