"""The loop: exact resumption, several processes, what goes wrong, and the four steps end to end."""

import copy
import dataclasses
import math
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from lightning_fabric import Fabric
from PIL import Image
from support import CLIP
from support.pictures import write_pictures
from toonstream_engines.errors import InputError, UserError
from toonstream_train.commands import main
from toonstream_train.core import checkpoint, settings
from toonstream_train.core.recipe import Recipe, Settings, Training, Update
from toonstream_train.core.trainer import Trainer
from toonstream_train.data.dataset import Geometry
from toonstream_train.data.degradation import Damage
from toonstream_train.data.pack import Pack, save
from toonstream_train.networks.blocks.norm import BatchNorm
from toonstream_train.recipes.cartoongan import CartoonGAN, CartoonGANSettings
from toonstream_train.recipes.cyclegan import CycleGAN, CycleGANSettings
from torch import Tensor, nn
from torch.optim import SGD

TINY = CartoonGANSettings(
    training=Training(steps=6, log_steps=2, decay_from=0.5),
    geometry=Geometry(size=64, scale=(0.9, 1.2), rotation=5),
    damage=Damage(light=0.3, blur=1, noise=5, jpeg=0.5),
    batch=2,
    generator="small",
    width=4,
    bend=True,
    mask=True,
    initialisation=3,
    content_layer="conv1_2",
    vgg="random",
    steady=1.0,
    drawing=1.0,
    drawing_after=0.5,
    drawing_content=1e-4,
    spectral=True,
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On a busy machine threads of tiny operations wait for each other more than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny_pack(count: int = 4, seed: int = 0) -> Pack:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 256, 256, 3), dtype=np.uint8)
    return Pack(
        images=images,
        inside=np.ones((count, 256, 256), np.uint8),
        landmarks=np.tile(
            np.array([[85, 110], [170, 110], [128, 150], [95, 190], [160, 190]], np.float32), (count, 1, 1)
        ),
        dense=np.full((count, 478, 2), np.nan, np.float32),
        names=[f"{i}.png" for i in range(count)],
        sources=["made"] * count,
        drawings=images[:, ::-1].copy(),
        shifts=np.ones((len(images), 32, 32, 2), np.float32),
        charts=np.full((len(images), 32, 32, 2), 0.25, np.float32),
    )


def run(folder: Path, chosen: CartoonGANSettings | CycleGANSettings) -> dict[str, Any]:
    torch.manual_seed(chosen.training.seed)
    made = CartoonGAN(chosen) if isinstance(chosen, CartoonGANSettings) else CycleGAN(chosen)
    trainer = Trainer(made, folder, Fabric(accelerator="cpu", devices=1))
    trainer.fit(tiny_pack(), tiny_pack(seed=1), tiny_pack())
    return checkpoint.load(folder / "checkpoint.pt")


def assert_same(a: Any, b: Any, at: str = "") -> None:
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


TINY_CYCLE = CycleGANSettings(
    training=TINY.training, geometry=TINY.geometry, batch=2, width=4, blocks=1, judge_width=4, pool=3
)


