"""PDA: landmarks, warp and painting; stages with data and losses of their own."""

import dataclasses
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from support.exported import drawn_photo
from support.training import TINY_PDA, run, tiny_pack, trainer
from toonstream_engines import load_style
from toonstream_engines.errors import InputError
from toonstream_train.commands.fit import preset
from toonstream_train.core import settings
from toonstream_train.core.trainer import Trainer
from toonstream_train.data.artifacts import abnormal, bare, highlighted, structure
from toonstream_train.data.aug_portrait import aug_portrait
from toonstream_train.data.contours import contour
from toonstream_train.data.dataset import Faces, Geometry
from toonstream_train.data.proxy import proxy
from toonstream_train.networks.blocks.spline import polyharmonic, warp
from toonstream_train.networks.landmark_deformation import Discriminator, Generator
from toonstream_train.recipes.distill import Distill, DistillSettings
from toonstream_train.recipes.pda.artifacts import Artifacts
from toonstream_train.recipes.pda.ldn import LDN
from toonstream_train.recipes.pda.psn import PSN
from toonstream_train.recipes.pda.recipe import PDA
from toonstream_train.recipes.registry import trained
from torch import Tensor, nn

from toonstream.faces import spline
from toonstream.faces.learned_shape import LearnedShape, proportions
from toonstream.faces.mesh import CONTOUR

CPU = torch.device("cpu")
FIVE = torch.tensor([[[30.0, 40], [66, 40], [48, 54], [38, 70], [58, 70]]])
LDN_LOSSES = {"landmark cycle", "landmark generators"}
LDN_LOSSES |= {"cartoon landmark discriminator", "portrait landmark discriminator"}
PSN_LOSSES = {"cycle", "generators", "cam", "structure", "highlight", "cartoon discriminator", "portrait discriminator"}


@pytest.mark.slow  # torch's exporter takes a while
def test_from_training_to_a_drawn_photo(tmp_path: Path) -> None:
    run(tmp_path / "run", TINY_PDA)
    photo, drawn = drawn_photo(tmp_path / "run", tiny_pack(2), tmp_path)
    changed = np.abs(photo.astype(int) - drawn).max(2) > 16
    assert 0.05 < changed.mean() < 0.9
    shape = proportions(load_style(tmp_path / "style").model)
    recipe = trained(tmp_path / "run").recipe
    assert isinstance(recipe, PDA)
    mesh = tiny_pack(1).points[478][0]
    there = LearnedShape(recipe.moved).displacements(mesh, 256)
    assert there.any()
    np.testing.assert_allclose(shape.displacements(mesh, 256), there, atol=1e-3)


def test_a_student_keeps_the_teachers_shape(tmp_path: Path) -> None:
    alone = dict.fromkeys(("detector_steps", "classifier_steps", "together", "augmented", "adapted"), 0)
    run(tmp_path, dataclasses.replace(TINY_PDA, **alone))
    student = Distill(DistillSettings(teacher=str(tmp_path), width=4, feature=0.0, batch=1))
    network = student.shape_network()
    assert isinstance(network, Generator)
    nn.init.constant_(network.body[-1].bias, 0.05)
    faces = tiny_pack(1)
    assert not np.array_equal(student.examples(faces)["image"], faces.images)
    student.feed({"photos": faces}, CPU)
    assert np.array_equal(student.photos.images.numpy(), student.examples(faces)["image"])


