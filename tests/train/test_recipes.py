"""The recipes."""

import ast
import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.training import TINY, TINY_CYCLE, TINY_DRAWING, TINY_LANDMARK, as_options, run, tiny_pack, trainer
from toonstream_engines.errors import InputError
from toonstream_train import recipes
from toonstream_train.commands import main
from toonstream_train.core import checkpoint
from toonstream_train.core.recipe import Settings
from toonstream_train.data.dataset import Geometry, signed
from toonstream_train.data.pack import save
from toonstream_train.evaluation.generators import generators, toons
from toonstream_train.recipes.cartoongan import CartoonGAN
from toonstream_train.recipes.distill import Distill, DistillSettings
from toonstream_train.recipes.quick import positions
from toonstream_train.recipes.registry import RECIPES, recipe, trained
from torch import Tensor
from torch.nn.functional import interpolate


def test_recipes_are_known_by_name_and_import_none_of_each_other() -> None:
    for name, where in RECIPES.items():
        assert recipe(name).name == name
        module = Path(recipes.__path__[0], *where.split(":")[0].split(".")).with_suffix(".py")
        whole = module.name == "recipe.py"  # a package of its own
        for part in module.parent.glob("*.py") if whole else [module]:
            nodes = ast.walk(ast.parse(part.read_text()))
            imported = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
            recipes_in_it = {m for m in imported if m.startswith("toonstream_train.recipes")}
            own = {m for m in recipes_in_it if whole and m.startswith(f"toonstream_train.recipes.{name}.")}
            assert not recipes_in_it - own - {"toonstream_train.recipes.registry"}, part
    with pytest.raises(InputError, match="no such recipe"):
        recipe("pix2pix")


def test_cartoongan_sees_cartoons_without_edges_as_fakes(tmp_path: Path) -> None:
    made = trainer(tmp_path, dataclasses.replace(TINY, initialisation=0))
    made.train_step()
    assert set(made.recipe.pictures) == {"photo", "toon", "cartoon", "edges smoothed"}
    assert set(made.recipe.losses) == {"content", "generator", "discriminator"}
    plain = trainer(tmp_path / "plain", dataclasses.replace(TINY, initialisation=0, edges=False))
    plain.train_step()
    assert set(plain.recipe.pictures) == {"photo", "toon", "cartoon"}


