"""The methods that `toonstream-train compare` knows: the papers', what they compare with, and their ablations."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Method:
    """A row of the comparison."""

    recipe: str
    settings: tuple[str, ...] = ()
    """What it is trained with besides its preset `small`, as of --set."""
    steps: Mapping[str, float] = field(default_factory=lambda: {"steps": 1.0})
    """The settings that say how long its stages are -> their shares of all steps."""
    packs: Mapping[str, str] = field(default_factory=lambda: {"photos": "photos", "cartoons": "cartoons"})
    """Its recipe's name of a pack -> the comparison's; first of what it draws, then of what that is to look like."""

    @property
    def source(self) -> str:
        return next(iter(self.packs.values()))

    @property
    def target(self) -> str:
        return list(self.packs.values())[1]

    @property
    def direction(self) -> str:
        return f"{self.source} to {self.target}"


def to_photos(recipe: str, source: str = "photos", target: str = "cartoons") -> Method:
    """In CP-GAN's direction: from drawn avatars to photos. source, target: the recipe's names of its packs."""
    return Method(recipe, packs={source: "avatars", target: "photos"})


STAGES = ("apart", "together", "augmented", "adapted")
PDA_STEPS = {**dict.fromkeys(("detector_steps", "classifier_steps"), 0.05), **dict.fromkeys(STAGES, 0.225)}
"""PDA's stages."""
LANDMARK_STEPS = {"regressor_steps": 0.15, "coarse": 0.425, "fine": 0.425}
"""Landmark Assisted CycleGAN's."""
COMPARED = {
    "cartoongan": Method("cartoongan", steps={"initialisation": 0.1, "steps": 0.9}),
    "cp_gan": Method("cp_gan", packs={"source": "photos", "target": "cartoons"}),
    "landmark_cyclegan": Method("landmark_cyclegan", steps=LANDMARK_STEPS),
    "landmark_cyclegan-no-local": Method("landmark_cyclegan", ("local=0.0",), steps=LANDMARK_STEPS),
    "face2anime": Method("face2anime"),
    "cyclegan": Method("cyclegan"),
    "cyclegan-no-identity": Method("cyclegan", ("identity=0.0",)),
    "distancegan": Method("distancegan"),
    "unit": Method("unit"),
    "munit": Method("munit"),
    "ugatit": Method("ugatit"),
    "pda": Method("pda", steps=PDA_STEPS),
    "pda-no-ldn": Method("pda", ("ldn=false",), steps=PDA_STEPS),
    "avatars-cp_gan": to_photos("cp_gan", "source", "target"),
    "avatars-cyclegan": to_photos("cyclegan"),
    "avatars-distancegan": to_photos("distancegan"),
    "avatars-unit": to_photos("unit"),
}
"""By name. CP-GAN's paper compares in the other direction. Without LDN, PDA needs no contours of its cartoons."""


def variant(of: str, *settings: str, steps: Mapping[str, float] | None = None, **packs: str) -> Method:
    """One of COMPARED but for these settings, packs and, where its stages are others, their shares of the steps."""
    whole = COMPARED[of]
    return replace(whole, settings=settings, steps=steps or whole.steps, packs={**whole.packs, **packs})


def pda(*settings: str, stages: tuple[str, ...], **packs: str) -> Method:
    """PDA with these alone of its stages, which are as long together as all four; the others are set to 0."""
    left_out = tuple(f"{name}=0" for name in STAGES if name not in stages)
    steps = {name: share for name, share in PDA_STEPS.items() if name not in STAGES}
    return variant("pda", *left_out, *settings, steps=steps | dict.fromkeys(stages, 0.9 / len(stages)), **packs)


ABLATIONS = {
    # CartoonGAN, section 4.3
    "cartoongan-no-initialisation": variant("cartoongan", "initialisation=0", steps={"steps": 0.9}),
    "cartoongan-l2": variant("cartoongan", "content_norm=l2"),
    "cartoongan-no-edges": variant("cartoongan", "edges=false"),
    # CP-GAN, sections 4.5 and 4.6
    "cp_gan-no-global": variant("cp_gan", "adversarial=0.0"),
    "cp_gan-no-local": variant("cp_gan", "local=0.0"),
    "cp_gan-gamma-0.1": variant("cp_gan", "gamma=0.1"),
    "cp_gan-gamma-10": variant("cp_gan", "gamma=10.0"),
    "avatars-cp_gan-no-global": variant("avatars-cp_gan", "adversarial=0.0"),
    "avatars-cp_gan-no-local": variant("avatars-cp_gan", "local=0.0"),
    "avatars-cp_gan-gamma-0.1": variant("avatars-cp_gan", "gamma=0.1"),
    "avatars-cp_gan-gamma-10": variant("avatars-cp_gan", "gamma=10.0"),
    # Landmark Assisted CycleGAN, section 4.4: Lm_cd, Lm_co, one stage, no pre-training
    "landmark_cyclegan-conditions-alone": variant("landmark_cyclegan", "consistency=0.0", "local=0.0"),
    "landmark_cyclegan-consistency-alone": variant("landmark_cyclegan", "conditions=false", "local=0.0"),
    "landmark_cyclegan-one-stage": variant(
        "landmark_cyclegan", "coarse=0", steps={"regressor_steps": 0.15, "fine": 0.85}
    ),
    "landmark_cyclegan-no-pretraining": variant(
        "landmark_cyclegan", "regressor_steps=0", steps={"coarse": 0.425, "fine": 0.425}
    ),
    # Face2Anime: which of its losses does it take?
    "face2anime-cycle-alone": variant("face2anime", "semantic=0.0", "domain=0.0"),
    "face2anime-no-cycle": variant("face2anime", "cycle=0.0"),
    "face2anime-no-semantic": variant("face2anime", "semantic=0.0"),
    "face2anime-no-domain": variant("face2anime", "domain=0.0"),
    "face2anime-perceptual": variant("face2anime", "perceptual=1.0"),
    "face2anime-wasserstein": variant("face2anime", "wasserstein=true"),
    # PDA, section 4.5: its losses; then Baseline, Coser, Coser+Aug, Coser+Human, Single Stage
    "pda-no-structure": variant("pda", "structure=0.0"),
    "pda-no-highlight": variant("pda", "highlight=0.0"),
    "pda-no-cam": variant("pda", "cam=0.0"),
    "pda-no-proxy": pda(stages=("apart", "together"), proxy="photos"),
    "pda-proxy-alone": pda(stages=("apart", "together")),
    "pda-no-photos": pda(stages=("apart", "together", "augmented")),
    "pda-no-aug-portrait": pda("aug_portrait=0.0", stages=("apart", "together", "adapted")),
    "pda-one-stage": pda("ldn_factor=1.0", stages=("adapted",)),
}
"""By name, what else a paper's ablation trains beside its method in COMPARED. Translation has as many steps in each."""
METHODS = COMPARED | ABLATIONS


def ablation(recipe: str) -> list[str]:
    """The recipe's own row, and those of all its variants."""
    return [name for name, method in METHODS.items() if method.recipe == recipe]
