"""PDA: Appearance-preserved Portrait-to-anime Translation via Proxy-guided Domain Adaptation (Xiao, Xu et al.).

A landmark deformation network (LDN) moves the contour of the face, a warp follows it, and a portrait stylization
network (PSN) paints. They learn on portraits that stand between photos and anime, then with photos' faces in those
portraits, then with photos. Departures from the paper, and choices where it gives no detail:
- No portraits of cosplayers are at hand. Without a pack `proxy`, `data.proxy` builds them from the photos: larger
  eyes, a slimmer jaw, smooth skin, hair of any colour.
- The contour is the first 17 points of 56 or 68, as in the paper, or those of the mesh that `prepare` finds in
  photos, and in cartoons that it takes for faces. Cartoons with five points alone need ldn=false, the paper's "w/o
  LDN".
- The width of the LDN's layers is not given. A contour is in shares of the picture's side; its generators add to it
  and begin as the identity; the norms of equation 1 are means.
- Equation 2 has real contours as 0 and made ones as 1, and one sum for both players. Here 1 is real, as in least
  squares GANs (its reference 43), and the generators aim at 1.
- Section 3.1.2 trains the LDN on photos as well; section 3.3 gives photos structure and highlight losses alone. The
  latter is done.
- PSN's networks are U-GAT-IT's (its reference 3) with six residual blocks on either side of the attention, and the
  discriminator of five down-scalings, whose attention follows one more layer. Scale and shift of AdaLIN come from
  means. The discriminators' CAM losses weigh as much as the adversarial ones, as U-GAT-IT has it. Adam's beta1 is
  0.5.
- The detector is Landmark Assisted CycleGAN's U-Net (its reference 26), with a plane of the heat map for eyes and
  one for corners of the mouth. An eye's patch is a square by the distance of the eyes. Highlights are cut out by
  quantiles of the skin's lightness and brought to the cartoon by the spline of five points.
- How stage one divides into apart and together, and how detector and classifiers are trained, is not given.
- "Linearly decayed to zero" is in each of the stages two and three.
- Pictures are aligned crops, half of them mirrored; what was padded is hidden from the discriminators, and what is
  shown and exported is a moving average (EMA).

Section 4.5's variants: ldn=false; structure=0; highlight=0; cam=0. Of the stages: augmented=0 adapted=0 (Coser), with
the photos as the pack `proxy` (Baseline); adapted=0 (Coser+Aug); augmented=0 aug_portrait=0 (Coser+Human); apart=0
together=0 augmented=0 ldn_factor=1 (Single Stage). "Full Landmarks" is left out: the LDN moves contours alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.optim import Adam

from toonstream.faces.learned_shape import LearnedShape
from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.core.schedules import linear_decay
from toonstream_train.data import contours, drawn_faces
from toonstream_train.data.aug_portrait import aug_portrait
from toonstream_train.data.dataset import Batch, Faces, Geometry, without_padding
from toonstream_train.data.pack import Pack
from toonstream_train.data.proxy import proxy
from toonstream_train.losses.total import total
from toonstream_train.networks.blocks.spline import warp
from toonstream_train.recipes.pda.artifacts import Artifacts
from toonstream_train.recipes.pda.ldn import LDN
from toonstream_train.recipes.pda.psn import PSN

PRETRAINING = ("detector", "classifiers")
"""Stages before the three of the paper."""


@dataclass(frozen=True)
class PDASettings(Settings):
    geometry: Geometry = field(default_factory=lambda: Geometry(size=128, scale=(0.5, 0.5)))
    batch: int = 1
    detector_steps: int = 1_000
    classifier_steps: int = 1_000
    pretraining_batch: int = 8
    pretraining_rate: float = 5e-4
    apart: int = 4_000
    """Steps in which LDN and PSN learn each for itself."""
    together: int = 6_000
    """Steps on the proxy in which the PSN sees what the LDN has warped."""
    augmented: int = 5_000
    """Steps with Aug-Portrait, section 3.2."""
    adapted: int = 5_000
    """Steps with photos as well, section 3.3."""
    aug_portrait: float = 0.5
    """Probability, in the last two stages, that a portrait gets a photo's face."""
    learning_rate: float = 1e-4
    ldn_factor: float = 0.1
    """Of the LDN's learning rate, in the last two stages."""
    beta1: float = 0.5
    width: int = 16
    blocks: int = 6
    """Residual blocks before the attention, and as many behind it."""
    discriminator_width: int = 16
    ldn: bool = True
    ldn_width: int = 128
    ldn_cycle: float = 100.0
    ldn_adversarial: float = 1.0
    cycle: float = 10.0
    adversarial: float = 1.0
    cam: float = 1000.0
    structure: float = 1.0
    highlight: float = 1.0