@pytest.mark.parametrize("chosen", [TINY, TINY_CYCLE], ids=["cartoongan", "cyclegan"])
def test_a_stopped_run_resumes_to_the_same_result(
    tmp_path: Path, chosen: CartoonGANSettings | CycleGANSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both phases, learning rates on their way down: weights, averages, optimisers, random state, to the last bit."""
    kind = CartoonGAN if isinstance(chosen, CartoonGANSettings) else CycleGAN
    whole = run(tmp_path / "whole", chosen)
    take = kind.take

    def stopping(recipe: Any, step: int) -> None:
        take(recipe, step)
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "take", stopping)
        with pytest.raises(UserError, match="stopped at step 4; the same command goes on"):
            run(tmp_path / "broken", chosen)
    assert checkpoint.load(tmp_path / "broken/checkpoint.pt")["step"] == 4
    torch.manual_seed(99)
    resumed = run(tmp_path / "broken", chosen)
    assert_same(whole, resumed)
    assert (tmp_path / "whole/grids/0000006.png").is_file()


def test_a_run_begins_with_what_another_learned(tmp_path: Path) -> None:
    learned = run(tmp_path / "a", TINY)
    plain = run(tmp_path / "plain", dataclasses.replace(TINY, bend=False, mask=False))

    def second(chosen: CartoonGANSettings) -> Trainer:
        return Trainer(CartoonGAN(chosen), tmp_path / "b", Fabric(accelerator="cpu", devices=1))

    trainer = second(TINY)
    trainer.start_from(tmp_path / "a")
    assert_same(trainer.recipe.networks["generator"].state_dict(), learned["averages"]["generator"])
    assert_same(trainer.recipe.networks["discriminator"].state_dict(), learned["networks"]["discriminator"])
    assert (trainer.step, trainer.before) == (0, 6)
    bending = second(TINY)
    bending.start_from(tmp_path / "plain")
    known = bending.recipe.networks["generator"].state_dict()
    assert not known["bend.shift.weight"].any()  # what the other had not stays as it began
    assert torch.equal(known["to2.0.weight"], plain["averages"]["generator"]["to2.0.weight"])
    with pytest.raises(InputError, match="of other networks"):
        second(dataclasses.replace(TINY, width=6)).start_from(tmp_path / "a")

    run(tmp_path / "b", dataclasses.replace(TINY, training=dataclasses.replace(TINY.training, steps=1)))
    begun = second(TINY)
    before = copy.deepcopy(begun.recipe.networks["generator"].state_dict())
    begun.start_from(tmp_path / "a")
    assert_same(begun.recipe.networks["generator"].state_dict(), before)


def test_the_papers_own_configuration_runs(tmp_path: Path) -> None:
    paper = dataclasses.replace(
        CartoonGANSettings(),
        training=Training(steps=2, log_steps=1),
        geometry=Geometry(size=64),
        batch=2,
        width=4,
        initialisation=1,
        content_layer="conv1_2",
        vgg="random",
    )
    assert run(tmp_path, paper)["step"] == 2


def test_a_loss_that_is_no_number(tmp_path: Path) -> None:
    run(tmp_path, TINY)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    broken = dataclasses.replace(TINY, training=dataclasses.replace(TINY.training, steps=9), drawing_after=float("nan"))
    with pytest.raises(UserError, match=r"is not a number at step 8; .* is kept as it was"):
        run(tmp_path, broken)
    too_fast = dataclasses.replace(TINY, training=dataclasses.replace(TINY.training, steps=7), learning_rate=math.inf)
    with pytest.raises(UserError, match=r"norm of 'generator' is not a number at step 7; .* is kept as it was"):
        run(tmp_path, too_fast)  # the losses are of the weights before
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_checkpoints_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save({"recipe": "another", "step": 1}, path)
    with pytest.raises(InputError, match="a checkpoint of another, not of cartoongan"):
        checkpoint.load(path, "cartoongan")
    path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="not a checkpoint"):
        checkpoint.load(path)
    torch.save({"recipe": Path("code")}, path)  # anything that unpickling would have to build is refused
    with pytest.raises(InputError, match="not a checkpoint"):
        checkpoint.load(path)
    with pytest.raises(InputError, match="no such checkpoint"):
        checkpoint.load(tmp_path / "none.pt")


def test_settings_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        "batch = 3\nomega = 2\n[training]\nsteps = 7\n[geometry]\nscale = [0.5, 2.0]\nweights = {a = 0.5}\n"
    )
    read = settings.read(CartoonGANSettings(), file, ["training.seed=5", "vgg=some/file"])
    assert (read.batch, read.omega, read.training.steps, read.training.seed) == (3, 2.0, 7, 5)
    assert (read.geometry.scale, read.geometry.weights, read.vgg) == ((0.5, 2.0), {"a": 0.5}, "some/file")
    for wrong, why in (("batsh=1", "no setting 'batsh'"), ("batch=x", "cannot become 'x'"), ("batch", "name=value")):
        with pytest.raises(InputError, match=why):
            settings.read(CartoonGANSettings(), None, [wrong])
    with pytest.raises(InputError, match="set bend=true as well"):
        CartoonGAN(dataclasses.replace(TINY, bend=False))


class Shares(Recipe):
    """A network with batch norm on a fixed batch, of which every process gets its share."""

    name, exported, averaged, defaults = "shares", "net", (), Settings()

    def __init__(self, rank: int, world: int) -> None:
        super().__init__(Settings())
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3), BatchNorm(4), nn.ReLU(), nn.Conv2d(4, 1, 3))
        self.networks = {"net": self.net}
        self.optimisers = {"net": SGD(self.net.parameters(), 0.1)}
        self.batch = torch.randn(8, 3, 12, 12)[rank * 8 // world : (rank + 1) * 8 // world]

    def feed(self, photos: Pack, cartoons: Pack | None, device: torch.device) -> None: ...
    def take(self, step: int) -> None: ...
    def forward(self) -> None: ...

    def optimise(self, update: Update) -> None:
        update("net", self.net(self.batch).square().mean())

    def preview(self, networks: Mapping[str, nn.Module], inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {}


def share(rank: int, world: int, port: int, folder: Path) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank)}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world)}
    torch.set_num_threads(1)
    fabric = Fabric(accelerator="cpu", devices=world)
    fabric.launch()
    recipe = Shares(fabric.global_rank, fabric.world_size)
    trainer = Trainer(recipe, folder, fabric)
    for _ in range(3):
        recipe.optimise(trainer.update)
    trainer.save()
    torch.save([p.grad for p in recipe.net.parameters()], folder / f"{rank}-of-{world}.pt")


def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    """Batch norm's statistics among them: the whole batch decides, not each process's part."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(share, (2, port, tmp_path), nprocs=2)  # type: ignore[no-untyped-call]
    two = [torch.load(tmp_path / f"{rank}-of-2.pt") for rank in range(2)]
    state = checkpoint.load(tmp_path / "checkpoint.pt")
    (tmp_path / "checkpoint.pt").unlink()
    recipe = Shares(0, 1)
    trainer = Trainer(recipe, tmp_path, Fabric(accelerator="cpu", devices=1))
    for _ in range(3):
        recipe.optimise(trainer.update)
    for one, first, second in zip(recipe.net.parameters(), *two, strict=True):
        torch.testing.assert_close(one.grad, first)
        torch.testing.assert_close(first, second)
    for name, tensor in recipe.net.state_dict().items():
        torch.testing.assert_close(tensor, state["networks"]["net"][name])
    assert len(state["random"][0]) == 2


def test_four_steps_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two folders of pictures become a style that an engine runs as torch did, and a photo is drawn in it."""
    from toonstream_engines import load_style, open_engine
    from toonstream_engines.parity import load_parity, prove

    from toonstream.commands import main as toonstream

    for name in ("photos", "cartoons"):
        table = write_pictures(tmp_path / name, 3)
        packed = [str(tmp_path / name), str(tmp_path / f"{name}.safetensors"), "--landmarks", str(table)]
        assert main(["prepare", *packed]) == 0
    fit = ["fit", "cartoongan", "--photos", str(tmp_path / "photos.safetensors"), "--out", str(tmp_path / "run")]
    tiny = ["generator=small", "width=4", "batch=2", "geometry.size=64", "training.steps=4", "initialisation=2"]
    tiny += ["vgg=random", "content_layer=conv1_2"]
    tiny = [part for setting in tiny for part in ("--set", setting)]
    assert main([*fit, *tiny, "--device", "cpu"]) == 2  # no drawings either
    assert "name a pack with --cartoons" in capsys.readouterr().err
    assert main([*fit, *tiny, "--device", "cpu", "--cartoons", str(tmp_path / "cartoons.safetensors")]) == 0
    learned = (tmp_path / "run/checkpoint.pt").read_bytes()
    other = ["fit", "cyclegan", *fit[2:], "--cartoons", str(tmp_path / "cartoons.safetensors"), "--set", "width=4"]
    assert main([*other, "--device", "cpu"]) == 2
    assert "a checkpoint of cartoongan, not of cyclegan; name another run" in capsys.readouterr().err
    assert (tmp_path / "run/checkpoint.pt").read_bytes() == learned
    student = ["width=4", "batch=2", "geometry.size=64", "training.steps=2", "vgg=random", "content_layer=conv1_2"]
    student = [part for setting in student for part in ("--set", setting)]
    distill = ["distill", str(tmp_path / "run"), "--photos", str(tmp_path / "photos.safetensors"), "--device", "cpu"]
    assert main([*distill, *student, "--out", str(tmp_path / "student")]) == 0
    card = tmp_path / "card.toml"
    card.write_text('about = "A \\"test\\""\n[data]\nphotos = "made here"\n')
    style = tmp_path / "style"
    faces = ["--faces", str(tmp_path / "photos.safetensors"), "--card", str(card)]
    assert main(["export", str(tmp_path / "student"), str(style), *faces, "--show", "made-001.png"]) == 0
    with np.load(style / "parity.npz") as parity:
        assert {name: len(array) for name, array in parity.items()} == {"image": 1, "toon": 1}
    with disk_for(1_000):
        assert main(["export", str(tmp_path / "student"), str(style), *faces]) == 1
    assert f"{style}: cannot be written (File too large); free some space" in capsys.readouterr().err
    loaded = load_style(style)
    assert loaded.about == 'A "test"'
    assert loaded.card["data"] == {"photos": "made here"}
    assert (loaded.card["architecture"]["name"], loaded.card["architecture"]["width"]) == ("small", 4)
    with open_engine(loaded, "onnxruntime", "fp32") as engine:
        assert prove(engine, load_parity(loaded)).largest <= 1
        assert engine.run({"image": np.zeros((3, 96, 64, 3), np.uint8)})["toon"].shape == (3, 96, 64, 3)

    with av.open(str(CLIP)) as clip:
        photo = next(clip.decode(video=0)).to_ndarray(format="rgb24")
    Image.fromarray(photo).save(tmp_path / "photo.png")
    assert toonstream([str(tmp_path / "photo.png"), "--style", str(style), "--backend", "onnxruntime"]) == 0
    with Image.open(tmp_path / "photo.toon.png") as drawn:
        changed = np.abs(np.asarray(drawn).astype(int) - photo).max(2) > 0
    assert 0.02 < changed.mean() < 0.9  # the face, and not the whole picture

    assert main(["curves", str(tmp_path / "run")]) == 0
    with Image.open(tmp_path / "run/curves.png") as curves:
        assert np.asarray(curves.convert("RGB")).std() > 5
    assert main(["curves", str(tmp_path / "photos")]) == 2
    assert "no run with curves" in capsys.readouterr().err


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


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_full_disk_keeps_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def steps(count: int) -> CycleGANSettings:
        return dataclasses.replace(TINY_CYCLE, training=dataclasses.replace(TINY.training, steps=count))

    run(tmp_path / "run", steps(1))
    before = (tmp_path / "run/checkpoint.pt").read_bytes()
    with disk_for(100_000), pytest.raises(UserError, match=r"checkpoint.pt: .*File too large.*the one before is kept"):
        run(tmp_path / "run", steps(2))
    assert (tmp_path / "run/checkpoint.pt").read_bytes() == before
    assert not list(tmp_path.rglob("*.partial"))

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
    assert not list(tmp_path.rglob("*.partial"))


def test_packs_survive_a_round_trip(tmp_path: Path) -> None:
    from toonstream_train.data import pack

    made = tiny_pack()
    save(made, tmp_path / "p")
    again = pack.load(tmp_path / "p")
    for field in dataclasses.fields(Pack):
        before, after = getattr(made, field.name), getattr(again, field.name)
        np.testing.assert_array_equal(before, after)


def test_a_pack_made_small_to_be_carried(tmp_path: Path) -> None:
    from toonstream_train.data import pack

    made = tiny_pack()
    ramp = np.linspace(0, 255, 256).astype(np.uint8)
    made.images = np.stack([np.stack([np.roll(ramp, 40 * i)[:, None] + 0 * ramp] * 3, 2) for i in range(4)])
    made.drawings = made.images[:, :, ::-1].copy()
    save(made, tmp_path / "whole")
    assert main(["carry", str(tmp_path / "whole"), str(tmp_path / "small"), "--most", "3"]) == 0
    assert (tmp_path / "small").stat().st_size < (tmp_path / "whole").stat().st_size / 20
    small = pack.load(tmp_path / "small")
    assert small.names == made.names[:3]
    np.testing.assert_array_equal(small.landmarks, made.landmarks[:3])
    assert np.abs(small.images.astype(int) - made.images[:3]).mean() < 2
    assert small.drawings is not None
    assert np.abs(small.drawings.astype(int) - made.drawings[:3]).mean() < 2
    assert np.isnan(small.dense).all()


def test_a_teacher_is_distilled(tmp_path: Path) -> None:
    run(tmp_path / "teacher", TINY)
    photos = tmp_path / "photos.safetensors"
    save(tiny_pack(), photos)
    tiny = ["width=4", "batch=2", "geometry.size=64", "training.steps=2", "vgg=random", "content_layer=conv1_2"]
    tiny = [part for setting in [*tiny, "adversarial=0.1", "judge_width=4"] for part in ("--set", setting)]
    distil = ["distill", str(tmp_path / "teacher"), "--photos", str(photos), "--out", str(tmp_path / "student")]
    assert main([*distil, *tiny, "--device", "cpu"]) == 0
    state = checkpoint.load(tmp_path / "student/checkpoint.pt", "distill")
    assert state["step"] == 2
    assert {"student", "discriminator"} == set(state["networks"])


def test_toons_are_judged_beside_their_own_photos_and_drawings(tmp_path: Path) -> None:
    chosen = dataclasses.replace(TINY, beside=True, initialisation=0, training=Training(steps=1))
    made = CartoonGAN(chosen)
    trainer = Trainer(made, tmp_path / "a", Fabric(accelerator="cpu", devices=1))
    trainer.fit(tiny_pack(), None, tiny_pack())
    assert made.discriminator.body[0].weight.shape[1] == 6
    assert made.cartoon is not None
    assert torch.equal(made.cartoon.pictures, made.photo.alike["drawing"])
    assert set(made.cartoon.alike) == {"smoothed"}
    with pytest.raises(InputError, match="leave --cartoons out"):
        CartoonGAN(chosen).feed(tiny_pack(), tiny_pack(seed=1), torch.device("cpu"))
