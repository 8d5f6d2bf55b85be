"""Landmark Assisted CycleGAN for Cartoon Face Generation (Wu, Gu, Tao, Shen, Tai, Jia; 2019).

CycleGAN whose generators see the face's landmarks as heat maps and are to leave them where they are, and whose
discriminators look at landmarks as well. Departures from the paper, and choices where it gives no detail:
- Generators, plain discriminators, least squares and the pool of earlier pictures are CycleGAN's, "the base model";
  six residual blocks, as CycleGAN has at 128 pixels. There is no identity loss.
- Crops are turned, moved and magnified a little, and half of them mirrored: they are aligned, and landmarks that are
  always in one place could be predicted without the picture.
- Equation 4's norm, and the regressors' loss, are means of squares. The deviation of a Gaussian is not given.
- Equation 5 conditions a made picture on its source's heat maps; figure 3's caption on those predicted for it. The
  equation is followed; the way back of a cycle sees the same maps.
- Table 4's last layer is called fully connected and has a 1x1 kernel: it is a convolution, each logit of a patch. The
  discriminators take 3 + 5 channels, where the table has 3.
- Unmatched pairs are crops of 0.6 to 0.8 of a real picture, brought to its size. They count as much as made ones.
- The local discriminators' networks are not given: three blocks of table 4's kind. A mouth is cut from corner to corner
  and brought to its patch's size. Real patches are at the labelled landmarks, made ones at those that the regressor
  finds, where its maps are highest.
- Polynomial decay has power 0.9, to zero in each stage, since the local discriminators begin with the second one. The
  second stage's length is not given. Loss weights are given for it; the first has the same.
- The regressors are trained as long as the paper says, at the other networks' rate and batch size. Their last layer
  begins with zeros.
- What was padded in a crop is hidden from the discriminators, and what is exported is a moving average (EMA).

Section 4.4's ablations: consistency=0 local=0 (Lm_cd), conditions=false local=0 (Lm_co), local=0 (w/o-local), coarse=0
(one stage), regressor_steps=0 (no pre-training: the regressors learn along with the rest).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss
from torch.optim import Adam

from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.core.schedules import polynomial_decay
from toonstream_train.data.dataset import Batch, Faces, Geometry, without_padding
from toonstream_train.data.pack import Pack
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.total import total
from toonstream_train.networks.blocks.image_pool import ImagePool
from toonstream_train.networks.blocks.initial import gaussian
from toonstream_train.networks.blocks.patches import PARTS, cut, parts
from toonstream_train.networks.discriminators import cyclegan, strided
from toonstream_train.networks.generators.cyclegan import Generator as Unconditional
from toonstream_train.networks.generators.landmark_cyclegan import Generator
from toonstream_train.networks.heat_maps import heat_maps, landmarks_of
from toonstream_train.networks.landmark_regressor import LandmarkRegressor


@dataclass(frozen=True)
class LandmarkCycleGANSettings(Settings):
    """The defaults are the paper's (section 3.3.2), but for the numbers of steps."""

    geometry: Geometry = field(default_factory=lambda: Geometry(128, scale=(0.5, 0.6), rotation=8.0, shift=8.0))
    batch: int = 1
    regressor_steps: int = 4_000
    """Before all else; 80,000 in the paper. 0: they learn along with the generators."""
    coarse: int = 10_000
    """Steps of stage I, without local discriminators; 100,000 in the paper. 0: one stage."""
    fine: int = 10_000
    """Steps of stage II."""
    regressor_width: int = 64
    width: int = 64
    blocks: int = 6
    discriminator_width: int = 64
    learning_rate: float = 2e-4
    regressor_rate: float = 2e-4
    """Of the regressors; with few steps they need a higher one."""
    decay: float = 0.9
    beta1: float = 0.5
    pool: int = 50
    plain: float = 0.5
    """lambda_g."""
    conditional: float = 0.5
    """lambda_gc."""
    conditions: bool = True
    """Heat maps for the generators, and the conditional discriminators."""
    consistency: float = 100.0
    """lambda_lm, of the landmark consistency loss."""
    local: float = 0.3
    """lambda_local, of each part of the face."""
    cycle: float = 10.0


@dataclass(frozen=True)
class Domain:
    """What judges the pictures of a domain."""

    regressor: LandmarkRegressor  # R
    plain: nn.Module  # D
    conditional: nn.Module  # D^gc
    local: nn.ModuleDict  # D^l of each part
    pool: ImagePool

    @classmethod
    def of(cls, s: LandmarkCycleGANSettings) -> "Domain":
        return cls(
            LandmarkRegressor(width=s.regressor_width),
            cyclegan.Discriminator(s.discriminator_width).apply(gaussian),
            strided.Discriminator(3 + 5, s.discriminator_width).apply(gaussian),
            nn.ModuleDict({n: strided.Discriminator(3, s.discriminator_width, 3) for n in PARTS}).apply(gaussian),
            ImagePool(s.pool, s.geometry.size),
        )


