"""Tiny packs, settings and runs of recipes."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from toonstream_train.core import checkpoint
from toonstream_train.core.recipe import Recipe, Settings, Training
from toonstream_train.core.trainer import Trainer
from toonstream_train.data.dataset import Geometry
from toonstream_train.data.pack import Pack
from toonstream_train.networks.perceptual import Perceptual
from toonstream_train.recipes.baselines.cyclegan import CycleGAN, CycleGANSettings
from toonstream_train.recipes.baselines.distancegan import DistanceGAN, DistanceGANSettings
from toonstream_train.recipes.baselines.munit import MUNIT, MUNITSettings
from toonstream_train.recipes.baselines.ugatit import UGATIT, UGATITSettings
from toonstream_train.recipes.baselines.unit import UNIT, UNITSettings
from toonstream_train.recipes.cartoongan import CartoonGAN, CartoonGANSettings
from toonstream_train.recipes.cp_gan import CPGAN, CPGANSettings
from toonstream_train.recipes.drawing_student import DrawingStudent, DrawingStudentSettings
from toonstream_train.recipes.face2anime import Face2Anime, Face2AnimeSettings
from toonstream_train.recipes.landmark_cyclegan import LandmarkCycleGAN, LandmarkCycleGANSettings
from toonstream_train.recipes.pda.recipe import PDA, PDASettings
from toonstream_train.recipes.quick import Quick, QuickSettings
from torch import Tensor

from support.drawn_face import SKINS, face
from toonstream.faces.shape import Shape

GEOMETRY = Geometry(size=64, scale=(0.9, 1.2), rotation=5)
RANDOM_VGG = Perceptual("vgg16", "conv1_1", "random")

TINY = CartoonGANSettings(
    training=Training(log_steps=2),
    geometry=GEOMETRY,
    batch=2,
    initialisation=3,
    steps=3,
    width=4,
    discriminator_width=4,
    content=RANDOM_VGG,
)
TINY_DRAWING = DrawingStudentSettings(
    training=Training(log_steps=2),
    shape=Shape(eyes=(1.2, 1.4)),
    width=4,
    batch=2,
    sizes={"64": 1.0},
    steps=3,
    adversarial_steps=3,
    discriminator_width=4,
)
TINY_CYCLE = CycleGANSettings(
    training=Training(log_steps=2),
    geometry=GEOMETRY,
    batch=2,
    steps=6,
    width=4,
    blocks=1,
    discriminator_width=4,
    pool=3,
)
TINY_DISTANCE = DistanceGANSettings(
    training=Training(log_steps=2), geometry=GEOMETRY, steps=6, width=4, blocks=1, discriminator_width=4, pool=3
)
TINY_UNIT = UNITSettings(
    training=Training(log_steps=2), geometry=GEOMETRY, batch=2, steps=6, width=4, blocks=1, discriminator_width=2
)
TINY_PDA = PDASettings(
    training=Training(log_steps=2),
    geometry=Geometry(size=96, scale=(0.375, 0.375)),
    batch=2,
    detector_steps=1,
    classifier_steps=1,
    pretraining_batch=2,
    apart=1,
    together=1,
    augmented=1,
    adapted=1,
    width=4,
    blocks=1,
    discriminator_width=2,
    ldn_width=8,
)
TINY_MUNIT = MUNITSettings(
    training=Training(log_steps=2),
    geometry=GEOMETRY,
    batch=2,
    steps=6,
    halve=4,
    width=4,
    blocks=1,
    discriminator_width=2,
)
TINY_UGATIT = UGATITSettings(
    training=Training(log_steps=2), geometry=Geometry(size=96), steps=6, width=4, blocks=1, discriminator_width=2
)
TINY_CP = CPGANSettings(
    training=Training(log_steps=2),
    geometry=Geometry(size=64, scale=(0.25, 0.25)),
    batch=2,
    steps=6,
    width=4,
    blocks=1,
    discriminator_width=4,
    content=RANDOM_VGG,
)
TINY_LANDMARK = LandmarkCycleGANSettings(
    training=Training(log_steps=2),
    geometry=Geometry(size=96, scale=(0.375, 0.375)),
    batch=2,
    regressor_steps=2,
    coarse=2,
    fine=2,
    regressor_width=2,
    width=4,
    blocks=1,
    discriminator_width=2,
    pool=3,
)
TINY_QUICK = QuickSettings(
    training=Training(log_steps=2),
    geometry=GEOMETRY,
    batch=2,
    reconstruction=3,
    steps=3,
    width=4,
    discriminator_width=4,
    window=32,
)
TINY_FACE2ANIME = Face2AnimeSettings(
    training=Training(log_steps=2),
    geometry=GEOMETRY,
    batch=2,
    steps=6,
    width=4,
    blocks=2,
    discriminator_width=4,
    pool=3,
)
KINDS: dict[type, type[Recipe]] = {
    CartoonGANSettings: CartoonGAN,
    CPGANSettings: CPGAN,
    LandmarkCycleGANSettings: LandmarkCycleGAN,
    DrawingStudentSettings: DrawingStudent,
    CycleGANSettings: CycleGAN,
    Face2AnimeSettings: Face2Anime,
    PDASettings: PDA,
    QuickSettings: Quick,
    DistanceGANSettings: DistanceGAN,
    UNITSettings: UNIT,
    MUNITSettings: MUNIT,
    UGATITSettings: UGATIT,
}


def tiny_pack(count: int = 4, seed: int = 0) -> Pack:
    """Noise, with landmarks and drawings."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 256, 256, 3), dtype=np.uint8)
    five = np.array([[85, 110], [170, 110], [128, 150], [95, 190], [160, 190]], np.float32)
    return Pack(
        images=images,
        inside=np.ones((count, 256, 256), np.uint8),
        points={5: np.tile(five, (count, 1, 1)), 478: np.tile(face(SKINS["pale"])[1], (count, 1, 1))},
        names=[f"{i}.png" for i in range(count)],
        sources=["made"] * count,
        drawings=images[:, ::-1].copy(),
    )


