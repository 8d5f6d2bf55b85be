"""PDA: Appearance-preserved Portrait-to-anime Translation via Proxy-guided Domain Adaptation (Xiao, Xu et al.).

A landmark deformation network (LDN) moves the contour of the face, a warp follows it, and a portrait stylization
network (PSN) paints. They learn on portraits that stand between photos and anime, then with photos' faces in those
portraits, then with photos. Where it departs from the paper, or fills in what the paper does not give:
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
- The heat map has a plane for eyes and one for corners of the mouth. An eye's patch is a square by the distance of
  the eyes. Highlights are cut out by quantiles of the skin's lightness and brought to the cartoon by the spline of
  five points.
- How stage one divides into apart and together, and how detector and classifiers are trained, is not given.
- "Linearly decayed to zero" is in each of the stages two and three.
- Pictures are aligned crops, what was padded is hidden from the discriminators, and what is shown and exported is a
  moving average (EMA).

Section 4.5's variants: ldn=false; structure=0; highlight=0; cam=0; and of the stages by their steps and
aug_portrait=0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss
from torch.optim import Adam

from toonstream.faces.learned_shape import LearnedShape
from toonstream_train.core.recipe import Recipe, Settings, Stage, Update
from toonstream_train.core.schedules import linear_decay
from toonstream_train.data.artifacts import abnormal, highlighted, structure
from toonstream_train.data.aug_portrait import aug_portrait
from toonstream_train.data.contours import contour
from toonstream_train.data.dataset import Batch, Faces, Geometry, without_padding
from toonstream_train.data.drawn_faces import warped
from toonstream_train.data.pack import Pack
from toonstream_train.data.proxy import proxy
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.networks import landmark_deformation as ldn
from toonstream_train.networks.blocks.adalin import clip_gates
from toonstream_train.networks.blocks.spline import warp
from toonstream_train.networks.discriminators.ugatit import Discriminator
from toonstream_train.networks.discriminators.whole import Classifier
from toonstream_train.networks.generators.ugatit import Generator
from toonstream_train.networks.unet import UNet

PRETRAINING = ("detector", "classifiers")


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
        if s.geometry.size < 96 or s.geometry.size % 32:
            raise InputError(f"geometry.size={s.geometry.size}: pda needs 96 pixels at least, and a multiple of 32")
        self.deform, self.undo = (ldn.Generator(width=s.ldn_width) for _ in range(2))
        self.anime_contours, self.portrait_contours = (ldn.Discriminator(width=s.ldn_width) for _ in range(2))
        self.generator, self.back = (Generator(s.width, s.blocks) for _ in range(2))
        self.of_cartoons, self.of_portraits = (Discriminator(s.discriminator_width) for _ in range(2))
        self.detector, self.structures, self.highlights = UNet(3, 2), Classifier(2), Classifier(3)
        self.ldn: dict[str, nn.Module] = {
            "landmark generator": self.deform,
            "landmark back": self.undo,
            "cartoon landmark discriminator": self.anime_contours,
            "portrait landmark discriminator": self.portrait_contours,
        }
        self.psn: dict[str, nn.Module] = {
            "generator": self.generator,
            "back": self.back,
            "cartoon discriminator": self.of_cartoons,
            "portrait discriminator": self.of_portraits,
        }
        self.pretrained: dict[str, nn.Module] = {
            "detector": self.detector,
            "structure classifier": self.structures,
            "highlight classifier": self.highlights,
        }
        self.networks = self.ldn | self.psn | self.pretrained

        def adam(rate: float, **groups: tuple[nn.Module, ...]) -> Adam:
            parameters = [
                {"name": name, "params": [p for network in networks for p in network.parameters()]}
                for name, networks in groups.items()
            ]
            return Adam(parameters, rate, (s.beta1, 0.999))

        self.optimisers = {
            "detector": adam(s.pretraining_rate, detector=(self.detector,)),
            "classifiers": adam(s.pretraining_rate, classifiers=(self.structures, self.highlights)),
            "generators": adam(s.learning_rate, psn=(self.generator, self.back), ldn=(self.deform, self.undo)),
            "discriminators": adam(
                s.learning_rate,
                psn=(self.of_cartoons, self.of_portraits),
                ldn=(self.anime_contours, self.portrait_contours),
            ),
        }

    def stages(self) -> tuple[Stage, ...]:
        """Detector and classifiers are trained "prior to the PSN model"; the three stages follow, the first in two."""
        s, both = self.settings, ("photos", "cartoons")
        trained = tuple(self.psn) + (tuple(self.ldn) if s.ldn else ())
        slower = {"ldn": s.ldn_factor}
        return (
            Stage("detector", s.detector_steps if s.structure else 0, ("detector",), both),
            Stage(
                "classifiers",
                s.classifier_steps if s.structure or s.highlight else 0,
                ("structure classifier", "highlight classifier"),
                both,
            ),
            Stage("apart", s.apart, trained, both),
            Stage("together", s.together, trained, both),
            Stage("augmented", s.augmented, trained, both, linear_decay(), slower),
            Stage("adapted", s.adapted, trained, both, linear_decay(), slower),
        )

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        s = self.settings

        def faces(name: str, pack: Pack, *points: int) -> Faces:
            if 17 in points and (found := contour(pack)) is not None:
                pack = replace(pack, points=pack.points | {17: found})
            if 17 in points and 17 not in pack.points:
                raise InputError(
                    f"the pack {name!r} has no contours, which the landmark network needs; give prepare 17, 56 or 68 "
                    "points in its CSV, or none, so that it finds faces itself; or set ldn=false"
                )
            if 478 in points and 478 not in pack.points:
                raise InputError(f"the pack {name!r} has no meshes; make it with prepare, without --landmarks")
            return Faces(pack, device, s.geometry, points=points)

        contours = (17,) if s.ldn else ()
        self.cartoons = faces("cartoons", packs["cartoons"], 5, *contours)
        self.photos = faces("photos", packs["photos"], 5, 478, *contours)
        self.proxies = faces("proxy", packs.get("proxy") or proxy(packs["photos"], s.training.seed), 5, 478, *contours)

    def take(self) -> None:
        s, stage = self.settings, self.stage.name
        count = s.pretraining_batch if stage in PRETRAINING else s.batch
        self.cartoon = self.cartoons.sample(count)
        if stage in ("classifiers", "adapted"):
            self.photo = self.photos.sample(count)
        if stage not in PRETRAINING:
            self.portrait = self.proxies.sample(count)
        if stage in ("augmented", "adapted") and torch.rand(()) < s.aug_portrait:
            self.portrait.pictures = aug_portrait(self.photos.sample(count), self.portrait)

    def forward(self) -> None:
        s, cartoon = self.settings, self.cartoon
        if self.stage.name in PRETRAINING:
            wrong, self.wrong_maps = abnormal(cartoon.pictures, cartoon.points[5])
            self.maps = structure(cartoon.points[5], s.geometry.size)
            self.pictures = {"cartoon": cartoon.pictures, "abnormal": wrong}
            if self.stage.name == "classifiers":
                lit = highlighted(cartoon.pictures, cartoon.points[5], self.photo.pictures, self.photo.points[5])
                self.pictures["highlights"] = lit
            return
        self.warped = self.deformed(self.portrait)
        features, self.portrait_cam = self.generator.encode(self.warped)
        self.toon = self.generator.decode(features)
        self.portrait_again = self.back(self.toon)
        features, self.cartoon_cam = self.back.encode(cartoon.pictures)
        self.made = self.back.decode(features)
        self.cartoon_again = self.generator(self.made)
        self.pictures = {
            "portrait": self.portrait.pictures,
            "warped": self.warped,
            "toon": self.toon,
            "cartoon": cartoon.pictures,
            "made portrait": self.made,
        }
        if self.stage.name == "adapted":
            self.photo_toon = self.generator(self.deformed(self.photo))
            self.pictures |= {"photo": self.photo.pictures, "photo's toon": self.photo_toon}

    def deformed(self, faces: Batch) -> Tensor:
        """The pictures as the LDN warps them; as they are, as long as LDN and PSN learn apart."""
        if not self.settings.ldn or self.stage.name == "apart":
            return faces.pictures
        size = self.settings.geometry.size
        return warp(faces.pictures, faces.points[17], size * self.deform(faces.points[17] / size))

    def optimise(self, update: Update) -> None:
        zero = torch.zeros((), device=self.cartoon.pictures.device)
        if self.stage.name == "detector":
            self.losses = self.detection()
            update("detector", sum(self.losses.values(), zero))
        elif self.stage.name == "classifiers":
            self.losses = self.classification()
            update("classifiers", sum(self.losses.values(), zero))
        else:
            parts = self.deformation() | self.stylization()
            update("generators", sum(parts.values(), zero))
            clip_gates(self.generator)
            clip_gates(self.back)
            learned = self.discrimination()
            update("discriminators", sum(learned.values(), zero))
            self.losses = parts | learned

    def detection(self) -> dict[str, Tensor]:
        """Heat maps of cartoons as they are and of abnormal ones."""
        pairs = ("cartoon", self.maps), ("abnormal", self.wrong_maps)
        return {
            name: binary_cross_entropy_with_logits(self.detector(self.pictures[name]), maps) for name, maps in pairs
        }

    def classification(self) -> dict[str, Tensor]:
        """Figure 6: cartoons as they are from abnormal ones by their heat maps, and from those with highlights."""
        cartoon, wrong, lit = (self.pictures[name] for name in ("cartoon", "abnormal", "highlights"))
        legit, illegit = (self.structures(self.detector(p).sigmoid()) for p in (cartoon, wrong))
        return {
            "structure": discriminator_loss("vanilla", legit, [illegit]),
            "highlight": discriminator_loss("vanilla", self.highlights(cartoon), [self.highlights(lit)]),
        }

    def deformation(self) -> dict[str, Tensor]:
        """Equation 3, what the LDN's generators minimise."""
        s = self.settings
        if not s.ldn:
            return {}
        size = s.geometry.size
        portrait, anime = self.portrait.points[17] / size, self.cartoon.points[17] / size
        self.contours = self.deform(portrait), self.undo(anime)
        again = self.undo(self.contours[0]), self.deform(self.contours[1])
        fooled = (
            generator_loss("lsgan", self.anime_contours(self.contours[0])),
            generator_loss("lsgan", self.portrait_contours(self.contours[1])),
        )
        return {
            "landmark cycle": s.ldn_cycle * (l1_loss(again[0], portrait) + l1_loss(again[1], anime)),  # equation 1
            "landmark generators": s.ldn_adversarial * (fooled[0] + fooled[1]),
        }

    def stylization(self) -> dict[str, Tensor]:
        """Equation 6, what the PSN's generators minimise; photos have part in structure and highlight losses alone."""
        s, cartoon, zero = self.settings, self.cartoon.pictures, torch.zeros((), device=self.toon.device)
        logits = [*self.of_cartoons(self.shown(self.toon)), *self.of_portraits(self.shown(self.made))]
        parts = {
            "cycle": s.cycle * (l1_loss(self.portrait_again, self.warped) + l1_loss(self.cartoon_again, cartoon)),
            "generators": s.adversarial * sum((generator_loss("lsgan", logit) for logit in logits), zero),
        }
        if s.cam:  # each generator's attention tells its source from its target
            as_targets = self.generator.encode(cartoon)[1], self.back.encode(self.warped)[1]
            parts["cam"] = s.cam * (
                discriminator_loss("vanilla", self.portrait_cam, as_targets[:1])
                + discriminator_loss("vanilla", self.cartoon_cam, as_targets[1:])
            )
        toons = [self.toon, *([self.photo_toon] if self.stage.name == "adapted" else [])]
        if s.structure:  # equation 4
            logits = [self.structures(self.detector(toon).sigmoid()) for toon in toons]
            parts["structure"] = s.structure * sum((generator_loss("vanilla", logit) for logit in logits), zero)
        if s.highlight:  # equation 5
            logits = [self.highlights(toon) for toon in toons]
            parts["highlight"] = s.highlight * sum((generator_loss("vanilla", logit) for logit in logits), zero)
        return parts

    def discrimination(self) -> dict[str, Tensor]:
        """What the discriminators of PSN and LDN minimise; real is 1."""
        s, parts = self.settings, {}
        for name, discriminator, real, made in (
            ("cartoon discriminator", self.of_cartoons, self.cartoon.pictures, self.toon),
            ("portrait discriminator", self.of_portraits, self.warped, self.made),
        ):
            pairs = zip(*(discriminator(self.shown(p.detach())) for p in (real, made)), strict=True)
            logits, by_attention = (discriminator_loss("lsgan", of_real, [of_made]) for of_real, of_made in pairs)
            parts[name] = s.adversarial * (logits + by_attention)
        if s.ldn:
            size = s.geometry.size
            for name, critic, real, made in (
                ("cartoon landmark discriminator", self.anime_contours, self.cartoon.points[17], self.contours[0]),
                ("portrait landmark discriminator", self.portrait_contours, self.portrait.points[17], self.contours[1]),
            ):
                loss = discriminator_loss("lsgan", critic(real / size), [critic(made.detach())])
                parts[name] = s.ldn_adversarial * loss
        return parts

    def shown(self, pictures: Tensor) -> Tensor:
        """What a discriminator sees of them."""
        return without_padding(pictures, self.portrait, self.cartoon)

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return networks["generator"]

    def examples(self, faces: Pack) -> dict[str, NDArray[Any]]:
        """Faces as the LDN warps them."""
        if not self.settings.ldn:
            return super().examples(faces)
        return {"image": warped(faces, LearnedShape(self.moved))["image"]}

    @torch.no_grad()
    def moved(self, contours: NDArray[np.float32]) -> NDArray[np.float32]:
        device = next(self.deform.parameters()).device
        return np.asarray(self.deform(torch.from_numpy(contours).to(device)).cpu().numpy(), np.float32)

    def shape_network(self) -> nn.Module | None:
        return self.deform if self.settings.ldn else None
