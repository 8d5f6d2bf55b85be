"""What a recipe is, so that the trainer needs to know none by name."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.optim import Optimizer

from toonstream_train.core.schedules import Schedule, constant
from toonstream_train.core.settings import check_numbers
from toonstream_train.data.dataset import Geometry
from toonstream_train.data.pack import SIZE, Pack

Update = Callable[[str, Tensor], None]
"""update(name, loss): one step of the optimiser `name` down the gradient of `loss`, over all processes."""


@dataclass(frozen=True)
class Training:
    """Settings of the trainer itself; every recipe's settings hold them as `training`."""

    seed: int = 0
    ema: float = 0.999
    """Decay of the moving average of the weights (EMA), which is what is shown and exported."""
    clip: float = 0.0
    """Largest norm of an optimiser's gradient, which is scaled down to it; 0 switches that off."""
    compile: bool = False
    log_steps: int = 50
    grid_seconds: float = 180.0
    save_seconds: float = 180.0

    def __post_init__(self) -> None:
        check_numbers(self, "training.")
        if self.seed >= 1 << 63:
            raise InputError(f"training.seed={self.seed}: it has to be below 2^63")


@dataclass(frozen=True)
class Settings:
    """Base of every recipe's settings, frozen. Raises InputError where a number cannot be what it is."""

    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        check_numbers(self)
        if isinstance(geometry := getattr(self, "geometry", None), Geometry):
            check_numbers(geometry, "geometry.")


@dataclass(frozen=True)
class Stage:
    """A part of a run. Stages follow each other; one of no steps is left out."""

    name: str
    steps: int
    networks: tuple[str, ...]
    """Those that are trained: the others are frozen, in evaluation mode."""
    packs: tuple[str, ...]
    """The data that it cannot do without."""
    schedule: Schedule = constant
    """Of all learning rates, over this stage."""
    factors: Mapping[str, float] = field(default_factory=dict)
    """Of the learning rates of single parameter groups, by their entry "name", beside the schedule."""
    period: int = 1
    """Steps in which everything learns once, where some networks learn in some steps alone."""


class Recipe(ABC):
    """Networks, optimisers, stages, and three verbs that make a step, in this order: take, forward, optimise.

    The trainer sets `rank`, and `stage` and `step` before each step. forward and optimise leave what they made in
    `pictures` (name -> (B, 3, H, W) in [-1, 1]) and `losses` (name -> scalar), which the trainer logs and draws.
    All that a step changes lies in `networks` (their buffers, too) and `optimisers`, which are what is saved.
    """

    name: ClassVar[str]
    defaults: ClassVar[Settings]
    packs: ClassVar[dict[str, str]]
    """Name -> what is in it, of every pack that the recipe can use. The first is what the preview shows."""
    learns_drawings: ClassVar[bool] = False
    """From the drawings in its packs, not from their pictures alone."""
    averaged: ClassVar[tuple[str, ...]]
    """The networks of which a moving average is kept."""

    stage: Stage
    step = 0
    """Steps done before this one, in all stages."""
    rank = 0
    """Which of the run's processes this is: what it draws at random, others must not draw too."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.networks: dict[str, nn.Module] = {}
        self.optimisers: dict[str, Optimizer] = {}
        self.losses: dict[str, Tensor] = {}
        self.pictures: dict[str, Tensor] = {}

    @abstractmethod
    def stages(self) -> tuple[Stage, ...]:
        """In their order."""

    @abstractmethod
    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None:
        """Get ready to train on these packs: move them to the device, make what is made from them."""

    @abstractmethod
    def take(self) -> None:
        """Take the batch of this step."""

    @abstractmethod
    def forward(self) -> None:
        """Run the generators."""

    @abstractmethod
    def optimise(self, update: Update) -> None:
        """Compute losses and update each optimiser, in the paper's order."""

    @abstractmethod
    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        """The style's model, put together from these networks; it takes the inputs of `examples`, in their order.

        Pictures are (N, C, H, W) in [-1, 1].
        """

    @property
    def side(self) -> int:
        """Of the crops that the style draws, in pixels: faces in them are as large as in training."""
        geometry = getattr(self.settings, "geometry", None)
        return geometry.side if isinstance(geometry, Geometry) else SIZE

    def examples(self, faces: Pack) -> dict[str, NDArray[Any]]:
        """What the style's model takes of these faces, by name and in its order, as the style's file takes it.

        `image` uint8 (N, S, S, 3); `chart` and `landmarks` as toonstream_engines.style.INPUTS describes them.
        """
        return {"image": faces.images}

    def card(self) -> dict[str, Any]:
        """Tables of the style's card that these settings decide."""
        return {}

    def shape_network(self) -> nn.Module | None:
        """Moves a face's contour, (N, 17, 2) in shares of the crop's side, where the style has no fixed proportions."""
        return None

    def preview_inputs(self, faces: Pack) -> dict[str, NDArray[Any]]:
        """What `preview` gets of these faces: `examples`, and what further rows need."""
        return self.examples(faces)

    def preview(self, networks: Mapping[str, nn.Module], inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rows of the picture grid: what the averaged `networks` make of whole crops.

        inputs: by name, as `exportable` takes them.
        """
        return {"photo": inputs["image"], "toon": self.exportable(networks)(*inputs.values())}


def check_packs(recipe: Recipe, packs: Mapping[str, Pack]) -> None:
    """Raises InputError where a pack is missing that a stage needs, or one was given that the recipe does not know."""
    known = "; ".join(f"{name}: {about}" for name, about in recipe.packs.items())
    for name in packs:
        if name not in recipe.packs:
            raise InputError(f"{recipe.name} does not use a pack {name!r}; it takes {known}")
    for stage in recipe.stages():
        for name in stage.packs:
            if stage.steps > 0 and name not in packs:
                raise InputError(
                    f"{recipe.name} needs the pack {name!r} for its stage {stage.name!r}; "
                    f"add --data {name}=PACK ({known})"
                )


def check_drawings(kind: type[Recipe], packs: Mapping[str, Pack]) -> None:
    """Raises InputError where a recipe that does not learn from drawings would learn from the pictures beside them.

    Photos with drawings are photos to it; but the pictures of `pair` are composed, and what was given as cartoons is
    none.
    """
    for name, pack in packs.items():
        if pack.drawings is not None and not kind.learns_drawings and (pack.shape or name == "cartoons"):
            raise InputError(
                f"the pack {name!r} holds pairs, and {kind.name} would see the pictures in it, not the drawings; "
                "give it a pack as prepare made it, or fit drawing_student with this one"
            )


def check_sources(settings: Settings, packs: Mapping[str, Pack]) -> None:
    """Raises InputError where `weights` or `geometry.weights` cannot be those of faces in these packs.

    A source has to be in one of them, a weight to be no less than 0, and one in each pack above it.
    """
    sources = sorted({source for pack in packs.values() for source in pack.sources})
    tables = {"weights": settings, "geometry.weights": getattr(settings, "geometry", None)}
    for table, owner in tables.items():
        weights: Mapping[str, float] = getattr(owner, "weights", {})
        for name, weight in weights.items():
            if name not in sources:
                raise InputError(f"{table}: no pack has faces of {name!r}; there are {', '.join(sources)}")
            if not 0 <= weight < math.inf:
                raise InputError(f"{table}.{name}={weight}: it has to be a number from 0")
        for name, pack in packs.items():
            if not any(weights.get(source, 1.0) for source in pack.sources):
                raise InputError(f"{table}: with these no face of the pack {name!r} is ever taken; raise one above 0")
