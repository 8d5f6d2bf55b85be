"""The look `film`: what moves, what stays, and what must not be drawn."""

import cv2
import numpy as np
import pytest
from support.drawn_face import EYE_CENTRES, SIDE, SKINS, face, lab
from toonstream_train.drawing import LOOKS, draw
from toonstream_train.drawing.common import analysis, glasses
from toonstream_train.drawing.common.lit_skin import lit_tone
from toonstream_train.drawing.common.shapes import CANVAS
from toonstream_train.drawing.common.smoothing import flow
from toonstream_train.drawing.teachers.film import SHAPE

from toonstream.faces.mesh import EYES, JAW
from toonstream.faces.shape import displacements, moved


def test_eyes_grow_by_a_third_and_the_jaw_slims() -> None:
    mesh = 2 * face(SKINS["pale"])[1]
    there = moved(mesh, displacements(mesh, SHAPE, CANVAS), CANVAS)
    for outline in EYES:
        low, high = mesh[outline].min(0), mesh[outline].max(0)
        grown = np.ptp(there[outline], axis=0) / (high - low)
        assert 1.1 < grown[0] < 1.4
        assert 1.3 < grown[1] < 1.75
    assert np.ptp(there[JAW[4:-4], 0]) < 0.95 * np.ptp(mesh[JAW[4:-4], 0])


def test_nothing_is_drawn_on_dark_glasses() -> None:
    crop, mesh = face(SKINS["pale"])
    for x in (96, 160):
        cv2.ellipse(crop, (x, 124), (27, 20), 0, 0, 360, (22, 20, 20), -1, cv2.LINE_AA)
    drawn = draw(crop, mesh, "film")
    for x in (96, 160):
        assert drawn[116:132, x - 12 : x + 12].max() < 45


def test_glasses_are_known_by_their_bridge_and_their_arms() -> None:
    bare, mesh = face(SKINS["pale"])
    # The ridge of the nose, which the face of ellipses lacks.
    mesh[[9, 8, 168, 6, 197, 195]] = [(128, y) for y in (100, 107, 116, 126, 138, 148)]
    bridge, temples = [((108, 122), (148, 122))], [((40, 122), (80, 122)), ((176, 122), (216, 122))]
    for lines, expected in (([], 0.0), (bridge, 0.0), (temples, 0.0), (bridge + temples, 1.0)):
        crop = bare.copy()
        for start, end in lines:
            cv2.line(crop, start, end, (60, 60, 60), 2, cv2.LINE_AA)
        big = cv2.resize(crop, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
        lab = cv2.cvtColor(big, cv2.COLOR_RGB2LAB)
        sure = glasses.worn(lab, 2 * mesh)
        assert sure == pytest.approx(expected, abs=0.1)
        found = glasses.wires(lab, flow(lab), 2 * mesh, 60, sure)
        assert bool(found[240:248, 250:262].max() > 0.5) is bool(expected)


def test_the_rims_of_wire_glasses_stay_below_the_eyes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # The face of ellipses has no root of the nose that a bridge could cross.
    monkeypatch.setattr(analysis, "worn", lambda photo, mesh: 1.0)
    crop, mesh = face(SKINS["pale"])
    rims = np.zeros(crop.shape[:2], np.uint8)
    for x in (96, 160):
        cv2.ellipse(rims, (x, 124), (26, 22), 0, 0, 360, 255, 1, cv2.LINE_AA)
    wearing = (crop * (1 - 0.2 * rims[..., None] / 255)).astype(np.uint8)
    below = rims > 200
    below[:136] = False
    for look in LOOKS:
        bare, drawn = (lab(draw(one, mesh, look))[..., 0] for one in (crop, wearing))
        moved = cv2.dilate((drawn < bare - 4).astype(np.uint8), np.ones((11, 11), np.uint8))  # the look bends the face
        assert moved[below].mean() > 0.8, look


def test_the_background_stays() -> None:
    crop, mesh = face(SKINS["brown"])
    stripes = np.where(np.arange(SIDE) // 8 % 2, 90, 160).astype(np.uint8)
    crop[:, :12] = stripes[:, None, None]
    drawn = draw(crop, mesh, "film")[:60, 2:8].astype(float)
    assert np.abs(drawn - crop[:60, 2:8]).mean() < 3


def test_lit_skin_lifts_shadows_but_keeps_their_order_and_the_night() -> None:
    form = np.linspace(2, 95, 200, dtype=np.float32)
    lit = lit_tone(form, 60.0)
    assert np.diff(lit).min() > 0
    assert lit[np.searchsorted(form, 48)] > 51
    assert abs(lit[0] - form[0]) < 0.5


def test_a_shadow_on_the_face_becomes_softer() -> None:
    crop, mesh = face(SKINS["pale"])
    shaded = crop * np.where(np.arange(SIDE) < 116, 0.75, 1.0)[None, :, None]
    soft = cv2.GaussianBlur(shaded, (0, 0), 6).round().astype(np.uint8)
    pictures = [lab(picture)[150:164, :, 0] for picture in (soft, draw(soft, mesh, "film"))]
    steps = [picture[:, 150:180].mean() - picture[:, 74:90].mean() for picture in pictures]
    assert 0.3 * steps[0] < steps[1] < 0.85 * steps[0]


def test_both_eyes_have_one_colour() -> None:
    crop, mesh = face(SKINS["pale"])
    left = crop[114:131, 88:105]
    left[(left[..., 2] > 150) & (left[..., 0] < 100)] = (60, 60, 64)
    drawn = lab(draw(crop, mesh, "film"))
    tints = [drawn[int(b) - 8 : int(b) + 9, int(a) - 10 : int(a) + 11, 2].min() for a, b in EYE_CENTRES]
    assert abs(tints[0] - tints[1]) < 4