def test_cartoongan_smooths_edges_at_the_size_that_it_trains_at(tmp_path: Path) -> None:
    """However much a crop was shrunk: over the edges that the networks see, and nowhere else."""
    striped = tiny_pack()
    striped.images[:] = 230 * (np.arange(256) // 64 % 2)[:, None]
    small = Geometry(size=64, scale=(0.25, 0.25), mirror=False)
    made = trainer(tmp_path, dataclasses.replace(TINY, initialisation=0, geometry=small))
    made.feed({"photos": striped, "cartoons": striped})
    made.train_step()
    shown = {name: made.recipe.pictures[name][0, 0, 32] for name in ("cartoon", "edges smoothed")}
    steps = {name: float(row.diff().abs().max()) for name, row in shown.items()}
    assert steps["edges smoothed"] < 0.6 * steps["cartoon"]
    assert torch.equal(shown["edges smoothed"][6:10], shown["cartoon"][6:10])


@pytest.mark.parametrize(
    ("scale", "side"),
    [
        ((1.0, 1.0), 256),
        ((0.9, 1.2), 256),
        ((0.5, 1.0), 256),
        ((0.375, 0.375), 96),
        ((0.5, 0.6), 128),
        ((0.125, 0.125), 64),
    ],
)
def test_styles_draw_crops_in_which_faces_are_as_large_as_in_training(scale: tuple[float, float], side: int) -> None:
    """`export` and previews give them those."""
    assert CartoonGAN(dataclasses.replace(TINY, geometry=Geometry(size=64, scale=scale))).side == side


@pytest.mark.slow  # exports
def test_a_style_says_the_size_that_it_learned_on_and_is_measured_at_it(tmp_path: Path) -> None:
    run(tmp_path / "run", dataclasses.replace(TINY_CYCLE, geometry=Geometry(size=64, scale=(0.25, 0.25))))
    save(tiny_pack(2), tmp_path / "faces.pack")
    style = tmp_path / "style"
    assert main(["export", str(tmp_path / "run"), str(style), "--faces", str(tmp_path / "faces.pack")]) == 0
    with generators([str(style)], [], tiny_pack(1).images) as engines:
        (engine,) = engines.values()
        assert engine.model.size == 64
        faces = tiny_pack(1)
        small = cv2.resize(faces.images[0], (64, 64), interpolation=cv2.INTER_AREA)
        expected = cv2.resize(engine.run({"image": small[None]})["toon"][0], (256, 256))
        assert np.array_equal(toons(engine, faces), expected[None])


def test_a_student_learns_what_its_teacher_draws_at_the_teachers_size(tmp_path: Path) -> None:
    run(tmp_path, dataclasses.replace(TINY_CYCLE, steps=1, geometry=Geometry(size=64, scale=(0.25, 0.25))))
    student = Distill(DistillSettings(teacher=str(tmp_path), width=4, feature=0.0, batch=1))
    student.feed({"photos": tiny_pack(2)}, torch.device("cpu"))
    seen = []
    student.teacher.register_forward_hook(lambda _, given, made: seen.append((given[0].shape[2], made.shape[2])))
    student.take()
    student.forward()
    assert seen == [(64, 64)]
    assert student.target.shape == student.input.shape == (1, 3, 256, 256)


def test_a_teacher_is_told_the_landmarks_at_its_own_size(tiny_run: Callable[[Settings], Path]) -> None:
    student = Distill(DistillSettings(teacher=str(tiny_run(TINY_LANDMARK)), width=4, feature=0.0, batch=2))
    student.feed({"photos": tiny_pack(2)}, torch.device("cpu"))
    seen: list[Tensor] = []
    student.teacher.register_forward_hook(lambda _, given, made: seen.extend(given))
    student.take()
    student.forward()
    pictures, landmarks = seen
    assert pictures.shape == (2, 3, 96, 96)
    torch.testing.assert_close(landmarks, student.photo.points[5] * 96 / 256)
    assert list(student.examples(tiny_pack(2))) == ["image"]


def test_the_grid_has_a_row_of_the_teacher_that_is_told_the_landmarks(tiny_run: Callable[[Settings], Path]) -> None:
    student = Distill(DistillSettings(teacher=str(tiny_run(TINY_LANDMARK)), width=4, feature=0.0, batch=2))
    student.feed({"photos": tiny_pack(2)}, torch.device("cpu"))
    faces = tiny_pack(3)
    given = student.preview_inputs(faces)
    landmarks = torch.from_numpy(given["landmarks"])
    rows = student.preview(
        student.networks, {"image": signed(torch.from_numpy(given["image"])), "landmarks": landmarks}
    )
    assert [(name, len(row)) for name, row in rows.items()] == [("photo", 3), ("student", 3), ("teacher", 3)]
    small = interpolate(rows["photo"], scale_factor=96 / 256, mode="bilinear", antialias=True)
    drawn = student.teacher(small, torch.from_numpy(faces.points[5]) * 96 / 256)
    torch.testing.assert_close(rows["teacher"], interpolate(drawn, (256, 256), mode="bilinear"))


def test_what_takes_a_chart_is_no_teacher(tiny_run: Callable[[Settings], Path]) -> None:
    with pytest.raises(InputError, match="it takes a chart, which distill has not"):
        Distill(DistillSettings(teacher=str(tiny_run(TINY_DRAWING)))).feed(
            {"photos": tiny_pack(2)}, torch.device("cpu")
        )


def test_the_papers_preset() -> None:
    from toonstream_train.commands.fit import preset
    from toonstream_train.core import settings

    paper = settings.read(CartoonGAN.defaults, preset("cartoongan", "paper"), ["content.weights=random"])
    assert (paper.width, paper.content.network, paper.content.layer, paper.omega) == (64, "vgg19", "conv4_4", 10.0)
    initialisation, adversarial = CartoonGAN(paper).stages()
    assert initialisation.steps * 20 == initialisation.steps + adversarial.steps  # 10 epochs of 200


def test_the_model_of_a_run(tiny_run: Callable[[Settings], Path]) -> None:
    state = checkpoint.load(tiny_run(TINY) / "checkpoint.pt")
    made = trained(tiny_run(TINY))
    model, found = made.model, made.state
    assert found["step"] == state["step"]
    assert not model.training
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, state["averages"]["generator"][name])


def test_places_on_a_face_turn_and_grow_with_it() -> None:
    upright = torch.tensor([[[24.0, 20], [40, 20], [32, 30], [27, 40], [37, 40]]])
    turned = torch.stack([64 - upright[..., 1], upright[..., 0]], 2)  # a quarter turn clockwise
    first, second = positions(upright, 64), positions(turned, 64)
    assert first[0, :, 29, 31].tolist() == pytest.approx([-0.5 / 40, -0.5 / 40, 0])  # the middle, but for half a pixel
    torch.testing.assert_close(first[0, :2, 49, 44], torch.tensor([12.5 / 40, 19.5 / 40]))
    torch.testing.assert_close(second, torch.rot90(first, -1, (2, 3)))
    torch.testing.assert_close(positions(upright * 2, 128)[:, :, 1::2, 1::2], first, atol=0.01, rtol=0)


@pytest.mark.parametrize("teacher", [TINY, TINY_LANDMARK])
def test_a_teacher_is_distilled(tmp_path: Path, teacher: Settings, tiny_run: Callable[[Settings], Path]) -> None:
    photos = tmp_path / "photos.pack"
    save(tiny_pack(), photos)
    tiny = as_options("width=4", "batch=2", "geometry.size=64", "steps=2", "adversarial=0.1", "discriminator_width=4")
    tiny += as_options("content.network=vgg16", "content.layer=conv1_1", "content.weights=random")
    distil = ["distill", str(tiny_run(teacher)), "--photos", str(photos), "--out", str(tmp_path / "student")]
    assert main([*distil, *tiny, "--device", "cpu"]) == 0
    state = checkpoint.load(tmp_path / "student/checkpoint.pt", "distill")
    assert state["step"] == 2
    assert {"student", "discriminator"} == set(state["networks"])
