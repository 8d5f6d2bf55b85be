"""The loop: exact resumption, several processes, what goes wrong."""

import copy
import dataclasses
import os
import re
import shutil
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
import torch
import torch.multiprocessing as mp
from lightning_fabric import Fabric
from support.shares import Shares, share
from support.training import (
    TINY,
    TINY_CP,
    TINY_CYCLE,
    TINY_DISTANCE,
    TINY_DRAWING,
    TINY_FACE2ANIME,
    TINY_LANDMARK,
    TINY_MUNIT,
    TINY_PDA,
    TINY_QUICK,
    TINY_UGATIT,
    TINY_UNIT,
    assert_same,
    disk_for,
    run,
    tiny_pack,
    trainer,
)
from toonstream_engines import load_style
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.export import torch_outputs
from toonstream_engines.parity import load_parity, steps_between
from toonstream_train.core import checkpoint
from toonstream_train.core.curves import read_curves
from toonstream_train.core.recipe import Recipe, Settings, Stage, Training, Update, check_sources
from toonstream_train.core.trainer import Trainer
from toonstream_train.data.dataset import Geometry
from toonstream_train.data.pack import Pack, save
from torch import nn
from torch.optim import SGD

RUNS = {
    "cartoongan": TINY,
    "cp_gan": TINY_CP,
    "landmark_cyclegan": TINY_LANDMARK,
    "drawing": TINY_DRAWING,
    "cyclegan": TINY_CYCLE,
    "pda": TINY_PDA,
    "quick": TINY_QUICK,
    "distancegan": TINY_DISTANCE,
    "unit": TINY_UNIT,
    "face2anime": TINY_FACE2ANIME,
    "munit": TINY_MUNIT,
    "ugatit": TINY_UGATIT,
}


@pytest.mark.parametrize("chosen", RUNS.values(), ids=RUNS)
def test_a_run_resumes_to_the_same_result(
    tmp_path: Path, chosen: Settings, tiny_run: Callable[[Settings], Path]
) -> None:
    """All stages, learning rates on their way down: weights, averages, optimisers, random state, to the last bit."""
    whole = tiny_run(chosen)
    shutil.copy(whole / "step-4.pt", tmp_path / "checkpoint.pt")
    assert checkpoint.load(tmp_path / "checkpoint.pt")["step"] == 4
    torch.manual_seed(99)
    assert_same(checkpoint.load(whole / "checkpoint.pt"), run(tmp_path, chosen))
    assert (whole / "grids/0000006.png").is_file()