class PDA(Recipe):
    name = "pda"
    defaults = PDASettings()
    packs: ClassVar = {
        "photos": "faces to draw, with their mesh",
        "cartoons": "what they are to look like, with contours (see the recipe)",
        "proxy": "portraits between the two, with their mesh; built from the photos where absent",
    }
    averaged = ("generator", "landmark generator")

    settings: PDASettings

    def __init__(self, settings: PDASettings) -> None:
        super().__init__(settings)
        s = settings
        if s.geometry.size < 96:
            raise InputError(f"geometry.size={s.geometry.size}: pda needs 96 pixels at least")
        self.ldn, self.psn = LDN(s.ldn_width), PSN(s.width, s.blocks, s.discriminator_width)
        self.artifacts = Artifacts()
        self.networks = self.ldn.networks | self.psn.networks | self.artifacts.networks

        def adam(rate: float, **groups: Mapping[str, nn.Module]) -> Adam:
            parameters = [
                {"name": name, "params": [p for network in networks.values() for p in network.parameters()]}
                for name, networks in groups.items()
            ]
            return Adam(parameters, rate, (s.beta1, 0.999))

        self.optimisers = {
            "detector": adam(s.pretraining_rate, detector={"detector": self.artifacts.detector}),
            "classifiers": adam(s.pretraining_rate, classifiers=self.artifacts.classifiers),
            "generators": adam(s.learning_rate, psn=self.psn.generators, ldn=self.ldn.generators),
            "discriminators": adam(s.learning_rate, psn=self.psn.discriminators, ldn=self.ldn.discriminators),
        }

    def stages(self) -> tuple[Stage, ...]:
        """Detector and classifiers are trained "prior to the PSN model"; the three stages follow, the first in two."""
        s, both = self.settings, ("photos", "cartoons")
        detected, classified = bool(s.structure), bool(s.structure or s.highlight)
        trained = (*self.psn.networks, *(self.ldn.networks if s.ldn else ()))
        slower = {"ldn": s.ldn_factor}
        return (
            Stage("detector", detected * s.detector_steps, ("detector",), both),
            Stage("classifiers", classified * s.classifier_steps, tuple(self.artifacts.classifiers), both),
            Stage("apart", s.apart, trained, both),
            Stage("together", s.together, trained, both),
            Stage("augmented", s.augmented, trained, both, linear_decay(), slower),
            Stage("adapted", s.adapted, trained, both, linear_decay(), slower),
        )

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        s = self.settings

        def faces(name: str, pack: Pack, *points: int) -> Faces:
            if 17 in points and (found := contours.contour(pack)) is not None:
                pack = replace(pack, points=pack.points | {17: found})
            if 17 in points and 17 not in pack.points:
                raise InputError(
                    f"the pack {name!r} has no contours, which the landmark network needs; give prepare 17, 56 or 68 "
                    "points in its CSV, or none, so that it finds faces itself; or set ldn=false"
                )
            if 478 in points and 478 not in pack.points:
                raise InputError(f"the pack {name!r} has no meshes; make it with prepare, without --landmarks")
            return Faces(pack, device, s.geometry, points=points)

        contour = (17,) if s.ldn else ()
        self.cartoons = faces("cartoons", packs["cartoons"], 5, *contour)
        self.photos = faces("photos", packs["photos"], 5, 478, *contour)
        self.proxies = faces("proxy", packs.get("proxy") or proxy(packs["photos"], s.training.seed), 5, 478, *contour)

    def take(self) -> None:
        s, stage = self.settings, self.stage.name
        count = s.pretraining_batch if stage in PRETRAINING else s.batch
        self.cartoon = self.cartoons.sample(count)
        if stage in (*PRETRAINING, "adapted"):
            self.photo = self.photos.sample(count)
        if stage not in PRETRAINING:
            self.portrait = self.proxies.sample(count)
        if stage in ("augmented", "adapted") and torch.rand(()) < s.aug_portrait:
            self.portrait.pictures = aug_portrait(self.photos.sample(count), self.portrait)

    def forward(self) -> None:
        if self.stage.name in PRETRAINING:
            self.pictures = self.artifacts.forward(self.cartoon, self.photo)
            return
        if self.settings.ldn:
            self.ldn.forward(self.contour(self.portrait), self.contour(self.cartoon))
        psn = self.psn
        psn.forward(self.warped(self.portrait), self.cartoon.pictures)
        self.toons = [psn.toon]
        self.pictures = {
            "portrait": self.portrait.pictures,
            "warped": psn.portrait,
            "toon": psn.toon,
            "cartoon": psn.cartoon,
            "made portrait": psn.made_portrait,
        }
        if self.stage.name == "adapted":
            self.toons.append(psn.stylize(self.warped(self.photo)))
            self.pictures |= {"photo": self.photo.pictures, "photo's toon": self.toons[1]}

    def contour(self, faces: Batch) -> Tensor:
        return faces.points[17] / self.settings.geometry.size

    def warped(self, faces: Batch) -> Tensor:
        """The pictures as the LDN warps them; as they are, as long as LDN and PSN learn apart."""
        if not self.settings.ldn or self.stage.name == "apart":
            return faces.pictures
        moved = self.ldn.deform(self.contour(faces)) * self.settings.geometry.size
        return warp(faces.pictures, faces.points[17], moved)

    def optimise(self, update: Update) -> None:
        s = self.settings

        def learn(name: str, losses: dict[str, Tensor]) -> None:
            update(name, total(losses.values()))
            self.losses |= losses

        self.losses = {}
        if self.stage.name == "detector":
            learn("detector", self.artifacts.detector_losses())
        elif self.stage.name == "classifiers":
            learn("classifiers", self.artifacts.classifier_losses())
        else:  # equations 3 and 6; photos have part in structure and highlight losses alone
            losses = self.psn.generator_losses(s.cycle, s.adversarial, s.cam, self.shown)
            losses |= self.artifacts.losses_of(self.toons, s.structure, s.highlight)
            if s.ldn:
                losses |= self.ldn.generator_losses(s.ldn_cycle, s.ldn_adversarial)
            learn("generators", losses)
            self.psn.clip_gates()
            losses = self.psn.discriminator_losses(s.adversarial, self.shown)
            if s.ldn:
                losses |= self.ldn.discriminator_losses(s.ldn_adversarial)
            learn("discriminators", losses)

    def shown(self, pictures: Tensor) -> Tensor:
        """What a discriminator sees of them."""
        return without_padding(pictures, self.portrait, self.cartoon)

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]

    def examples(self, faces: Pack) -> dict[str, NDArray[Any]]:
        """Faces as the LDN warps them."""
        if not self.settings.ldn:
            return super().examples(faces)
        return {"image": drawn_faces.warped(faces, LearnedShape(self.moved))["image"]}

    @torch.no_grad()
    def moved(self, contours: NDArray[np.float32]) -> NDArray[np.float32]:
        device = next(self.ldn.deform.parameters()).device
        return np.asarray(self.ldn.deform(torch.from_numpy(contours).to(device)).cpu().numpy(), np.float32)

    def shape_network(self) -> nn.Module | None:
        return self.ldn.deform if self.settings.ldn else None
