"""What a recipe is, so that the trainer needs to know none by name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from toonstream_train.data.pack import Pack

Update = Callable[[str, Tensor], None]
"""update(name, loss): one step of the optimiser `name` down the gradient of `loss`, over all processes."""


@dataclass(frozen=True)
class Training:
    """What the trainer itself is told; every recipe's settings hold it as `training`."""

    steps: int = 200_000
    seed: int = 0
    average: float = 0.999
    """Decay of the moving average of the generators' weights, which is what is shown and exported."""
    decay_from: float = 1.0
    """Share of the steps after which learning rates fall, linearly, towards zero."""
    clip: float = 0.0
    """Norm to which an optimiser's gradient is shortened where it is longer; 0 leaves it."""
    compile: bool = False
    log_steps: int = 50
    grid_seconds: float = 180.0
    save_seconds: float = 180.0


@dataclass(frozen=True)
class Settings:
    """Base of every recipe's settings: frozen, with defaults that are the paper's."""

    training: Training = field(default_factory=Training)


class Recipe(ABC):
    """Networks, optimisers and three verbs, called in this order for every step: take, forward, optimise.

    forward and optimise leave what they made in `pictures` (name -> (B, 3, H, W) in [-1, 1]) and `losses` (name ->
    scalar); the trainer logs and draws whatever is there.
    """

    name: ClassVar[str]
    defaults: ClassVar[Settings]
    exported: ClassVar[str]
    """The network that becomes the style's model; it takes the inputs that `examples` makes."""
    averaged: ClassVar[tuple[str, ...]]
    """The networks of which a moving average is kept."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.networks: dict[str, nn.Module] = {}
        self.optimisers: dict[str, Optimizer] = {}
        self.losses: dict[str, Tensor] = {}
        self.pictures: dict[str, Tensor] = {}

    @abstractmethod
    def feed(self, photos: Pack, cartoons: Pack | None, device: torch.device) -> None:
        """Get ready to train on this data: load it, make what is made from it, put helper networks on the device."""

    @abstractmethod
    def take(self, step: int) -> None:
        """Take the batch of this step."""

    @abstractmethod
    def forward(self) -> None:
        """Run the generators."""

    @abstractmethod
    def optimise(self, update: Update) -> None:
        """Compute losses and update each optimiser, in the paper's order."""

    @abstractmethod
    def preview(self, networks: Mapping[str, nn.Module], inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rows of the picture grid: what the averaged `networks` make of whole crops.

        inputs: of `examples`, as the exported network takes them: pictures (B, C, H, W) in [-1, 1].
        """

    def card(self) -> dict[str, Any]:
        """Tables of the style's card that these settings decide."""
        return {}

    def examples(self, faces: Pack) -> dict[str, NDArray[Any]]:
        """What the exported network takes of these faces, by name and in its order, as the style's model takes it.

        `image` uint8 (N, S, S, 3); `chart` and `landmarks` as toonstream_engines.style.INPUTS describes them.
        """
        return {"image": faces.images}
