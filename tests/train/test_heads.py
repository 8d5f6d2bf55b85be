"""A cartoon's face on a photo's own head, both of ellipses."""

from dataclasses import replace
from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.drawn_cartoon import CREAM, HAIR, WALL, cartoon, pack_of
from support.drawn_face import EYE_CENTRES, SIDE, lab
from toonstream_train.data import heads
from toonstream_train.data.cartoon import Cartoon, taken_apart
from toonstream_train.data.heads import GAZE, Head, border, clean, head_of, on_head, with_gaze
from toonstream_train.data.hybrids import doubled, drawn_tone
from toonstream_train.data.pairs import FEWEST, ON_EACH, pairs, varied

from toonstream.faces.mesh import EYES, IRISES
from toonstream.faces.shape import Shape

TAN = (190, 140, 110)
INSIDE = np.ones((SIDE, SIDE), np.uint8)


@pytest.fixture(scope="module")
def apart() -> Cartoon:
    found = taken_apart(*cartoon(brow=6.0))
    assert isinstance(found, Cartoon)
    return found


@pytest.fixture
def photo(monkeypatch: pytest.MonkeyPatch) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A soft picture of a tanned head, and its mesh; the segmenter, which knows people, sees it."""
    picture, mesh = cartoon(skin=TAN)
    where = (np.abs(picture.astype(int) - WALL).max(2) > 12).astype(np.float32)
    monkeypatch.setattr(heads, "person", lambda _: cv2.GaussianBlur(where, (0, 0), 2.0))
    return cv2.GaussianBlur(picture, (0, 0), 1.0), mesh


def at(mask: NDArray[np.generic], x: float, y: float) -> float:
    """The value of what is twice as large at a place of the picture."""
    return float(mask[round(2 * y), round(2 * x)])


def test_a_photo_is_taken_apart(photo: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> None:
    head = head_of(photo[0], INSIDE, photo[1], Shape())
    assert head is not None
    assert [at(head.skin, *place) for place in ((128, 160), (128, 245), (128, 20), (8, 100))] == [1, 1, 0, 0]
    assert [at(head.hair, *place) for place in ((128, 20), (40, 100), (128, 160), (8, 100))] == [1, 1, 0, 0]
    assert not head.beard.any()
    assert np.abs(head.lit - lab(np.array([[TAN]], np.uint8))[0, 0]).max() < 3


def test_where_it_is_not_sure_a_photo_is_left_out(
    photo: tuple[NDArray[np.uint8], NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, mesh = photo
    beyond = INSIDE.copy()
    beyond[:60] = 0
    assert head_of(picture, beyond, mesh, Shape()) is None  # the crop is not whole
    monkeypatch.setattr(heads, "person", lambda _: np.ones((SIDE, SIDE), np.float32))
    assert head_of(picture, INSIDE, mesh, Shape()) is None  # all is a person: hair ends amid the wall


def test_the_drawing_has_the_photos_head_and_the_cartoons_face(
    apart: Cartoon, photo: tuple[NDArray[np.uint8], NDArray[np.float32]]
) -> None:
    head = head_of(photo[0], INSIDE, photo[1], Shape())
    assert isinstance(head, Head)
    drawing = on_head(apart, apart, head)
    assert drawing.shape == (2 * SIDE, 2 * SIDE, 3)
    found = lab(drawing)

    def off(x: float, y: float, colour: NDArray[np.float32]) -> float:
        return float(np.abs(found[round(2 * y), round(2 * x)] - colour).max())

    tone, hair, wall = drawn_tone(head.lit), *(lab(np.array([[one]], np.uint8))[0, 0] for one in (HAIR, WALL))
    assert off(128, 160, tone) < 2
    assert off(100, 170, tone) < 2
    assert off(128, 18, hair) < 3
    assert off(6, 100, wall) < 2
    for x, y in EYE_CENTRES:
        assert found[round(2 * y), round(2 * (x - 12)), 0] > 90  # whites, which the cartoon has
    assert found[66:84, 256, 0].min() < 6  # ink between hair and forehead
    assert found[224, 40:70, 0].min() < 6  # where the head ends
    assert found[466:486, 256, 0].min() < 6  # and along the jaw
    shaved = replace(head, beard=head.skin & (np.arange(2 * SIDE)[:, None] > 400))
    assert np.array_equal(on_head(apart, apart, shaved)[:370], drawing[:370])


def test_eyes_are_of_one_cartoon_and_the_mouth_is_of_another(
    photo: tuple[NDArray[np.uint8], NDArray[np.float32]],
) -> None:
    head = head_of(photo[0], INSIDE, photo[1], Shape())
    assert isinstance(head, Head)
    round_eyed, narrow = (taken_apart(*cartoon(eye=eye, brow=6.0)) for eye in ((16.0, 17.0), (16.0, 9.0)))
    assert isinstance(round_eyed, Cartoon)
    assert isinstance(narrow, Cartoon)
    red = narrow.picture.copy()
    red[186:200, 108:148][(red[186:200, 108:148] != CREAM).any(2)] = (230, 0, 0)
    drawing = on_head(round_eyed, replace(narrow, picture=red, lab=lab(red)), head)
    alone = on_head(round_eyed, round_eyed, head)
    np.testing.assert_array_equal(drawing[: 2 * 130], alone[: 2 * 130])
    assert (drawing[2 * 193, 2 * 128] != alone[2 * 193, 2 * 128]).any()


def test_the_most_typical_cartoon_is_found() -> None:
    brows = [cast(Cartoon, taken_apart(*cartoon(brow=height))) for height in (9.0, 6.0, 6.5, 2.0)]
    assert any(heads.typical(brows) is one for one in brows[1:3])


def test_both_irises_move_as_both_eyes_look() -> None:
    (_, photo), (_, drawn) = cartoon(), cartoon()
    apart_by = photo.copy()
    for iris, by in zip(IRISES, (-4.0, 4.0), strict=True):
        apart_by[iris] += (by, 0)  # as eyes of a photo's mesh seem to, whose inner corners reach far
    np.testing.assert_allclose(with_gaze(apart_by, drawn), drawn, atol=1e-4)
    aside = photo.copy()
    for iris in IRISES:
        aside[iris] += (3.0, 0)
    np.testing.assert_allclose(with_gaze(aside, drawn), aside, atol=1e-4)
    for iris in IRISES:
        aside[iris] += (20.0, 0)
    found = with_gaze(aside, drawn)
    for eye, iris in zip(EYES, IRISES, strict=True):
        assert (found[iris] - drawn[iris])[:, 0] == pytest.approx(GAZE[0] * np.ptp(drawn[eye, 0]), abs=1e-3)


def test_dark_eyes_are_no_holes_in_the_face(photo: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> None:
    picture, mesh = photo[0].copy(), photo[1]
    for x, y in EYE_CENTRES:
        cv2.circle(picture, (round(x), round(y)), 12, HAIR, -1)
    head = head_of(picture, INSIDE, mesh, Shape())
    assert isinstance(head, Head)
    assert all(at(head.skin | head.hair, *centre) for centre in EYE_CENTRES)


def test_hair_that_is_not_found_leaves_a_photo_out(
    photo: tuple[NDArray[np.uint8], NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "hair_of", lambda calm, *_: np.zeros(calm.shape[:2], np.float32))
    monkeypatch.setattr(heads, "hair", lambda lab, *_: np.zeros(lab.shape[:2], np.float32))
    assert head_of(photo[0], INSIDE, photo[1], Shape()) is None


def test_pairs_are_of_both_kinds(photo: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> None:
    made, _ = pairs(pack_of([photo], "photo"), pack_of([cartoon(brow=6.0)] * FEWEST, "cartoon"), 1)
    on = [index for index, source in enumerate(made.sources) if source == "photo"]
    assert [made.names[index] for index in on] == [f"photo0.png {number}" for number in range(ON_EACH)]
    assert len(made) > len(on)
    assert made.drawings is not None
    assert made.drawings.shape[1:] == (2 * SIDE, 2 * SIDE, 3)
    assert made.shape is not None


def test_pictures_and_drawings_blink_and_turn_alike(apart: Cartoon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toonstream_train.data.pairs.BLINKS", 1.0)
    monkeypatch.setattr("toonstream_train.data.pairs.TURNED", 1.0)
    drawing = doubled(apart.picture)
    image, larger, mesh = varied(apart.picture, drawing, apart.mesh, True, np.random.default_rng(1))
    for eye in EYES:
        assert np.ptp(mesh[eye, 1]) < 0.7 * np.ptp(apart.mesh[eye, 1])
    assert abs(mesh[1, 0] - apart.mesh[1, 0]) > 0.5
    changed = [np.abs(a.astype(int) - b).mean() for a, b in ((apart.picture, image), (drawing, larger))]
    shrunk = cv2.resize(larger, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(int) - image).mean() < 0.4 * min(changed)
    same = varied(apart.picture, drawing, apart.mesh, False, np.random.default_rng(1))[2]
    assert np.ptp(same[EYES[0], 1]) == pytest.approx(np.ptp(apart.mesh[EYES[0], 1]), rel=0.02)


def test_faces_have_to_be_bare(apart: Cartoon) -> None:
    assert heads.bare(apart)
    patch = apart.lab.copy()
    patch[165:185, 80:110, 0] -= 25
    assert not heads.bare(replace(apart, lab=patch))
    assert not heads.bare(replace(apart, lab=apart.lab + np.array([30, 0, 0], np.float32)))  # fair brows
    assert np.array_equal(cartoon()[0][165:185, 80:110].reshape(-1, 3).mean(0).round(), CREAM)


def test_a_pen_follows_a_border() -> None:
    mask = np.zeros((64, 64), bool)
    mask[:, 32:] = True
    ink = border(mask, 6.0)
    assert ink[32].sum() == pytest.approx(6.0, abs=1.0)
    assert ink[:, 31:33].min() == 1
    assert ink[:, :26].max() == ink[:, 38:].max() == 0


def test_specks_and_gaps_go() -> None:
    mask = np.zeros((256, 256), bool)
    mask[60:200, 60:200] = True
    whole = clean(mask, 100.0)
    mask[120:124, 120:124] = False
    mask[20:24, 20:24] = True
    assert np.array_equal(clean(mask, 100.0), whole)
    assert whole[100, 100]