def test_previews_follow_what_the_landmark_network_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warp of the photos that are shown is not that of the first step."""
    shown = []
    monkeypatch.setattr(
        "toonstream_train.core.trainer.grid", lambda rows: shown.append(rows.get("photo")) or np.zeros(1)
    )
    monkeypatch.setattr("toonstream_train.core.trainer.write", lambda *_: None)
    made = trainer(tmp_path, TINY_PDA)
    assert isinstance(made.recipe, PDA)
    made._draw(tiny_pack(1))
    nn.init.constant_(made.recipe.ldn.deform.body[-1].bias, 0.05)
    made._draw(tiny_pack(1))
    assert shown[0].shape == (1, 3, 96, 96)
    assert not torch.equal(shown[0], shown[2])


def stepped(folder: Path, steps: int, **changes: object) -> tuple[Trainer, PDA]:
    """A run after some steps, one of each stage."""
    made = trainer(folder, dataclasses.replace(TINY_PDA, **changes))  # type: ignore[arg-type]
    for _ in range(steps):
        made.train_step()
    assert isinstance(made.recipe, PDA)
    return made, made.recipe


def weights(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_stages_switch_data_networks_and_losses(tmp_path: Path) -> None:
    made, recipe = stepped(tmp_path, 0, aug_portrait=1.0, learning_rate=1e-3)
    faces = recipe.proxies.sample(2).pictures
    assert not torch.allclose(faces, recipe.photos.sample(2).pictures)
    seen, rates = {}, {}
    for _ in range(6):
        before = {name: weights(network) for name, network in recipe.networks.items()}
        made.train_step()
        changed = {name for name, network in recipe.networks.items() if not torch.equal(before[name], weights(network))}
        seen[recipe.stage.name] = (changed, set(recipe.losses), set(recipe.pictures))
        rates[recipe.stage.name] = [group["lr"] for group in recipe.optimisers["generators"].param_groups]
    whole = set(recipe.ldn.networks) | set(recipe.psn.networks), LDN_LOSSES | PSN_LOSSES
    shown = {"portrait", "warped", "toon", "cartoon", "made portrait"}
    synthesised = {"cartoon", "abnormal", "highlights"}
    assert seen["detector"] == ({"detector"}, {"cartoon", "abnormal"}, synthesised)
    classifiers = {"structure classifier", "highlight classifier"}
    assert seen["classifiers"] == (classifiers, {"structure", "highlight"}, synthesised)
    for stage in ("apart", "together", "augmented"):
        assert seen[stage] == (*whole, shown), stage
    assert seen["adapted"] == (*whole, shown | {"photo", "photo's toon"})
    assert rates["apart"] == rates["together"] == [1e-3, 1e-3]
    assert rates["augmented"] == rates["adapted"] == [1e-3, pytest.approx(1e-4)]


def test_rates_fall_to_zero_within_each_of_the_last_stages() -> None:
    stages = {stage.name: stage for stage in PDA(TINY_PDA).stages()}
    assert [stages["together"].schedule(x) for x in (0, 0.5, 1)] == [1, 1, 1]
    for name in ("augmented", "adapted"):
        assert [stages[name].schedule(x) for x in (0, 0.5, 1)] == [1, 0.5, 0]


def test_the_warp_joins_the_networks_only_after_they_learned_apart(tmp_path: Path) -> None:
    untrained = dict.fromkeys(("detector_steps", "classifier_steps"), 0)
    made, recipe = stepped(tmp_path, 1, ldn_adversarial=0.0, ldn_cycle=0.0, **untrained)
    assert recipe.psn.portrait is recipe.portrait.pictures
    made.train_step()
    assert recipe.stage.name == "together"
    recipe.take()
    recipe.forward()
    recipe.psn.generator_losses(0.0, 1.0, 0.0, recipe.shown)["generators"].backward()
    last = recipe.ldn.deform.body[-1].weight
    assert last.grad is not None
    assert last.grad.abs().max() > 0  # through the pixels of the warped portrait


def test_photos_get_structure_and_highlight_losses_alone(tmp_path: Path) -> None:
    earlier = ("detector_steps", "classifier_steps", "apart", "together", "augmented")
    _, recipe = stepped(tmp_path, 1, **dict.fromkeys(earlier, 0))
    losses = recipe.psn.generator_losses(1.0, 1.0, 1.0, recipe.shown) | recipe.ldn.generator_losses(1.0, 1.0)
    losses |= recipe.artifacts.losses_of(recipe.toons, 1.0, 1.0)
    for name, loss in losses.items():
        (gradient,) = torch.autograd.grad(loss, recipe.toons[1], retain_graph=True, allow_unused=True)
        assert (gradient is not None) == (name in {"structure", "highlight"}), name


def test_aug_portrait_comes_with_its_probability(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr("toonstream_train.recipes.pda.recipe.aug_portrait", lambda a, b: made.append(1) or b.pictures)
    _, recipe = stepped(tmp_path, 0, batch=1)
    torch.manual_seed(0)
    for name, share in (("together", 0.0), ("augmented", 0.5), ("adapted", 0.5)):
        recipe.stage = next(stage for stage in recipe.stages() if stage.name == name)
        made.clear()
        for _ in range(40):
            recipe.take()
        assert abs(len(made) / 40 - share) < 0.2


class Given(nn.Module):
    """Says what it is told to, whatever it is given."""

    def __init__(self, *answers: Tensor | tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.answers = list(answers)

    def forward(self, *_: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return self.answers.pop(0)


def test_losses_of_the_landmark_networks() -> None:
    """Equations 1 to 3, by hand: cycles 100 (0.25 + 0.5), fooling (0.5 - 1)^2 + (3 - 1)^2, and the discriminators."""
    ldn, portrait, cartoon = LDN(8), torch.rand(1, 17, 2), torch.rand(1, 17, 2)
    ldn.deform, ldn.undo = Given(portrait + 1, cartoon - 0.5), Given(cartoon + 2, portrait + 0.25)  # type: ignore[assignment]
    ldn.forward(portrait, cartoon)
    ldn.of_cartoons, ldn.of_portraits = Given(torch.tensor([[0.5]])), Given(torch.tensor([[3.0]]))  # type: ignore[assignment]
    losses = ldn.generator_losses(100.0, 1.0)
    assert losses["landmark cycle"].item() == pytest.approx(100 * (0.25 + 0.5), rel=1e-5)
    assert losses["landmark generators"].item() == 0.25 + 4
    ldn.discriminators = {
        "cartoon landmark discriminator": Given(torch.tensor([[0.75]]), torch.tensor([[0.5]])),  # type: ignore[dict-item]
        "portrait landmark discriminator": Given(torch.tensor([[1.0]]), torch.tensor([[2.0]])),  # type: ignore[dict-item]
    }
    learned = ldn.discriminator_losses(2.0)
    assert learned["cartoon landmark discriminator"].item() == 2 * (0.25**2 + 0.5**2)
    assert learned["portrait landmark discriminator"].item() == 2 * 4


def test_losses_of_the_stylization_network() -> None:
    """Equation 6, by hand, where discriminators say 0 and attention a probability of 3/4, and 1/4 on targets."""
    psn, zero, likely = PSN(2, 1, 1), torch.zeros(1, 1), torch.full((1, 2), math.log(3))
    portrait, cartoon = torch.rand(1, 3, 96, 96), torch.rand(1, 3, 96, 96)
    for generator, again in ((psn.stylize, cartoon - 0.25), (psn.undo, portrait + 0.5)):
        answers = [(zero, likely), (zero, -likely)]
        generator.encode = lambda _, answers=answers: answers.pop(0)  # type: ignore[method-assign]
        generator.decode = lambda _: zero  # type: ignore[method-assign]
        generator.forward = lambda _, again=again: again  # type: ignore[method-assign]
    psn.forward(portrait, cartoon)
    psn.of_cartoons, psn.of_portraits = Given((zero, zero)), Given((zero, zero))  # type: ignore[assignment]
    losses = psn.generator_losses(10.0, 1.0, 1000.0, lambda pictures: pictures)
    assert losses["cycle"].item() == pytest.approx(10 * 0.75, rel=1e-5)
    assert losses["generators"].item() == 4
    assert losses["cam"].item() == pytest.approx(-1000 * 4 * math.log(0.75), rel=1e-5)
    # of real and made pictures, by patches and by attention
    psn.discriminators = {
        "cartoon discriminator": Given((zero + 0.5, zero + 1), (zero + 2, zero)),  # type: ignore[dict-item]
        "portrait discriminator": Given((zero + 1, zero + 1), (zero, zero + 0.5)),  # type: ignore[dict-item]
    }
    learned = psn.discriminator_losses(2.0, lambda pictures: pictures)
    assert learned["cartoon discriminator"].item() == 2 * (0.25 + 4)
    assert learned["portrait discriminator"].item() == 2 * 0.25


def test_structure_and_highlight_losses() -> None:
    """Equations 4 and 5: -log sigmoid of a logit, for each picture's toon."""
    artifacts, toon = Artifacts(), torch.zeros(1, 3, 96, 96)
    artifacts.structures = Given(torch.zeros(1, 1), torch.full((1, 1), math.log(3)))  # type: ignore[assignment]
    artifacts.highlights = Given(torch.full((1, 1), -math.log(3)))  # type: ignore[assignment]
    losses = artifacts.losses_of([toon, toon], 2.0, 0.0)
    assert set(losses) == {"structure"}
    assert losses["structure"].item() == pytest.approx(-2 * (math.log(0.5) + math.log(0.75)), rel=1e-5)
    assert artifacts.losses_of([toon], 0.0, 1.0)["highlight"].item() == pytest.approx(-math.log(0.25), rel=1e-5)


