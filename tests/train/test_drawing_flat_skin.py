"""Skin in flat tones, which `cel` and `anime` share: as light as where the light falls, and what lies on it stays."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.drawn_face import EYE_CENTRES, SIDE, SKINS, face, lab
from support.plain_drawing import plain_drawing
from toonstream_train.drawing import draw
from toonstream_train.drawing.common.analysis import Analysis, analyse
from toonstream_train.drawing.common.beards import CHIN, JAW_LINE, LIP
from toonstream_train.drawing.common.flat_skin import healthy
from toonstream_train.drawing.common.lines import ink_over
from toonstream_train.drawing.common.lit_skin import exposure


@pytest.mark.parametrize("look", ["cel", "anime"])
def test_skin_is_as_light_as_the_lit_part_of_the_face(look: str) -> None:
    crop, mesh = face(SKINS["brown"])
    fading = crop * np.linspace(0.7, 1.2, 256)[None, :, None]
    shaded = fading.clip(0, 255).round().astype(np.uint8)
    cheeks = np.s_[145:180, 70:186, 0]
    photo, drawn = lab(shaded)[cheeks], lab(draw(shaded, mesh, look))[cheeks]
    assert np.percentile(drawn, 65) > np.percentile(photo, 65) - 2
    assert drawn.std() < photo.std()


def test_pale_skin_gets_colour_and_grey_stays_grey() -> None:
    pale, fair = np.array([4.0, 9.0], np.float32), np.array([13.0, 18.0], np.float32)
    assert np.hypot(*healthy(pale, 70)) > np.hypot(*pale)
    assert healthy(pale, 70)[0] / healthy(pale, 70)[1] > pale[0] / pale[1]
    np.testing.assert_allclose(healthy(fair, 70), fair, rtol=0.02)
    np.testing.assert_allclose(healthy(np.array([0.5, 1.0], np.float32), 70), [0.5, 1.0], rtol=1e-5)


def test_skin_that_a_camera_made_too_red_is_no_brick() -> None:
    red = np.array([26.0, 18.0], np.float32)
    a, b = healthy(red, 60)
    assert b / a > 0.95 > red[1] / red[0]
    assert 21 < np.hypot(a, b) < 27 < np.hypot(*red)
    assert np.hypot(*healthy(red, 30)) < np.hypot(a, b)  # the darker, the less colour looks burnt


@pytest.mark.parametrize("look", ["cel", "anime"])
def test_a_face_lit_from_one_side_has_two_tones(look: str) -> None:
    crop, mesh = face(SKINS["pale"])
    turn = 1 - 0.45 / (1 + np.exp(-(np.arange(SIDE) - 140) / 14))  # from light to shade, slowly
    shaded = (crop * turn[None, :, None]).round().astype(np.uint8)
    cheeks = np.s_[150:175, 62:194, 0]
    photo, drawn = (lab(picture)[cheeks].mean(0) for picture in (shaded, draw(shaded, mesh, look)))
    lit, dark = np.s_[:30], np.s_[-20:]
    assert drawn[lit].mean() - drawn[dark].mean() > 8  # the shadow is there
    assert np.ptp(drawn[lit]) < np.ptp(photo[lit]) + 1
    between = [
        np.count_nonzero(np.abs(row - row[lit].mean()) > 4) - np.count_nonzero(row - row[dark].mean() < 4)
        for row in (photo, drawn)
    ]
    assert between[1] < between[0]  # and its border narrower than the photo's


def test_the_rims_of_glasses_stay() -> None:
    crop, mesh = face(SKINS["pale"])
    bare = lab(plain_drawing("pale", "cel"))
    for x, y in EYE_CENTRES:
        cv2.ellipse(crop, (round(x), round(y) + 2), (27, 20), 0, 0, 360, (60, 60, 66), 1, cv2.LINE_AA)
    drawn = lab(draw(crop, mesh, "cel"))
    for x, y in EYE_CENTRES:
        below = np.s_[round(y) + 20 : round(y) + 32, round(x) - 6 : round(x) + 7, 0]
        assert (bare[below] - drawn[below]).max(0).min() > 12


@pytest.mark.parametrize("look", ["cel", "anime"])
def test_shine_on_a_forehead_is_skin_and_soft(look: str) -> None:
    crop, mesh = face(SKINS["dark"])
    plain = lab(plain_drawing("dark", look))
    cv2.ellipse(crop, (128, 70), (14, 8), 0, 0, 360, (225, 226, 230), -1, cv2.LINE_AA)
    crop = cv2.GaussianBlur(crop, (0, 0), 2.5).astype(np.uint8)
    drawn = lab(draw(crop, mesh, look))
    spot = np.s_[66:75, 120:137, 0]
    assert lab(crop)[spot].mean() > plain[spot].mean() + 50
    assert plain[spot].mean() + 3 < drawn[spot].mean() < drawn[spot].max() < plain[spot].mean() + 18


@pytest.mark.parametrize("look", ["cel", "anime"])
def test_rings_below_the_eyes_go(look: str) -> None:
    crop, mesh = face(SKINS["pale"])
    rings = np.zeros(crop.shape[:2], np.float32)
    for x, y in EYE_CENTRES:
        cv2.ellipse(rings, (int(x), int(y) + 4), (20, 11), 0, 10, 170, 1.0, 3, cv2.LINE_AA)
    tired = (crop * (1 - 0.35 * cv2.GaussianBlur(rings, (0, 0), 1.5))[..., None]).astype(np.uint8)
    below = np.s_[133:137, 90:103, 0]
    assert (lab(crop)[below] - lab(tired)[below]).mean() > 8
    drawn, plain = (lab(one) for one in (draw(tired, mesh, look), plain_drawing("pale", look)))
    shown = np.abs(plain - drawn)[128:150, 76:180, 0]
    assert np.percentile(shown, 95) < 5


@pytest.mark.parametrize("look", ["cel", "anime"])
def test_a_moustache_stays_whole(look: str) -> None:
    crop, mesh = face(SKINS["pale"])
    bare = lab(plain_drawing("pale", look))
    cv2.ellipse(crop, (128, 178), (30, 9), 0, 0, 360, (104, 92, 86), -1, cv2.LINE_AA)
    grown = lab(draw(crop, mesh, look))
    along = np.s_[176:181, 110:147, 0]
    assert (bare[along] - grown[along]).mean(0).min() > 15
    assert grown[along].mean(0).std() < 4  # in one tone


def test_lines_amid_light_hair_are_its_own_deeper_tone_and_around_it_nearly_ink() -> None:
    paper = np.full((80, 80, 3), (20.0, 0.0, -20.0), np.float32)
    paper[:, :40] = (80.0, 8.0, 40.0)
    line = ink_over(paper, 0.2)
    np.testing.assert_allclose(line[:, :20], np.broadcast_to([40.0, 8.0, 40.0], (80, 20, 3)), atol=0.5)
    light, a, b = line[40, 38]
    assert light < 0.3 * 80
    assert np.hypot(a, b) < 0.8 * np.hypot(8, 40)


@pytest.mark.parametrize("look", ["cel", "anime"])
def test_lips_gain_what_the_skin_around_them_gains(look: str) -> None:
    crop, mesh = face(SKINS["pale"])
    dim = np.round(0.75 * crop).astype(np.uint8)
    lips, skin = np.s_[199:202, 118:138], np.s_[160:175, 70:100]
    photo, drawn = lab(dim), lab(draw(dim, mesh, look))
    gained = drawn[skin].mean((0, 1)) - photo[skin].mean((0, 1))
    assert gained[0] > 2
    assert drawn[lips].mean((0, 1))[0] - photo[lips].mean((0, 1))[0] > 0.4 * gained[0]
    assert drawn[lips].mean((0, 1))[1] > drawn[skin].mean((0, 1))[1] + 5


def test_teeth_tell_brown_skin_in_good_light_from_fair_skin_in_little() -> None:
    _, mesh = face(SKINS["pale"])
    dim = np.full((SIDE, SIDE), 60.0, np.float32)
    smiling = dim.copy()
    smiling[190:200, 110:146] = 92.0
    own = np.array([18.0, 15.0], np.float32)
    assert exposure(dim, mesh, 58.0, own) > 1.1
    assert exposure(smiling, mesh, 58.0, own) == 1.0


def test_a_grey_beard_is_one_and_a_pale_chin_is_none() -> None:
    crop, mesh = face(SKINS["pale"])
    mesh[2], mesh[152] = (128, 178), (128, 238)  # nose and chin, which the face of ellipses lacks
    mesh[JAW_LINE] = [(128 + 76 * np.cos(t), 138 + 98 * np.sin(t)) for t in np.linspace(np.pi, 0, len(JAW_LINE))]
    mesh[LIP + CHIN] = [(118, 184), (128, 184), (138, 184), (128, 214), (120, 222), (136, 222)]
    where = np.zeros((SIDE, SIDE, 1), np.float32)
    cv2.ellipse(where, (128, 200), (56, 32), 0, 0, 360, 1.0, -1, cv2.LINE_AA)
    where[186:206, 96:160] = 0
    where = cv2.GaussianBlur(where, (0, 0), 6)[..., None]
    random = np.random.default_rng(1)
    hair = 70 * cv2.GaussianBlur(random.normal(0, 1, (SIDE, SIDE)), (0, 0), 1.0)[..., None]
    noise = random.normal(0, 2, crop.shape)

    def seen(colour: tuple[int, int, int], texture: NDArray[np.float64] | float) -> Analysis:
        picture = (crop + where * (np.array(colour) + texture - crop) + noise).clip(0, 255).astype(np.uint8)
        return analyse(lab(picture), mesh, np.ones((SIDE, SIDE), np.float32))

    chin = np.s_[212:226, 104:152]
    beard, pale = seen((172, 172, 172), hair), seen((228, 196, 180), 0.0)
    assert beard.whiskers[chin].min() > 0.8
    assert beard.face[chin][..., 1].mean() < 3  # as grey as it is
    assert pale.whiskers[chin].max() < 0.1
