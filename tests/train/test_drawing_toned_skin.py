"""Skin in calm tones, which `cel` and `anime` share: as light as where the light falls, and what lies on it stays."""

import cv2
import numpy as np
import pytest
from support.drawn_face import EYE_CENTRES, SIDE, SKINS, face, lab
from toonstream_train.drawing import draw
from toonstream_train.drawing.common.toned_skin import find, healthy


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


def test_skin_that_shines_is_not_painted_in_the_colour_of_its_shine() -> None:
    crop, mesh = face(SKINS["dark"])
    lamp = cv2.circle(np.zeros((SIDE, SIDE), np.float32), (96, 130), 52, 1.0, -1)
    shining = crop + 80 * cv2.GaussianBlur(lamp, (0, 0), 12)[..., None]
    skin = find(lab(shining.clip(0, 255).astype(np.uint8)), mesh)
    assert skin.lit > find(lab(crop), mesh).lit + 8
    assert skin.base < skin.lit - 2


def test_the_rims_of_glasses_stay() -> None:
    crop, mesh = face(SKINS["pale"])
    bare = lab(draw(crop, mesh, "cel"))
    for x, y in EYE_CENTRES:
        cv2.ellipse(crop, (round(x), round(y) + 2), (27, 20), 0, 0, 360, (60, 60, 66), 1, cv2.LINE_AA)
    drawn = lab(draw(crop, mesh, "cel"))
    for x, y in EYE_CENTRES:
        below = np.s_[round(y) + 20 : round(y) + 25, round(x) - 6 : round(x) + 7, 0]
        assert (bare[below] - drawn[below]).max(0).min() > 12