def test_landmark_networks() -> None:
    generator, critic = Generator(17, 8), Discriminator(17, 8)
    assert sum(isinstance(layer, nn.Linear) for layer in generator.body) == 12
    assert sum(isinstance(layer, nn.Linear) for layer in critic.body) == 7
    points = torch.rand(2, 17, 2)
    assert torch.equal(generator(points), points)
    assert critic(points).shape == (2, 1)


def test_spline_without_displacement_is_the_identity() -> None:
    picture = torch.rand(1, 3, 32, 32)
    points = torch.rand(1, 17, 2) * 32
    torch.testing.assert_close(warp(picture, points, points), picture, atol=1e-4, rtol=0)


def test_spline_is_exact_at_its_points_and_smooth_between() -> None:
    random = torch.Generator().manual_seed(0)
    centres, values = torch.rand(2, 17, 2, generator=random), torch.rand(2, 17, 3, generator=random)
    torch.testing.assert_close(polyharmonic(centres, values, centres), values, atol=2e-3, rtol=0)
    plane = centres @ torch.tensor([[1.0, 2, 0], [0, 1, -3]]) + torch.tensor([0.5, 0, 1])
    places = torch.rand(2, 50, 2, generator=random)
    expected = places @ torch.tensor([[1.0, 2, 0], [0, 1, -3]]) + torch.tensor([0.5, 0, 1])
    torch.testing.assert_close(polyharmonic(centres, plane, places), expected, atol=2e-3, rtol=0)


