"""The look `anime`: what moves, what is flat, and what a person keeps."""

import cv2
import numpy as np
from support.drawn_face import EYE_CENTRES, SKINS, face, lab
from support.plain_drawing import plain_drawing
from toonstream_train.drawing import draw
from toonstream_train.drawing.common.shapes import CANVAS
from toonstream_train.drawing.teachers.anime import SHAPE

from toonstream.faces.mesh import EYES, MOUTH
from toonstream.faces.shape import displacements, moved


def test_eyes_grow_tall_and_the_mouth_shrinks() -> None:
    mesh = 2 * face(SKINS["pale"])[1]
    there = moved(mesh, displacements(mesh, SHAPE, CANVAS), CANVAS)
    for outline in EYES:
        wide, tall = np.ptp(there[outline], axis=0) / np.ptp(mesh[outline], axis=0)
        assert 1.1 < wide < 1.6
        assert 1.4 < tall < 2.2
    assert np.ptp(there[MOUTH, 0]) < 0.96 * np.ptp(mesh[MOUTH, 0])


def test_skin_has_one_light_tone_and_one_shadow() -> None:
    crop, mesh = face(SKINS["pale"])
    shaded = crop.astype(np.float32) * np.where(np.arange(256) < 100, 0.62, 1.0)[None, :, None]
    soft = cv2.GaussianBlur(shaded, (0, 0), 6).round().astype(np.uint8)
    cheek = lab(draw(soft, mesh, "anime"))[150:164, 68:190]
    light, shadow = cheek[:, 56:].reshape(-1, 3), cheek[:, :10].reshape(-1, 3)
    assert max(light[:, 0].std(), shadow[:, 0].std()) < 1
    assert 5 < light[:, 0].mean() - shadow[:, 0].mean() < 30
    assert shadow[:, 1].mean() / shadow[:, 0].mean() > light[:, 1].mean() / light[:, 0].mean()


def test_irises_shine_from_below() -> None:
    drawn = lab(plain_drawing("pale", "anime"))
    for x, y in EYE_CENTRES:
        eye = drawn[int(y) - 14 : int(y) + 15, int(x) - 14 : int(x) + 15]
        rows, _ = np.nonzero(eye[..., 2] < -25)
        light = eye[..., 0][eye[..., 2] < -25]
        assert light[rows > np.median(rows) + 4].mean() > light[rows < np.median(rows) - 4].mean() + 8


def test_catch_lights_stand_on_one_side_in_both_eyes() -> None:
    drawn = lab(plain_drawing("pale", "anime"))[..., 0]
    for x, y in EYE_CENTRES:
        iris = drawn[int(y) - 8 : int(y) + 6, int(x) - 6 : int(x) + 7]
        assert iris[:, :6].max() > 95
        assert (iris[:, :6] > 80).sum() > 2 * (iris[:, 7:] > 80).sum()  # there is a small one, too


def test_a_beard_stays() -> None:
    crop, mesh = face(SKINS["pale"])
    mesh[2], mesh[152] = (128, 178), (128, 238)  # nose and chin, which the face of ellipses lacks
    cv2.ellipse(crop, (128, 222), (40, 13), 0, 0, 360, (52, 44, 40), -1, cv2.LINE_AA)
    assert lab(draw(crop, mesh, "anime"))[218:226, 112:144, 0].max() < 35


def test_a_shadow_narrower_than_a_tenth_of_the_face_is_left_out() -> None:
    crop, mesh = face(SKINS["dark"])
    spot = cv2.circle(np.zeros((256, 256), np.float32), (90, 165), 7, 1.0, -1, cv2.LINE_AA)
    dimmed = crop * (1 - 0.4 * cv2.GaussianBlur(spot, (0, 0), 3))[..., None]
    there = np.s_[160:171, 85:96, 0]
    drawn = draw(dimmed.astype(np.uint8), mesh, "anime")
    flat, spotted = (lab(picture)[there].mean() for picture in (plain_drawing("dark", "anime"), drawn))
    assert abs(flat - spotted) < 4.5  # where the photo is 10 darker
