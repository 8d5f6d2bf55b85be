"""How the shipped styles are made: batches of photos and drawings, and the small generator that learns them."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.drawn_face import SIDE, SKINS, face
from support.exported import drawn_photo
from support.tiny_style import save_style
from support.training import TINY_DRAWING, run, tiny_pack
from toonstream_engines.errors import InputError
from toonstream_engines.export import to_toml
from toonstream_train.core.recipe import Training
from toonstream_train.data.drawn_faces import Augmentation, DrawnFaces, warped
from toonstream_train.data.glasses import glasses
from toonstream_train.data.pack import Pack
from toonstream_train.drawing import LOOKS
from toonstream_train.recipes.drawing_student import (
    DrawingStudent,
    DrawingStudentSettings,
    eyes,
    features,
    sockets,
    strokes,
)

from toonstream import Toonifier
from toonstream.faces.face import five_points
from toonstream.faces.shape import Shape

NONE = Augmentation(**{item.name: 0.0 for item in fields(Augmentation)})
SHAPE = Shape(eyes=(1.2, 1.4))


@pytest.fixture(scope="module")
def pack() -> Pack:
    """Three faces; a drawing is the negative of its warped photo, at twice the size."""
    images, meshes = zip(*(face(skin) for skin in SKINS.values()), strict=True)
    made = Pack(
        images=np.stack(images),
        inside=np.ones((3, SIDE, SIDE), np.uint8),
        points={5: np.stack([five_points(mesh) for mesh in meshes]).astype(np.float32), 478: np.stack(meshes)},
        names=["a", "b", "c"],
        sources=["one", "one", "two"],
    )
    return replace(made, drawings=255 - warped(made, SHAPE)["image"].repeat(2, 1).repeat(2, 2))


def faces(pack: Pack, augmentation: Augmentation, **weights: float) -> DrawnFaces:
    return DrawnFaces(pack, SHAPE, augmentation, weights, seed=5)


def test_without_augmentation_it_is_what_the_camera_gives(pack: Pack) -> None:
    batch = faces(pack, NONE, one=0.0).batch(0, 2, SIDE)
    given = warped(pack.part(np.array([2])), SHAPE)
    image, chart = (np.moveaxis(given[name][0], 2, 0) / 127.5 - 1 for name in ("image", "chart"))
    np.testing.assert_allclose(batch.image[0], image, atol=1e-6)
    np.testing.assert_allclose(batch.chart[0], chart, atol=1e-6)
    np.testing.assert_allclose(batch.drawing[0], -image, atol=0.02, rtol=0)
    assert batch.weight[0, 0, SIDE // 2, SIDE // 2] == 1
    assert 0 < batch.weight[0, 0, 8, 8] < 0.2  # the wall, which the matte hides


def test_a_batch_depends_on_seed_and_step_alone(pack: Pack) -> None:
    ahead, direct = faces(pack, Augmentation()), faces(pack, Augmentation())
    ahead.prefetch(7, 2, 64)
    first, second = ahead.batch(7, 2, 64), direct.batch(7, 2, 64)
    assert torch.equal(first.image, second.image)
    assert torch.equal(first.chart, second.chart)
    assert not torch.equal(first.image, direct.batch(8, 2, 64).image)
    assert first.image.shape == (2, 3, 64, 64)
    assert first.chart.shape == (2, 6, 32, 32)


def test_every_process_has_batches_of_its_own(pack: Pack) -> None:
    """Of one size; and the first has what a run of one process has."""
    alone = faces(pack, Augmentation()).batch(7, 2, 64)
    made = []
    for rank in range(2):
        recipe = DrawingStudent(replace(TINY, augmentation=Augmentation(), training=Training(seed=5)))
        recipe.rank = rank
        recipe.feed({"photos": pack}, torch.device("cpu"))
        made.append((recipe.plan(7), recipe.faces.batch(7, 2, 64)))
    (first_plan, first), (second_plan, second) = made
    assert first_plan == second_plan
    assert torch.equal(first.image, alone.image)
    assert not torch.equal(second.image, alone.image)
    # what the batches of one process came from before there were ranks
    assert np.random.default_rng((5, 7, 0)).random() == np.random.default_rng((5, 7)).random()


def test_photo_drawing_and_chart_turn_together(pack: Pack) -> None:
    moves = replace(NONE, scale=0.2, rotation=30.0, shift=0.1)
    batch = faces(pack, moves, one=0.0).batch(3, 4, SIDE)
    torch.testing.assert_close(batch.drawing, -batch.image, atol=0.5, rtol=0)
    assert float((batch.drawing + batch.image).abs().mean()) < 0.02
    for image, chart in zip(batch.image, batch.chart, strict=True):
        pupils = torch.nn.functional.interpolate(chart[None, 1:2], scale_factor=2.0)[0, 0] > 0.9
        assert pupils.sum() > 20
        assert float(image[0][pupils].mean()) < 0  # this face's irises are dark in red


def test_mirrored_faces_are_mirrored_whole(pack: Pack) -> None:
    plain = faces(pack, NONE, one=0.0).batch(3, 2, SIDE)
    turned = faces(pack, replace(NONE, mirrored=1.0), one=0.0).batch(3, 2, SIDE)
    for name in ("image", "chart", "drawing", "weight"):
        assert torch.equal(getattr(turned, name), getattr(plain, name).flip(3)), name


def test_what_covers_a_face_stays_in_its_drawing(pack: Pack) -> None:
    covered = faces(pack, replace(NONE, covered=1.0), one=0.0).batch(2, 8, SIDE)
    same = (covered.drawing - covered.image).abs().amax(1) < 0.02
    shares = [float(part.float().mean()) for part in same]
    assert max(shares) < 0.6, shares
    assert sum(share > 0.002 for share in shares) >= 6, shares  # a cover may lie mostly beside the face
    assert max(shares) > 0.02, shares


def test_skin_shines_on_the_photo_alone(pack: Pack) -> None:
    plain = faces(pack, NONE, one=0.0).batch(2, 6, SIDE)
    shining = faces(pack, replace(NONE, shine=1.0), one=0.0).batch(2, 6, SIDE)
    assert torch.equal(shining.drawing, plain.drawing)
    lighter = shining.image - plain.image
    assert float((lighter < -0.02).float().mean()) < 0.02  # what is whiter than the light
    assert all(0.002 < float((one > 0.1).float().mean()) < 0.2 for one in lighter.amin(1))


def test_glasses_sit_before_the_eyes_in_photo_and_drawing(pack: Pack) -> None:
    plain = faces(pack, NONE, one=0.0).batch(2, 6, SIDE)
    worn = faces(pack, replace(NONE, glasses=1.0), one=0.0).batch(2, 6, SIDE)
    assert torch.equal(worn.chart, plain.chart)  # it knows of no glasses
    changed = [(a - b).abs().amax(1) > 0.02 for a, b in ((worn.image, plain.image), (worn.drawing, plain.drawing))]
    for shown in changed:
        assert all(0.005 < float(one.float().mean()) < 0.2 for one in shown)
        assert not shown[:, : SIDE // 4].any()  # the forehead
        assert not shown[:, -SIDE // 4 :].any()
    assert float((changed[0] == changed[1]).float().mean()) > 0.95


def test_dark_lenses_hide_the_eyes_and_clear_ones_do_not(pack: Pack) -> None:
    mesh, hidden = pack.points[478][2], []
    for seed in range(40):
        pair = glasses(np.random.default_rng(seed), mesh, SIDE)
        irises = [pair.lenses[int(y), int(x)] for x, y in mesh[[468, 473]]]
        assert pair.rims.max() > 0.2
        hidden.append(min(irises))
    assert 8 <= sum(share > 0.4 for share in hidden) <= 24
    assert sum(share < 0.3 for share in hidden) >= 16


def test_charts_are_jittered_and_lose_planes(pack: Pack) -> None:
    clean = faces(pack, NONE, one=0.0).batch(0, 1, SIDE).chart
    jittered = faces(pack, replace(NONE, jitter=2.0), one=0.0).batch(0, 8, SIDE).chart
    assert all(float((chart - clean[0]).abs().max()) > 0.5 for chart in jittered)
    dropped = faces(pack, replace(NONE, dropped=1.0), one=0.0).batch(0, 8, SIDE).chart
    empty = (dropped == dropped[:, :, :1, :1]).all(3).all(2).float().mean()
    assert 0.25 < float(empty) < 0.75


def test_features_are_where_the_chart_has_them(pack: Pack) -> None:
    chart = faces(pack, NONE, one=0.0).batch(0, 1, SIDE).chart
    where = features(chart)
    assert where.shape == (1, 1, SIDE, SIDE)
    left, top = pack.points[478][2][468]
    assert where[0, 0, int(top), int(left)] == 1
    assert where[0, 0, 4, 4] == 0
    assert where[0, 0, 160, 128] == 0  # a cheek
    opening = eyes(chart)
    assert opening[0, 0, int(top), int(left)] == 1
    assert opening[0, 0, int(top) - 24, int(left)] == 0 < where[0, 0, int(top) - 24, int(left)]  # a brow
    around = sockets(chart)
    assert opening[0, 0, int(top) + 20, int(left)] == 0 < around[0, 0, int(top) + 20, int(left)]  # a bag
    assert around[0, 0, 180, 128] == 0  # the chin


def test_strokes_are_dark_lines_and_no_edges() -> None:
    drawing = torch.full((1, 3, 64, 64), 0.4)
    drawing[..., 30:32, :] = -0.9  # a line
    drawing[..., 50:, :] = -0.9  # a dark mass
    found = strokes(drawing)
    assert found.shape == (1, 1, 64, 64)
    assert found[0, 0, 30:32].min() == 1
    assert found[0, 0, :26].max() == 0
    assert found[0, 0, 56:].max() == 0


TINY = DrawingStudentSettings(
    shape=SHAPE, augmentation=NONE, width=8, batch=16, sizes={"64": 1.0}, steps=27, adversarial_steps=3
)


def steps(recipe: DrawingStudent, count: int) -> list[dict[str, float]]:
    recorded = []

    def update(name: str, loss: torch.Tensor) -> None:
        recipe.optimisers[name].zero_grad()
        loss.backward()
        recipe.optimisers[name].step()

    for recipe.step in range(count):
        recipe.stage = recipe.stages()[recipe.step >= recipe.settings.steps]
        recipe.take()
        recipe.forward()
        recipe.optimise(update)
        recorded.append({name: float(loss.detach()) for name, loss in recipe.losses.items()})
    return recorded


def test_it_learns_and_the_discriminator_joins_late(pack: Pack) -> None:
    torch.manual_seed(0)
    recipe = DrawingStudent(replace(TINY, batch=1))
    recipe.feed({"photos": pack}, torch.device("cpu"))
    recorded = steps(recipe, 30)
    assert recorded[26]["drawing"] < 0.6 * recorded[0]["drawing"]
    assert "discriminator" not in recorded[26]
    assert {"generator", "discriminator"} < set(recorded[27])


def test_a_pack_without_drawings_is_told(pack: Pack) -> None:
    with pytest.raises(InputError, match="draw PACK"):
        DrawingStudent(TINY).feed({"photos": replace(pack, drawings=None)}, torch.device("cpu"))


def test_drawings_in_other_proportions_are_told(pack: Pack) -> None:
    device = torch.device("cpu")
    with pytest.raises(InputError, match="those of the look anime; fit them with --preset anime"):
        DrawingStudent(TINY).feed({"photos": replace(pack, drawn_shape=LOOKS["anime"].shape)}, device)
    with pytest.raises(InputError, match=r"those of the Shape\(eyes=\(1.1, 1.1\).*set shape to these proportions"):
        DrawingStudent(TINY).feed({"photos": replace(pack, drawn_shape=Shape(eyes=(1.1, 1.1)))}, device)
    DrawingStudent(TINY).feed({"photos": replace(pack, drawn_shape=SHAPE)}, device)


def test_its_style_has_its_shape(tmp_path: Path) -> None:
    style = save_style(tmp_path)
    with (style / "card.toml").open("a") as card:
        card.write("\n" + to_toml(DrawingStudent(TINY).card()))
    with Toonifier(style, "onnxruntime") as toonifier:
        assert toonifier.shape == SHAPE


@pytest.mark.slow  # torch's exporter takes a while
def test_from_training_to_a_drawn_photo(tmp_path: Path) -> None:
    run(tmp_path / "run", TINY_DRAWING)
    photo, drawn = drawn_photo(tmp_path / "run", tiny_pack(2), tmp_path)
    assert photo.shape == drawn.shape
    changed = np.abs(photo.astype(int) - drawn).max(2) > 16
    assert 0.05 < changed.mean() < 0.9
