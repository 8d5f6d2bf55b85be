"""The drawing teacher on a face made of ellipses: what it must keep, whatever its style becomes."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from train.drawing import LOOKS, draw
from train.drawing.shapes import BROWS, IRISES, LOWER_LIDS, MOUTH, OVAL, UPPER_LIDS

SIDE = 256
SKINS = {"pale": (224, 178, 158), "brown": (150, 100, 78), "dark": (88, 58, 46)}
EYE_CENTRES = ((96.0, 122.0), (160.0, 122.0))
OPEN, CLOSED = 8.0, 0.0


def around(centre: tuple[float, float], radii: tuple[float, float], count: int) -> NDArray[np.float32]:
    """`count` points of an ellipse, clockwise from its top."""
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([centre[0] + radii[0] * np.sin(angle), centre[1] - radii[1] * np.cos(angle)], 1).astype(np.float32)


def face(skin: tuple[int, int, int], lids: float = OPEN) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A face of ellipses, (256, 256, 3), and its mesh (478, 2); `lids` is half the height of its eyes."""
    big = np.full((2 * SIDE, 2 * SIDE, 3), (90, 120, 170), np.uint8)

    def blob(centre: tuple[float, float], radii: tuple[float, float], colour: tuple[float, ...]) -> None:
        fixed = [round(32 * (value - 0.25)) for value in centre]
        cv2.ellipse(big, fixed, [round(32 * value) for value in radii], 0, 0, 360, colour, -1, cv2.LINE_AA, 4)

    blob((128, 120), (92, 112), (60, 40, 30))
    blob((128, 138), (78, 100), skin)
    mesh = np.full((478, 2), 138.0, np.float32)
    mesh[OVAL] = around((128, 138), (78, 100), len(OVAL))
    mesh[MOUTH] = np.roll(around((128, 196), (28, 8), len(MOUTH)), 5, axis=0)
    for centre, upper, lower, iris, brow in zip(EYE_CENTRES, UPPER_LIDS, LOWER_LIDS, IRISES, BROWS, strict=True):
        out = -1.0 if centre[0] < 128 else 1.0
        t = np.linspace(out, -out, 9)
        arch = np.sqrt(np.maximum(1 - t * t, 0))
        mesh[upper] = np.stack([centre[0] + 18 * t, centre[1] - lids * arch], 1)
        mesh[lower] = np.stack([centre[0] + 18 * t, centre[1] + lids * arch], 1)
        mesh[iris] = [centre, *((centre[0] + 7 * x, centre[1] + 7 * y) for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1)))]
        mesh[brow] = around((centre[0], 98), (20, 4), len(brow))
        blob((centre[0], 98), (20, 4), (50, 34, 26))
        if lids:
            blob(centre, (18, lids), (235, 232, 230))
            blob(centre, (7, 7), (40, 90, 190))
        else:
            blob(centre, (18, 1), (50, 34, 26))
    blob((128, 196), (28, 8), (170, 70, 75))
    inner = around((128, 196), (24, 0.2), 20)
    mesh[[13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78, 191, 80, 81, 82]] = inner
    return cv2.resize(big, (SIDE, SIDE), interpolation=cv2.INTER_AREA), mesh


def lab(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The picture in LAB, L 0 to 100."""
    out: NDArray[np.float32] = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return out


@pytest.mark.parametrize("look", LOOKS)
def test_shape_type_and_determinism(look: str) -> None:
    crop, mesh = face(SKINS["brown"])
    before = crop.copy(), mesh.copy()
    first = draw(crop, mesh, look)
    assert first.shape == crop.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, draw(crop, mesh, look))
    np.testing.assert_array_equal(crop, before[0])
    np.testing.assert_array_equal(mesh, before[1])
    assert draw(crop, mesh, look, 128).shape == (128, 128, 3)


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
    cheeks = np.s_[140:180, 70:186]
    was, now = lab(crop)[cheeks].reshape(-1, 3).mean(0), lab(draw(crop, mesh, look))[cheeks].reshape(-1, 3).mean(0)
    assert abs(now[0] - was[0]) < 3
    hues = np.degrees(np.arctan2([was[2], now[2]], [was[1], now[1]]))
    assert abs(hues[0] - hues[1]) < 5
    assert 0.95 < np.hypot(*now[1:]) / np.hypot(*was[1:]) < 1.35


@pytest.mark.parametrize("look", LOOKS)
def test_open_eyes_have_irises_and_closed_ones_none(look: str) -> None:
    for lids, bluish in ((OPEN, True), (CLOSED, False)):
        crop, mesh = face(SKINS["pale"], lids)
        drawn = lab(draw(crop, mesh, look))
        for x, y in EYE_CENTRES:
            eye = drawn[int(y) - 9 : int(y) + 9, int(x) - 9 : int(x) + 9]
            assert bool((eye[..., 2] < -15).any()) is bluish


@pytest.mark.parametrize("look", LOOKS)
def test_noise_does_not_flip_tones(look: str) -> None:
    crop, mesh = face(SKINS["brown"])
    noise = np.random.default_rng(0).normal(0, 3, crop.shape)
    noisy = (crop + noise).clip(0, 255).round().astype(np.uint8)
    change = np.abs(draw(noisy, mesh, look).astype(float) - draw(crop, mesh, look)).mean()
    assert change < 0.6 * np.abs(noisy.astype(float) - crop).mean()


@pytest.mark.parametrize("look", LOOKS)
def test_moves_with_the_photo(look: str) -> None:
    crop, mesh = face(SKINS["pale"])
    moved = cv2.warpAffine(crop, np.array([[1.0, 0, 1], [0, 1, 0]]), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    there = draw(moved, mesh + np.array([1, 0], np.float32), look)
    difference = np.abs(there[:, 9:-8].astype(float) - draw(crop, mesh, look)[:, 8:-9])
    assert difference.mean() < 0.5
