"""Pairs of a photo's face in a cartoon's head, and of the same cartoon: on cartoons of ellipses."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
from support.drawn_cartoon import CREAM, EYE, IRIS, cartoon, pack_of
from support.drawn_face import EYE_CENTRES, SIDE, SKINS, face, lab
from support.training import TINY_DRAWING, trainer
from toonstream_engines.errors import InputError
from toonstream_train.commands import main
from toonstream_train.core import checkpoint
from toonstream_train.data import pack, proportions
from toonstream_train.data.cartoon import Cartoon, taken_apart
from toonstream_train.data.drawn_blinks import squeezed
from toonstream_train.data.drawn_faces import Augmentation, DrawnFaces
from toonstream_train.data.hybrids import doubled, in_place, pair, with_hair, with_irises
from toonstream_train.data.pack import Pack
from toonstream_train.data.pairs import FEWEST, mouth_opening, pairs
from toonstream_train.data.turned import turned
from toonstream_train.drawing.common.shapes import fill
from toonstream_train.recipes.registry import trained

from toonstream.faces.mesh import BROWS, EYES, IRISES, MOUTH
from toonstream.faces.shape import Shape, displacements, moved


@pytest.fixture(scope="module")
def photos() -> Pack:
    return pack_of([face(SKINS[tone], lids) for tone in SKINS for lids in (8.0,)], "photo")


@pytest.fixture(scope="module")
def cartoons() -> Pack:
    return pack_of([cartoon((15.0 + i % 3, 15.0 + i % 3)) for i in range(FEWEST)], "cartoon")


@pytest.fixture(scope="module")
def apart() -> Cartoon:
    found = taken_apart(*cartoon())
    assert isinstance(found, Cartoon)
    return found


def test_eyes_are_where_they_are_drawn(apart: Cartoon) -> None:
    for centre, eye, iris in zip(EYE_CENTRES, EYES, IRISES, strict=True):
        low, high = apart.mesh[eye].min(0), apart.mesh[eye].max(0)
        np.testing.assert_allclose(low, np.subtract(centre, EYE), atol=2)
        np.testing.assert_allclose(high, np.add(centre, EYE), atol=2)
        np.testing.assert_allclose(apart.mesh[iris[0]], centre, atol=1.5)
        assert abs(np.hypot(*(apart.mesh[iris[1]] - apart.mesh[iris[0]])) - IRIS) < 2


def test_an_eye_behind_a_fringe_is_as_the_other() -> None:
    picture, mesh = cartoon()
    cv2.rectangle(picture, (60, 20), (122, 138), (60, 70, 160), -1)
    apart = taken_apart(picture, mesh)
    assert isinstance(apart, Cartoon)
    left, right = (apart.mesh[eye].max(0) - apart.mesh[eye].min(0) for eye in EYES)
    np.testing.assert_allclose(left, right, atol=0.5)
    covered = apart.covered > 0.5
    assert covered[122, 96]
    assert not covered[:, 128:].any()
    assert apart.features[covered].max() < 0.5


@pytest.mark.parametrize(
    ("changed", "why"),
    [({"eye": (16.0, 1.0)}, "eyes"), ({"hair": CREAM}, "same colour")],
)
def test_what_is_of_no_use_says_why(changed: dict[str, tuple[float, float]], why: str) -> None:
    apart = taken_apart(*cartoon(**changed))  # type: ignore[arg-type]
    assert isinstance(apart, str)
    assert why in apart


def test_glasses_are_left_out() -> None:
    picture, mesh = cartoon()
    cv2.line(picture, (100, 124), (156, 124), (30, 20, 20), 3)
    apart = taken_apart(picture, mesh)
    assert isinstance(apart, str)
    assert "glasses" in apart


def test_a_mouth_lies_on_its_line(apart: Cartoon) -> None:
    assert abs(apart.mesh[[13, 14], 1].mean() - 193.5) < 1
    assert abs(apart.mesh[MOUTH, 1].mean() - cartoon()[1][MOUTH, 1].mean() + 2.5) < 1


def test_an_open_mouth_is_as_far_open_as_it_is_drawn() -> None:
    picture, mesh = cartoon()
    for radii, colour in (((22, 13), (20, 15, 20)), ((19, 10), (250, 250, 250))):
        cv2.ellipse(picture, (128, 196), radii, 0, 0, 360, colour, -1, cv2.LINE_AA)
    apart = taken_apart(picture, mesh)
    assert isinstance(apart, Cartoon)
    np.testing.assert_allclose(apart.mesh[[13, 14]], [(128.5, 185), (128.5, 208)], atol=1.5)
    np.testing.assert_allclose(apart.mesh[[78, 308]], [(106.5, 196.5), (150.5, 196.5)], atol=1.5)
    assert mouth_opening(apart.mesh) > mouth_opening(mesh) + 0.3
    assert apart.skin[190:203, 120:137].max() == 0


def test_brows_are_found_where_they_are_drawn() -> None:
    picture, mesh = cartoon(brow=7.0)
    apart = taken_apart(picture, mesh)
    assert isinstance(apart, Cartoon)
    for brow, centre in zip(BROWS, EYE_CENTRES, strict=True):
        low, high = apart.mesh[brow].min(0), apart.mesh[brow].max(0)
        np.testing.assert_allclose(low, (centre[0] - 17.5, 83), atol=2)
        np.testing.assert_allclose(high, (centre[0] + 17.5, 97), atol=2)
        outer, inner = apart.mesh[brow[0]], apart.mesh[brow[4]]
        assert (outer[0] < inner[0]) == (centre[0] < 128)
    picture[60:106] = CREAM
    bald = taken_apart(picture, mesh)
    assert isinstance(bald, Cartoon)
    np.testing.assert_array_equal(bald.mesh[BROWS[0]], mesh[BROWS[0]])


@pytest.mark.parametrize("tone", SKINS)
def test_the_drawing_has_the_photos_skin_and_keeps_the_rest(apart: Cartoon, tone: str) -> None:
    photo, mesh = face(SKINS[tone])
    source = in_place(photo, np.ones((SIDE, SIDE), np.uint8), mesh, apart, Shape(eyes=(1.0, 1.8)))
    assert source is not None
    hybrid, drawing = pair(apart, source, np.random.default_rng(0))
    kept = (apart.skin == 0) & (cv2.dilate(apart.hair, np.ones((7, 7))) == 0)
    assert 0.2 < kept.mean() < 0.6
    np.testing.assert_array_equal(drawing[kept], apart.picture[kept])
    own, cheeks = lab(photo)[165, 90:166].mean(0), (lab(hybrid)[165, 90:120], lab(drawing)[165, 90:120])
    assert np.abs(cheeks[0].mean(0) - own).max() < 5
    assert np.abs((cheeks[1].mean(0) - own)[1:]).max() < 3
    assert -1 < (cheeks[1].mean(0) - own)[0] < 5  # a little lighter
    neck = lab(hybrid)[246, 118:138].mean(0), lab(drawing)[246, 118:138].mean(0)
    assert max(np.abs(colour - own).max() for colour in neck) < 9
    hair = [lab(picture)[15:30, 100:156].reshape(-1, 3) for picture in (hybrid, drawing)]
    assert np.abs(hair[0].mean(0) - hair[1].mean(0)).max() < 6
    assert hair[1].std(0).max() < 1 < hair[0].std(0).max()  # flat, of strands


def test_hair_has_the_photos_colour_and_keeps_its_ink() -> None:
    picture, mesh = cartoon(hair=(30, 26, 24))
    apart = taken_apart(picture, mesh)
    assert isinstance(apart, Cartoon)
    photo, own = face(SKINS["pale"])
    source = in_place(photo, np.ones((SIDE, SIDE), np.uint8), own, apart, Shape(eyes=(1.0, 1.8)))
    assert source is not None
    fair = np.array([70, 8, 30], np.float32)
    source = replace(source, hair=apart.hair, lab=source.lab + apart.hair[..., None] * (fair - source.lab))
    tinted = with_hair(apart, source, np.random.default_rng(0))
    np.testing.assert_allclose(lab(tinted.picture)[15:25, 128].mean(0), fair, atol=2)
    rim = lab(tinted.picture)[2:12, 128, 0]
    assert rim.min() < 20  # as thick as ink
    assert 1 < (rim < 45).sum() < 5


def test_eyes_close(apart: Cartoon) -> None:
    drawing, mesh = squeezed(apart.picture, apart.mesh, 0.3)
    changed = (drawing != apart.picture).any(2)
    for eye, centre in zip(EYES, EYE_CENTRES, strict=True):
        before, after = apart.mesh[eye], mesh[eye]
        assert np.ptp(after[:, 1]) == pytest.approx(0.3 * np.ptp(before[:, 1]), rel=0.2)
        assert after[:, 1].max() == pytest.approx(before[:, 1].max(), abs=1.5)
        x, y = (round(value) for value in centre)
        assert np.abs(lab(drawing)[y, x] - lab(apart.picture)[160, 128]).max() < 3  # skin
        assert lab(drawing)[:, x][y + 3 : y + 12, 0].min() < 40  # ink
    assert changed.any()
    assert not changed[145:].any()
    assert not changed[:85].any()


def test_ink_is_as_crisp_at_twice_the_size() -> None:
    once, twice = np.full((32, 32, 3), CREAM, np.uint8), np.full((64, 64, 3), CREAM, np.uint8)
    once[12:16], twice[24:32] = 20, 20
    np.testing.assert_array_equal(doubled(once), twice)
    interpolated = cv2.resize(once, (64, 64), interpolation=cv2.INTER_CUBIC)
    assert np.abs(interpolated.astype(int) - twice).max() > 30


@pytest.mark.parametrize("by", [-0.13, 0.13])
def test_heads_turn(apart: Cartoon, by: float) -> None:
    drawing, mesh = turned(apart.picture, apart.mesh, by)
    width = np.hypot(*(apart.mesh[454] - apart.mesh[234]))
    assert (mesh[1] - apart.mesh[1])[0] == pytest.approx(by * width, rel=0.1)
    assert np.abs(mesh[[10, 152]] - apart.mesh[[10, 152]]).max() < 0.3 * abs(by) * width
    for iris in (mesh[ring[0]] for ring in IRISES):  # its green has moved along
        np.testing.assert_allclose(drawing[int(iris[1] + 6), int(iris[0])], (30, 120, 60), atol=12)
    assert (drawing != apart.picture).any()


def test_a_wall_behind_a_bald_head_is_no_hair() -> None:
    picture, mesh = cartoon()
    assert cast(Cartoon, taken_apart(picture, mesh)).hair.max() == 1
    hair = (picture == (60, 70, 160)).all(2)
    picture[cv2.dilate(hair.astype(np.uint8), np.ones((3, 3))) > 0] = (150, 190, 160)
    assert cast(Cartoon, taken_apart(picture, mesh)).hair.max() == 0


def test_eyes_keep_the_photos_colour_where_drawn_ones_have_none(apart: Cartoon) -> None:
    photo = np.full_like(apart.lab, (50, 20, 20))
    random = np.random.default_rng(0)
    assert (with_irises(photo, apart, random) != photo).any()
    eyes = cv2.dilate(np.maximum(*(fill(apart.mesh[eye], (SIDE, SIDE)) for eye in EYES)), np.ones((3, 3))) > 0
    black = replace(apart, lab=np.where(eyes[..., None], np.float32(0), apart.lab))
    black.lab[::3, ::2, 0] = 40  # but for some edges
    np.testing.assert_array_equal(with_irises(photo, black, random), photo)


def test_proportions_are_found_again() -> None:
    random = np.random.default_rng(0)
    mesh = face(SKINS["pale"])[1]
    mesh[[2, 48, 278]] = (128, 165), (112, 162), (144, 162)
    mesh[[234, 454, 172, 397, 152, 168]] = (50, 140), (206, 140), (72, 205), (184, 205), (128, 238), (128, 122)
    mesh[[61, 291, 0, 17, 13, 14]] = (100, 196), (156, 196), (128, 188), (128, 204), (128, 196), (128, 196)
    shape = Shape(eyes=(1.25, 1.7), apart=0.05, mouth=(0.15, 0.1), jaw=0.08)
    photos = np.stack([128 + (mesh - 128) * random.uniform(0.9, 1.05, 2) for _ in range(12)]).astype(np.float32)
    drawn = np.stack([moved(one, displacements(one, shape, SIDE), SIDE) for one in photos])
    found = proportions.fitted_shape(photos, drawn)
    np.testing.assert_allclose(found.eyes, shape.eyes, atol=0.1)
    assert abs(found.jaw - shape.jaw) < 0.03
    again = [moved(one, displacements(one, found, SIDE), SIDE) for one in photos]
    off = [np.median([proportions.measures(one) for one in many], 0) for many in (again, drawn)]
    np.testing.assert_allclose(*off, atol=0.012)


def test_no_warp_folds() -> None:
    mesh = face(SKINS["pale"])[1]
    eyes = mesh.copy()
    for eye, centre in zip(EYES, EYE_CENTRES, strict=True):
        eyes[eye] = np.array(centre) + (eyes[eye] - centre) * (1.4, 6)
    found = proportions.fitted_shape(mesh[None], eyes[None])
    assert found.eyes[1] > 2
    assert proportions.smoothness(displacements(mesh, found, SIDE)) >= proportions.SMOOTHEST
    folding = Shape(eyes=(1.0, 0.3))
    assert proportions.smoothness(displacements(mesh, folding, SIDE)) < 0


def test_a_pack_of_pairs_trains(
    photos: Pack, cartoons: Pack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, one in (("photos", photos), ("cartoons", cartoons)):
        pack.save(one, tmp_path / f"{name}.pack")
    named = [str(tmp_path / f"{name}.pack") for name in ("photos", "cartoons", "pairs")]
    assert main(["pair", *named[:2], "--out", named[2], "--each", "1"]) == 0
    said = capsys.readouterr().out
    assert f"{FEWEST} pairs from {FEWEST} cartoons of {FEWEST}" in said
    assert "[shape]\neyes = [" in said
    made = pack.load(tmp_path / "pairs.pack")
    assert made.shape is not None
    assert made.shape.eyes[1] > 1.3
    assert made.drawings is not None
    again, _ = pairs(photos, cartoons, 1)
    np.testing.assert_array_equal(again.images, made.images)

    faces = DrawnFaces(made, TINY_DRAWING.shape, Augmentation(), {}, seed=0)
    np.testing.assert_array_equal(faces.meshes, made.points[478])  # which are in the style's proportions already
    run = trainer(tmp_path / "run", replace(TINY_DRAWING, steps=1, adversarial_steps=0))
    run.feed({"photos": made})
    run.fit(made)
    assert checkpoint.load(run.path)["step"] == 1
    card = trained(tmp_path / "run").recipe.card()
    assert Shape(**card["shape"]) == made.shape


def test_pairs_are_not_made_of_pairs(photos: Pack, cartoons: Pack) -> None:
    with pytest.raises(InputError, match="the photos are in a style's proportions, as pair makes them"):
        pairs(replace(photos, shape=Shape()), cartoons, 1)


def test_packs_without_meshes_are_refused(photos: Pack, cartoons: Pack) -> None:
    without = replace(cartoons, points={5: cartoons.points[5]})
    with pytest.raises(InputError, match="the cartoons have no meshes"):
        pairs(photos, without, 1)
    with pytest.raises(InputError, match="the photos have no meshes"):
        pairs(replace(photos, points={5: photos.points[5]}), cartoons, 1)


def test_too_few_cartoons_are_refused(photos: Pack, cartoons: Pack) -> None:
    closed = pack_of([cartoon((16.0, 1.0)) for _ in range(FEWEST)], "closed")
    with pytest.raises(InputError, match=rf"only 0 cartoons of {FEWEST} .*{FEWEST}: the eyes are not clear"):
        pairs(photos, closed, 1)