@dataclass
class Way:
    """A translation of this step, one way or the other."""

    to: Domain
    source: Batch
    maps: Tensor  # of the source's landmarks, (B, 5, S, S)
    made: Tensor
    again: Tensor  # what was made, translated back
    real: Batch
    real_maps: Tensor
    found: Tensor | None  # heat maps that the regressor finds in what was made


class LandmarkCycleGAN(Recipe):
    name = "landmark_cyclegan"
    defaults = LandmarkCycleGANSettings()
    packs: ClassVar = {"photos": "faces to draw (domain X)", "cartoons": "what they are to look like (domain Y)"}
    averaged = ("generator",)

    settings: LandmarkCycleGANSettings

    def __init__(self, settings: LandmarkCycleGANSettings) -> None:
        super().__init__(settings)
        s = settings
        if s.geometry.size < 96:
            raise InputError(f"geometry.size={s.geometry.size}: landmark_cyclegan needs 96 pixels at least")
        kind = Generator if s.conditions else Unconditional
        self.generator, self.back = (kind(s.width, s.blocks).apply(gaussian) for _ in range(2))
        self.cartoons, self.photos = Domain.of(s), Domain.of(s)
        self.networks = {"generator": self.generator, "back": self.back}
        for name, domain in (("cartoon", self.cartoons), ("photo", self.photos)):
            self.networks |= {
                f"{name} regressor": domain.regressor,
                f"{name} discriminator": domain.plain,
                f"{name} conditional discriminator": domain.conditional,
                f"{name} local discriminators": domain.local,
                f"{name} pool": domain.pool,
            }

        def adam(rate: float, *kinds: str) -> Adam:
            learning = (n.parameters() for name, n in self.networks.items() if name.endswith(kinds))
            return Adam(chain(*learning), rate, (s.beta1, 0.999))

        self.optimisers = {
            "regressors": adam(s.regressor_rate, "regressor"),
            "generators": adam(s.learning_rate, "generator", "back"),
            "discriminators": adam(s.learning_rate, "discriminator", "discriminators"),
        }

    def stages(self) -> tuple[Stage, ...]:
        """The regressors, then section 3.3.1's two stages."""
        s, both, decay = self.settings, ("photos", "cartoons"), polynomial_decay(self.settings.decay)
        regressors = tuple(name for name in self.networks if name.endswith("regressor"))
        local = tuple(name for name in self.networks if name.endswith("local discriminators"))
        coarse = tuple(name for name in self.networks if name not in (*regressors, *local))
        needed = bool(s.consistency or s.local)
        along = regressors if needed and not s.regressor_steps else ()
        return (
            Stage("regressors", s.regressor_steps if needed else 0, regressors, both, decay),
            Stage("coarse", s.coarse, coarse + along, both, decay),
            Stage("fine", s.fine, coarse + along + (local if s.local else ()), both, decay),
        )

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        self.faces = {name: Faces(packs[name], device, self.settings.geometry) for name in self.packs}

    def take(self) -> None:
        size = self.settings.geometry.size
        self.photo, self.cartoon = (self.faces[name].sample(self.settings.batch) for name in self.packs)
        self.photo_maps, self.cartoon_maps = (heat_maps(f.points[5], size, size) for f in (self.photo, self.cartoon))

    def forward(self) -> None:
        """Both ways round; or what the regressors find in real faces."""
        s, photo, cartoon = self.settings, self.photo, self.cartoon
        self.pictures = {"photo": photo.pictures, "cartoon": cartoon.pictures}
        if self.stage.name == "regressors":
            return
        toon = self.draw(self.generator, photo.pictures, photo.points[5])
        made = self.draw(self.back, cartoon.pictures, cartoon.points[5])
        photo_again = self.draw(self.back, toon, photo.points[5])
        cartoon_again = self.draw(self.generator, made, cartoon.points[5])
        look = s.consistency or (s.local and self.stage.name == "fine")
        self.ways = [
            Way(to, source, maps, drawn, again, real, real_maps, to.regressor(drawn) if look else None)
            for to, source, maps, drawn, again, real, real_maps in (
                (self.cartoons, photo, self.photo_maps, toon, photo_again, cartoon, self.cartoon_maps),
                (self.photos, cartoon, self.cartoon_maps, made, cartoon_again, photo, self.photo_maps),
            )
        ]
        self.pictures |= {"toon": toon, "photo again": photo_again}
        self.pictures |= {"made photo": made, "cartoon again": cartoon_again}

    def draw(self, generator: nn.Module, pictures: Tensor, landmarks: Tensor) -> Tensor:
        drawn: Tensor = generator(pictures, landmarks) if self.settings.conditions else generator(pictures)
        return drawn

    def optimise(self, update: Update) -> None:
        self.losses = {}
        if self.stage.name != "regressors":
            self.losses = self.translation()
            update("generators", total(self.losses.values()))
            learned = self.discrimination()
            update("discriminators", total(learned.values()))
            self.losses |= learned
        if "photo regressor" in self.stage.networks:
            self.losses["regressors"] = self.regression()
            update("regressors", self.losses["regressors"])

    def regression(self) -> Tensor:
        """Heat maps of real faces (section 3.3.2)."""
        of_photo = self.photos.regressor(self.photo.pictures), self.photo_maps
        of_cartoon = self.cartoons.regressor(self.cartoon.pictures), self.cartoon_maps
        return mse_loss(*of_photo) + mse_loss(*of_cartoon)

    def translation(self) -> dict[str, Tensor]:
        """What the generators minimise, both ways: equation 3, with the losses that landmarks add."""
        s, total = self.settings, dict[str, Tensor]()

        def add(name: str, weight: float, loss: Tensor) -> None:
            total[name] = weight * loss + total.get(name, 0)

        for way in self.ways:
            shown = self.shown(way.made)
            add("generators", s.plain, generator_loss("lsgan", way.to.plain(shown)))  # equation 1
            add("cycle", s.cycle, l1_loss(way.again, way.source.pictures))  # equation 2
            if s.consistency:  # equation 4
                assert way.found is not None
                add("landmarks", s.consistency, mse_loss(way.found, way.maps))
            if s.conditions:  # equation 5
                logits = way.to.conditional(torch.cat([shown, way.maps], 1))
                add("conditional generators", s.conditional, generator_loss("lsgan", logits))
            for name, patch in self.made_parts(way, shown).items():  # equation 6
                add("local generators", s.local, generator_loss("lsgan", way.to.local[name](patch)))
        return total

    def discrimination(self) -> dict[str, Tensor]:
        """What the discriminators minimise: equations 1, 5 and 6, halved as in CycleGAN."""
        s, total = self.settings, dict[str, Tensor]()

        def add(name: str, weight: float, real: Tensor, *fakes: Tensor) -> None:
            total[name] = weight * discriminator_loss("lsgan", real, fakes) / 2 + total.get(name, 0)

        for way in self.ways:
            real, made = self.shown(way.real.pictures), self.shown(way.made.detach())
            add("discriminators", s.plain, way.to.plain(real), way.to.plain(way.to.pool(made)))
            if s.conditions:
                pairs = (real, way.real_maps), (made, way.maps), (unmatched(real), way.real_maps)
                logits = [way.to.conditional(torch.cat(pair, 1)) for pair in pairs]
                add("conditional discriminators", s.conditional, *logits)
            real_parts = parts(real, way.real.points[5])
            for name, patch in self.made_parts(way, made).items():
                discriminator = way.to.local[name]
                add("local discriminators", s.local, discriminator(real_parts[name]), discriminator(patch))
        return total

    def made_parts(self, way: Way, made: Tensor) -> dict[str, Tensor]:
        """What the local discriminators see of what was made; nothing before stage II."""
        if not self.settings.local or self.stage.name != "fine":
            return {}
        assert way.found is not None
        return parts(made, landmarks_of(way.found))

    def shown(self, pictures: Tensor) -> Tensor:
        """What discriminators see of them."""
        return without_padding(pictures, self.photo, self.cartoon)

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]

    def examples(self, faces: Pack) -> dict[str, NDArray[Any]]:
        landmarks = {"landmarks": faces.points[5]} if self.settings.conditions else {}
        return super().examples(faces) | landmarks


def unmatched(pictures: Tensor) -> Tensor:
    """Random crops (B, C, S, S), brought to the pictures' size: nothing lies any more where the landmarks are."""
    count, side = len(pictures), pictures.shape[3]
    share = 0.6 + 0.2 * torch.rand(count, device=pictures.device)
    away = (1 - share[:, None]) * (torch.rand(count, 2, device=pictures.device) - 0.5)
    return cut(pictures, side * (0.5 + away), (side, side), share)