def test_what_lies_at_the_source_comes_to_the_target() -> None:
    spots = torch.full((1, 1, 64, 64), -1.0)
    spots[0, 0, 19:22, 29:32] = 1.0  # around (30.5, 20.5)
    points = torch.tensor([[[30.5, 20.5], [10, 50], [50, 50]]])
    target = points + torch.tensor([[[6.0, -4.0], [0, 0], [0, 0]]])
    moved = warp(spots, points, target)
    light = (moved[0, 0] + 1) / 2
    middles = torch.arange(64) + 0.5
    assert (light.sum(0) @ middles / light.sum()).item() == pytest.approx(36.5, abs=0.3)
    assert (light.sum(1) @ middles / light.sum()).item() == pytest.approx(16.5, abs=0.3)


def test_training_and_run_time_have_one_spline() -> None:
    random = torch.Generator().manual_seed(0)
    source = torch.rand(1, 17, 2, generator=random) * 64
    target = source + 4 * torch.rand(1, 17, 2, generator=random)
    picture = torch.linspace(-1, 1, 64).expand(1, 1, 64, 64)
    shown = (warp(picture, source, target)[0, 0] + 1) * 31.5  # the columns that come to be seen
    field = spline.displacements(source[0].numpy(), target[0].numpy(), 64, 64)[..., 0]
    expected = (np.arange(64) + field).clip(0, 63)
    np.testing.assert_allclose(shown, expected, atol=0.02)


def test_gradients_pass_through_the_spline() -> None:
    picture = torch.linspace(-1, 1, 32).expand(1, 1, 32, 32)
    source = torch.tensor([[[10.0, 10], [22, 10], [16, 24]]], dtype=torch.float64)
    target = (source + 1).requires_grad_()

    def bright(points: Tensor) -> Tensor:
        return polyharmonic(points / 32, (source - points) / 32, torch.tensor([[[0.4, 0.5], [0.7, 0.2]]]).double())

    assert torch.autograd.gradcheck(bright, target)
    moved = source.float().requires_grad_()
    warp(picture, source.float(), moved)[0, 0, 10, 10].backward()
    assert moved.grad is not None
    assert moved.grad[0, 0, 0] < 0  # a point that moves right shows at a place what was left of it, which is darker


def test_points_that_fall_together_are_no_error() -> None:
    points = torch.full((1, 17, 2), 20.0)
    assert torch.isfinite(warp(torch.rand(1, 3, 32, 32), points + 1, points)).all()


def test_a_contour_of_any_set() -> None:
    pack = tiny_pack(1)
    assert np.array_equal(contour(pack), pack.points[478][:, CONTOUR])
    for count in (17, 56, 68):
        points = np.arange(2.0 * count, dtype=np.float32).reshape(1, count, 2)
        found = contour(dataclasses.replace(pack, points={5: pack.points[5], count: points}))
        assert found is not None
        assert np.array_equal(found, points[:, :17])
    left, right = pack.points[478][0, CONTOUR][[0, 16], 0]
    assert left < right
    assert contour(dataclasses.replace(pack, points={5: pack.points[5]})) is None