def trainer(folder: Path, chosen: Settings) -> Trainer:
    """Of the recipe that has these settings, fed with tiny packs."""
    torch.manual_seed(chosen.training.seed)
    made = Trainer(KINDS[type(chosen)](chosen), folder, Fabric(accelerator="cpu", devices=1))
    given = [tiny_pack(), tiny_pack(seed=1)]
    made.feed(dict(zip(made.recipe.packs, given, strict=False)))
    return made


def run(folder: Path, chosen: Settings) -> dict[str, Any]:
    """A whole run; its checkpoint."""
    trainer(folder, chosen).fit(tiny_pack(2))
    return checkpoint.load(folder / "checkpoint.pt")


def run_saved_at_four(folder: Path, chosen: Settings) -> None:
    """A whole run, which leaves its checkpoint of step 4 besides, as `step-4.pt`."""
    made = trainer(folder, chosen)
    take = made.recipe.take

    def saving() -> None:
        if made.step == 4:
            made.save()
            shutil.copy(made.path, folder / "step-4.pt")
        take()

    made.recipe.take = saving  # type: ignore[method-assign]
    made.fit(tiny_pack(2))


def assert_same(a: Any, b: Any, at: str = "") -> None:
    """Two nests of tensors and plain values are equal to the last bit."""
    if isinstance(a, Tensor):
        assert torch.equal(a, b), at
    elif isinstance(a, Mapping):
        assert a.keys() == b.keys(), at
        for key in a:
            assert_same(a[key], b[key], f"{at}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), at
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{at}[{i}]")
    else:
        assert a == b, at


def as_options(*assignments: str) -> list[str]:
    """The command line's --set of each."""
    return [part for assignment in assignments for part in ("--set", assignment)]


@contextmanager
def disk_for(size: int) -> Iterator[None]:
    """Files can become no larger, in bytes: the system refuses to write on, as on a full disk."""
    resource = pytest.importorskip("resource", reason="there is no such limit on this system")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
