"""Eyes that are closed on a photo, for the teacher to draw."""

from pathlib import Path

import numpy as np
from support.drawn_face import CLOSED, EYE_CENTRES, SKINS, face
from support.drawn_pack import drawn_pack
from toonstream_train.commands import main
from toonstream_train.data import pack
from toonstream_train.drawing.features.lids import blinked

from toonstream.faces.mesh import BROWS, EYES, LOWER_LIDS, MOUTH, UPPER_LIDS


def test_lids_come_down_and_nothing_else_moves() -> None:
    crop, mesh = face(SKINS["brown"])
    shut, lids = blinked(crop, mesh, 1.0)
    for side in (0, 1):
        np.testing.assert_allclose(lids[LOWER_LIDS[side]], mesh[LOWER_LIDS[side]], atol=1e-3)
        np.testing.assert_allclose(lids[BROWS[side]], mesh[BROWS[side]], atol=0.5)
        before, after = (np.ptp(points[EYES[side], 1]) for points in (mesh, lids))
        assert after < 0.6 * before
    np.testing.assert_array_equal(lids[MOUTH], mesh[MOUTH])
    np.testing.assert_array_equal(shut[140:], crop[140:])
    for x, y in EYE_CENTRES:
        eye = np.s_[int(y) - 3 : int(y) + 3, int(x) - 4 : int(x) + 5]
        assert (
            np.abs(shut[eye].astype(int) - SKINS["brown"]).mean()
            < 0.3 * np.abs(crop[eye].astype(int) - SKINS["brown"]).mean()
        )


def test_lids_stay_where_they_come_down_by_nothing() -> None:
    crop, mesh = face(SKINS["brown"])
    same, lids = blinked(crop, mesh, 0.0)
    np.testing.assert_allclose(lids, mesh, atol=1e-3)
    np.testing.assert_array_equal(same, crop)


def test_half_way_the_lid_is_half_way() -> None:
    crop, mesh = face(SKINS["brown"])
    _, lids = blinked(crop, mesh, 0.5)
    for side in (0, 1):
        middle = UPPER_LIDS[side][4]
        opening = mesh[LOWER_LIDS[side][4], 1] - mesh[middle, 1]
        np.testing.assert_allclose(lids[middle, 1] - mesh[middle, 1], 0.5 * opening, rtol=0.1)


def test_those_who_blink_are_drawn_besides(tmp_path: Path) -> None:
    """A pack of one face, and one whose eyes are closed already: the first comes once more."""
    photos = drawn_pack(open=face(SKINS["brown"]), closed=face(SKINS["brown"], CLOSED))
    pack.save(photos, tmp_path / "photos.pack")
    command = ["draw", str(tmp_path / "photos.pack"), "--look", "anime", "--blinks", "5", "--workers", "1"]
    assert main(command) == 2  # more crops than before: they need another pack
    assert main([*command, "--out", str(tmp_path / "drawn.pack")]) == 0
    drawn = pack.load(tmp_path / "drawn.pack")
    assert drawn.names == ["open.png", "closed.png", "blink/open.png"]
    assert drawn.drawings is not None
    opened, again = ((drawn.drawings[i, 224:268:2, 156:228:2, 2].astype(int)) for i in (0, 2))
    assert (opened > 140).sum() > 20 > (again > 140).sum()  # blue irises, and lids