def test_packs_without_points_are_told(tmp_path: Path) -> None:
    five = dataclasses.replace(tiny_pack(), points={5: tiny_pack().points[5]})
    recipe = PDA(dataclasses.replace(TINY_PDA))
    with pytest.raises(InputError, match=r"'cartoons' has no contours, .* or set ldn=false"):
        recipe.feed({"photos": tiny_pack(), "cartoons": five, "proxy": tiny_pack()}, CPU)
    with pytest.raises(InputError, match="'photos' has no meshes; make it with prepare"):
        PDA(dataclasses.replace(TINY_PDA, ldn=False)).feed({"photos": five, "cartoons": five}, CPU)
    with pytest.raises(InputError, match="needs 96 pixels"):
        PDA(dataclasses.replace(TINY_PDA, geometry=Geometry(size=64)))


def test_the_papers_preset() -> None:
    chosen = settings.read(PDA.defaults, preset("pda", "paper"), [])
    recipe = PDA(dataclasses.replace(chosen, width=2, discriminator_width=1))
    assert [stage.steps for stage in recipe.stages()][2:] == [250_000] * 4
    assert (chosen.learning_rate, chosen.ldn_factor, chosen.blocks, chosen.batch) == (1e-4, 0.1, 6, 1)


def test_the_proxy_has_other_eyes_and_hair_of_the_same_person() -> None:
    photos = tiny_pack(2)
    made = proxy(photos, 0)
    assert made.images.shape == photos.images.shape
    assert made.names == photos.names
    eye, again = (np.ptp(p[:, [159, 145], 1], axis=1) for p in (photos.points[478], made.points[478]))
    assert (again > 1.05 * eye).all()
    assert np.array_equal(proxy(photos, 0).images, made.images)
    assert not np.array_equal(proxy(photos, 1).images, made.images)


def test_aug_portrait_is_a_photos_face_amid_a_portrait() -> None:
    pack = tiny_pack(1)
    white, black = (dataclasses.replace(pack, images=np.full_like(pack.images, grey)) for grey in (255, 0))
    half = Geometry(size=128, scale=(0.5, 0.5), mirror=False)
    faces = [Faces(p, CPU, half, points=(478,)).sample(1) for p in (white, black)]
    made = aug_portrait(*faces)[0, 0]
    assert made[69, 64] > 0.99  # the drawn face's oval is around (128, 138) / 2, of radii 78 / 2 and 100 / 2
    assert made[10, 64] < -0.99
    assert made[69, 20] < -0.95


def test_abnormal_faces_have_an_eye_too_many() -> None:
    torch.manual_seed(0)
    pictures = structure(FIVE, 96)[:, :1].expand(16, 3, 96, 96) * 2 - 1  # nothing but two eyes
    wrong, maps = abnormal(pictures, FIVE.expand(16, 5, 2))
    for picture, eyes in zip(wrong, maps[:, 0], strict=True):
        assert count_peaks(eyes) == 3
        assert count_peaks((picture[0] + 1) / 2) == 3
    normal = structure(FIVE, 96)[0]
    assert [count_peaks(plane) for plane in normal] == [2, 2]
    assert normal[0, 40, 30] > 0.95
    assert normal[1, 70, 38] > 0.95


def count_peaks(plane: Tensor) -> int:
    return int(cv2.connectedComponents((plane > 0.6).numpy().astype(np.uint8))[0]) - 1


def test_highlights_come_to_the_cartoons_skin() -> None:
    photo, cartoon = torch.full((1, 3, 96, 96), -0.5), torch.full((1, 3, 96, 96), -0.2)
    photo[:, :, 53:58, 43:50] = 0.9  # a shining nose, and a forehead
    photo[:, :, 10:25, 30:60] = 1.0
    lit = highlighted(cartoon, FIVE + 4, photo, FIVE)
    assert lit[0, 0, 59, 50] > 0.5
    assert (lit >= cartoon).all()
    assert torch.equal(lit[:, :, :35], cartoon[:, :, :35])  # no forehead
    skin = bare(FIVE, 96)[0, 0]
    assert skin[40, 30] == skin[70, 38] == 0  # no eyes, no mouth
    assert skin[55, 40] == 1
