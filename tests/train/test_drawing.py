"""The drawing teacher on a face made of ellipses: what it must keep, whatever its style becomes."""

import cv2
import numpy as np
import pytest
from support.drawn_face import CLOSED, EYE_CENTRES, SIDE, SKINS, face, lab
from support.plain_drawing import plain_drawing
from toonstream_train.drawing import LOOKS, draw


@pytest.mark.parametrize("look", LOOKS)
def test_shape_type_and_determinism(look: str) -> None:
    crop, mesh = face(SKINS["brown"])
    before = crop.copy(), mesh.copy()
    drawn = draw(crop, mesh, look)
    assert drawn.shape == crop.shape
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn, plain_drawing("brown", look))
    np.testing.assert_array_equal(crop, before[0])
    np.testing.assert_array_equal(mesh, before[1])


def test_it_draws_in_any_size() -> None:
    small = draw(*face(SKINS["brown"]), "cel", 128)
    assert small.shape == (128, 128, 3)
    half = cv2.resize(plain_drawing("brown", "cel"), (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - half).max() <= 1


def test_refuses_what_it_cannot_draw() -> None:
    crop, mesh = face(SKINS["brown"])
    with pytest.raises(ValueError, match="square RGB"):
        draw(crop[:100], mesh)
    with pytest.raises(ValueError, match="478"):
        draw(crop, mesh[:468])


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("skin", SKINS)
def test_skin_keeps_its_tone(skin: str, look: str) -> None:
    crop, mesh = face(SKINS[skin])
    crop[:12] = 250  # a lamp: the photo is exposed well
    cheeks = np.s_[140:180, 70:186]
    was, now = lab(crop)[cheeks].reshape(-1, 3).mean(0), lab(draw(crop, mesh, look))[cheeks].reshape(-1, 3).mean(0)
    # A comic's skin is a little fresher than life, and less red, unless it is deep; no look makes skin darker.
    assert -3 < now[0] - was[0] < (9 if skin == "pale" else 5)
    hues = np.degrees(np.arctan2([was[2], now[2]], [was[1], now[1]]))
    assert abs(hues[0] - hues[1]) < (7 if skin == "pale" else 5)
    assert 0.95 < np.hypot(*now[1:]) / np.hypot(*was[1:]) < 1.35


@pytest.mark.parametrize("look", LOOKS)
def test_open_eyes_have_irises_and_closed_ones_none(look: str) -> None:
    closed = draw(*face(SKINS["pale"], CLOSED), look)
    for drawn, bluish in ((plain_drawing("pale", look), True), (closed, False)):
        for x, y in EYE_CENTRES:
            eye = lab(drawn)[int(y) - 9 : int(y) + 9, int(x) - 9 : int(x) + 9]
            assert bool((eye[..., 2] < -15).any()) is bluish


@pytest.mark.parametrize("look", LOOKS)
def test_noise_does_not_flip_tones(look: str) -> None:
    crop, mesh = face(SKINS["brown"])
    noise = np.random.default_rng(0).normal(0, 3, crop.shape)
    noisy = (crop + noise).clip(0, 255).round().astype(np.uint8)
    change = np.abs(draw(noisy, mesh, look).astype(float) - plain_drawing("brown", look)).mean()
    assert change < 0.6 * np.abs(noisy.astype(float) - crop).mean()


@pytest.mark.parametrize("look", LOOKS)
def test_moves_with_the_photo(look: str) -> None:
    crop, mesh = face(SKINS["pale"])
    moved = cv2.warpAffine(crop, np.array([[1.0, 0, 1], [0, 1, 0]]), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    there = draw(moved, mesh + np.array([1, 0], np.float32), look)
    difference = np.abs(there[:, 9:-8].astype(float) - plain_drawing("pale", look)[:, 8:-9])
    assert difference[40:210, 60:-60].mean() < 0.5  # the face; how far the matte goes over the wall is not the look's


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_is_drawn_on_the_wall(look: str) -> None:
    crop, mesh = face(SKINS["pale"])
    cv2.line(crop, (12, 20), (12, 120), (20, 20, 20), 2, cv2.LINE_AA)
    drawn = draw(crop, mesh, look)
    assert np.abs(drawn[20:120, :24].astype(int) - crop[20:120, :24]).max() < 12
