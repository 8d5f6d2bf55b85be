"""Who is drawn where there are more faces than wanted."""

import numpy as np
import pytest

from toonstream.faces.face import Face
from toonstream.faces.pick import PATIENCE_SECONDS, Pick

STEP = 0.1
LONG = round(PATIENCE_SECONDS / STEP)


def picked(pick: Pick, frames: list[str]) -> list[str]:
    """Who is picked of each frame, where people have letters, the largest first."""
    faces = {name: Face(ord(name), np.zeros((478, 2), np.float32)) for name in "ABC"}
    return ["".join(chr(face.identity) for face in pick([faces[name] for name in frame], STEP)) for frame in frames]


def test_all():
    assert picked(Pick(None), ["AB", "", "BCA"]) == ["AB", "", "BCA"]


def test_the_largest_stays_though_another_becomes_larger():
    assert picked(Pick(1), ["AB", "BA", "CBA"]) == ["A", "A", "A"]
    assert picked(Pick(2), ["AB", "CBA", "CAB"]) == ["AB", "BA", "AB"]


def test_a_place_is_kept_for_a_while():
    gone = picked(Pick(1), ["A", *["B"] * (LONG - 1), "BA"])
    assert gone == ["A", *[""] * (LONG - 1), "A"]


def test_who_is_gone_for_good_makes_room_for_the_largest():
    gone = picked(Pick(1), ["A", *["CB"] * (LONG + 1), "BCA"])
    assert gone[: LONG - 1] == ["A", *[""] * (LONG - 2)]
    assert gone[-2:] == ["C", "C"]


def test_another_scene_has_other_people():
    pick = Pick(1)
    assert picked(pick, ["AB"]) == ["A"]
    pick.cut()
    assert picked(pick, ["CB", "AC"]) == ["C", "C"]
    pick.cut()
    assert picked(pick, ["AC"]) == ["C"]  # she is in both


@pytest.mark.parametrize("most", [0, -1, 2.0, False])
def test_numbers_that_cannot_be(most):
    with pytest.raises(ValueError, match=f"faces={most}: a whole number from 1, or None"):
        Pick(most)


def test_numbers_of_any_library():
    assert picked(Pick(np.int64(1)), ["AB"]) == ["A"]