def test_further_processes_draw_batches_of_their_own(
    tmp_path: Path, tiny_run: Callable[[Settings], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a run of one process goes on with two."""
    shutil.copy(tiny_run(TINY_QUICK) / "step-4.pt", tmp_path / "checkpoint.pt")
    states = []
    for rank in (0, 1):
        monkeypatch.setattr(Fabric, "global_rank", rank)
        assert trainer(tmp_path, TINY_QUICK).step == 4
        states.append(torch.get_rng_state())
    assert torch.equal(states[0], checkpoint.load(tmp_path / "checkpoint.pt")["random"][0][0])
    assert not torch.equal(states[0], states[1])


def test_a_run_that_is_stopped_saves_the_step_at_hand(
    tmp_path: Path, tiny_run: Callable[[Settings], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainer(tmp_path, TINY_QUICK)
    take = made.recipe.take

    def stopping() -> None:
        take()
        if made.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(made.recipe, "take", stopping)
    with pytest.raises(UserError, match="stopped at step 4; the same command goes on"):
        made.fit(tiny_pack(2))
    stopped = checkpoint.load(tmp_path / "checkpoint.pt")
    assert_same(stopped, checkpoint.load(tiny_run(TINY_QUICK) / "step-4.pt"))


class TwoStages(Recipe):
    """A regressor first; then the generator, with the regressor frozen."""

    name, averaged, defaults = "two-stages", ("regressor", "generator"), Settings()
    packs: ClassVar = {"photos": "faces", "cartoons": "others"}

    def __init__(self) -> None:
        super().__init__(Settings())
        self.networks = {name: nn.Conv2d(3, 3, 1) for name in self.averaged}
        self.optimisers = {name: SGD(network.parameters(), 1.0) for name, network in self.networks.items()}
        self.seen: list[tuple[str, float, bool]] = []

    def stages(self) -> tuple[Stage, ...]:
        return (
            Stage("regression", 2, ("regressor",), ("photos",), lambda progress: 1 - progress),
            Stage("empty", 0, ("generator",), ("cartoons",)),
            Stage("translation", 2, ("generator",), ("photos",)),
        )

    def feed(self, packs: Mapping[str, Pack], device: torch.device) -> None: ...
    def take(self) -> None: ...
    def forward(self) -> None: ...

    def optimise(self, update: Update) -> None:
        (name,) = self.stage.networks
        self.seen.append((self.stage.name, self.optimisers[name].param_groups[0]["lr"], self.networks[name].training))
        made = self.networks["generator"](self.networks["regressor"](torch.ones(1, 3, 8, 8)))
        self.losses, self.pictures = {"loss": made.square().mean()}, {"made": made}
        update(name, self.losses["loss"])

    def exportable(self, networks: Mapping[str, nn.Module]) -> nn.Module:
        return nn.Sequential(networks["regressor"], networks["generator"])


def test_stages_train_their_own_networks(tmp_path: Path) -> None:
    """A stage of no steps, and the data that it would need, are left out."""
    recipe = TwoStages()
    staged = Trainer(recipe, tmp_path, Fabric(accelerator="cpu", devices=1))
    with pytest.raises(InputError, match="does not use a pack 'videos'; it takes photos: faces; cartoons: others"):
        staged.feed({"photos": tiny_pack(), "videos": tiny_pack()})
    with pytest.raises(InputError, match="needs the pack 'photos' for its stage 'regression'; add --data photos=PACK"):
        staged.feed({"cartoons": tiny_pack()})
    staged.feed({"photos": tiny_pack()})
    first = copy.deepcopy({name: network.state_dict() for name, network in recipe.networks.items()})
    staged.train_step()
    staged.train_step()
    learned = copy.deepcopy(recipe.networks["regressor"].state_dict())
    assert not torch.equal(learned["weight"], first["regressor"]["weight"])
    assert_same(recipe.networks["generator"].state_dict(), first["generator"])
    staged.fit(tiny_pack())
    assert_same(recipe.networks["regressor"].state_dict(), learned)
    assert not torch.equal(recipe.networks["generator"].weight, first["generator"]["weight"])
    assert not recipe.networks["regressor"].training
    assert recipe.seen == [
        ("regression", 1.0, True),
        ("regression", 0.5, True),
        ("translation", 1.0, True),
        ("translation", 1.0, True),
    ]


class RunAgain(TwoStages):
    """Runs the regressor once more after its update."""

    def optimise(self, update: Update) -> None:
        super().optimise(update)
        self.pictures["again"] = self.networks["regressor"](torch.ones(1, 3, 8, 8))


def test_a_network_that_runs_again_after_its_update_has_its_new_weights(tmp_path: Path) -> None:
    """In bf16, too, of which autocast keeps copies of the weights."""
    recipe = RunAgain()
    made = Trainer(recipe, tmp_path, Fabric(accelerator="cpu", devices=1, precision="bf16-mixed"))
    made.train_step()
    with torch.autocast("cpu", torch.bfloat16):
        expected = recipe.networks["regressor"](torch.ones(1, 3, 8, 8))
    assert torch.equal(recipe.pictures["again"], expected)


@pytest.mark.parametrize("table", ["weights", "geometry.weights"])
def test_a_source_that_no_pack_has(table: str) -> None:
    weights = {"made": 1.0, "mode": 2.0}
    misspelt = {
        "weights": dataclasses.replace(TINY_DRAWING, weights=weights),
        "geometry.weights": dataclasses.replace(TINY_CYCLE, geometry=Geometry(size=64, weights=weights)),
    }
    with pytest.raises(InputError, match=rf"^{re.escape(table)}: no pack has faces of 'mode'; there are made$"):
        check_sources(misspelt[table], {"photos": tiny_pack()})


def test_a_run_begins_with_what_another_learned(tmp_path: Path, tiny_run: Callable[[Settings], Path]) -> None:
    first = tiny_run(TINY_DRAWING)
    learned = checkpoint.load(first / "checkpoint.pt")
    second = trainer(tmp_path, TINY_DRAWING)
    second.start_from(first)
    assert_same(second.recipe.networks["generator"].state_dict(), learned["averages"]["generator"])
    assert_same(second.recipe.networks["discriminator"].state_dict(), learned["networks"]["discriminator"])
    assert (second.step, second.before) == (0, 6)
    with pytest.raises(InputError, match="does not fit"):
        trainer(tmp_path, dataclasses.replace(TINY_DRAWING, width=6)).start_from(first)

    shutil.copy(first / "step-4.pt", tmp_path / "checkpoint.pt")
    begun = trainer(tmp_path, TINY_DRAWING)
    before = copy.deepcopy(begun.recipe.networks["generator"].state_dict())
    begun.start_from(first)
    assert_same(begun.recipe.networks["generator"].state_dict(), before)


def test_a_run_begins_with_what_another_learned_at_another_size(
    tmp_path: Path, tiny_run: Callable[[Settings], Path]
) -> None:
    """The pool's pictures are of the other run's size."""
    began = trainer(tmp_path, dataclasses.replace(TINY_CYCLE, geometry=Geometry(size=96)))
    began.start_from(tiny_run(TINY_CYCLE))
    assert began.before == 6
    assert int(began.recipe.networks["toon pool"].get_buffer("held")) == 0


def test_a_run_begins_with_a_style(tmp_path: Path) -> None:
    """Its networks draw what the style's proof shows."""
    style = load_style("cel")
    begun = trainer(tmp_path, dataclasses.replace(TINY_DRAWING, width=style.card["architecture"]["width"]))
    begun.start_from(Path("cel"))
    proof = load_parity(style)
    first = {name: array[:1] for name, array in proof.inputs.items()}
    for networks in (begun.recipe.networks, begun.averages):
        made = torch_outputs(begun.recipe.exportable(networks), first)
        assert steps_between(made["toon"], proof.outputs["toon"][:1]).largest <= 1
    assert (begun.step, begun.before) == (0, style.card["steps"])
    with pytest.raises(InputError, match="cel: it does not fit the network"):
        trainer(tmp_path, TINY_DRAWING).start_from(Path("cel"))


def test_a_curve_is_the_mean_of_the_steps_that_have_the_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trainer(tmp_path, dataclasses.replace(TINY_CYCLE, training=Training(log_steps=3)))

    def optimise(update: Update) -> None:
        step = float(made.recipe.step)
        seldom = {"seldom": torch.tensor(step)} if step % 2 else {}
        made.recipe.losses = {"always": torch.tensor(step)} | seldom

    monkeypatch.setattr(made.recipe, "optimise", optimise)
    made.fit(tiny_pack())
    found = read_curves(tmp_path)
    assert found["loss/always"] == {3: 1.0, 6: 4.0}
    assert found["loss/seldom"] == {3: 1.0, 6: 4.0}  # of step 1, and of 3 and 5


def test_preview_faces_without_their_mesh_are_told_before_the_first_step(tmp_path: Path) -> None:
    made, faces = trainer(tmp_path, TINY_DRAWING), tiny_pack(2)
    del faces.points[478]
    with pytest.raises(InputError, match="needs faces with the mesh of 478 landmarks"):
        made.fit(faces)
    assert made.step == 0


def test_a_loss_that_is_no_number(tmp_path: Path, tiny_run: Callable[[Settings], Path]) -> None:
    shutil.copy(tiny_run(TINY_DRAWING) / "checkpoint.pt", tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    broken = dataclasses.replace(TINY_DRAWING, adversarial_steps=6, adversarial=1e39)
    with pytest.raises(UserError, match=r"is not a number at step 8; .* is kept as it was"):
        run(tmp_path, broken)
    too_fast = dataclasses.replace(TINY_DRAWING, adversarial_steps=4, learning_rate=1e38)
    with pytest.raises(UserError, match=r"norm of 'generator' is not a number at step 7; .* is kept as it was"):
        run(tmp_path, too_fast)  # the losses are of the weights before
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    """Batch norm's statistics among them: the whole batch decides, not each process's part. And both end as one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(share, (2, port, tmp_path), nprocs=2)  # type: ignore[no-untyped-call]
    two = [torch.load(tmp_path / f"{rank}-of-2.pt") for rank in range(2)]
    for rank in range(2):  # the second one's alone was no number
        assert "the loss 'wrong' is not a number" in (tmp_path / f"{rank}.txt").read_text()
    state = checkpoint.load(tmp_path / "checkpoint.pt")
    (tmp_path / "checkpoint.pt").unlink()
    recipe = Shares(0, 1)
    alone = Trainer(recipe, tmp_path, Fabric(accelerator="cpu", devices=1))
    for _ in range(3):
        recipe.optimise(alone.update)
    for one, first, second in zip(recipe.net.parameters(), *two, strict=True):
        torch.testing.assert_close(one.grad, first)
        torch.testing.assert_close(first, second)
    for name, tensor in recipe.net.state_dict().items():
        torch.testing.assert_close(tensor, state["networks"]["net"][name])
    assert len(state["random"][0]) == 2


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_full_disk_keeps_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def steps(count: int) -> Settings:
        return dataclasses.replace(TINY_CYCLE, steps=count)

    run(tmp_path / "run", steps(1))
    before = (tmp_path / "run/checkpoint.pt").read_bytes()
    with disk_for(100_000), pytest.raises(UserError, match=r"checkpoint.pt: .*File too large.*the one before is kept"):
        run(tmp_path / "run", steps(2))
    assert (tmp_path / "run/checkpoint.pt").read_bytes() == before
    assert not list(tmp_path.rglob("*.part*"))

    from tensorboard.summary.writer.record_writer import RecordWriter

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(RecordWriter, "write", full)  # in a thread of its own
        with pytest.raises(
            UserError, match=r"run: cannot be written \(No space left on device\); what is there is kept"
        ):
            run(tmp_path / "run", steps(2))
    assert (tmp_path / "run/checkpoint.pt").read_bytes() == before
    assert run(tmp_path / "run", steps(2))["step"] == 2

    save(tiny_pack(2), tmp_path / "p")
    before = (tmp_path / "p").read_bytes()
    with (
        disk_for(100_000),
        pytest.raises(InputError, match=r"p: cannot be written \(.*File too large.*free some space"),
    ):
        save(tiny_pack(3), tmp_path / "p")
    assert (tmp_path / "p").read_bytes() == before
    assert not list(tmp_path.rglob("*.part*"))
