"""Hair is told from skin by the colours around the face."""

import numpy as np
import pytest
from support.drawn_face import around
from toonstream_train.drawing.common.hair import CHEEKS, hair
from toonstream_train.drawing.common.shapes import fill

from toonstream.faces.mesh import BROWS, EYES, MOUTH, OVAL

SIDE = 256
SKIN = (60.0, 14.0, 13.0)
HEAD, FACE = ((128, 125), (100, 118)), ((128, 140), (72, 96))


def mesh() -> np.ndarray:
    points = np.full((478, 2), 140.0, np.float32)
    points[OVAL] = around(*FACE, len(OVAL))
    points[CHEEKS] = around((128, 150), (60, 34), len(CHEEKS))[::-1]
    for x, eye, brow in zip((98, 158), EYES, BROWS, strict=True):
        points[eye], points[brow] = around((x, 124), (15, 5), len(eye)), around((x, 106), (16, 4), len(brow))
    points[MOUTH] = around((128, 196), (24, 6), len(MOUTH))
    points[[10, 152, 13, 1]] = (128, 44), (128, 236), (128, 196), (128, 165)
    points[[234, 454]] = (56, 140), (200, 140)
    return points


def picture(colour: tuple[float, float, float], fringe: int) -> tuple[np.ndarray, np.ndarray]:
    """A head in LAB with hair of that colour around the face and over the upper `fringe` rows, and where it is."""
    head, face = (fill(around(*shape, 60), (SIDE, SIDE)) for shape in (HEAD, FACE))
    face[:fringe] = 0
    out = np.full((SIDE, SIDE, 3), (80.0, -5.0, 10.0), np.float32)
    for cover, tone in ((head, colour), (face, SKIN)):
        out += cover[..., None] * (np.array(tone, np.float32) - out)
    return out, head


@pytest.mark.parametrize("colour", [(31.0, 10.0, 8.0), (45.0, 8.0, 24.0)], ids=("brown", "fair"))
def test_a_fringe_has_the_colours_of_the_hair(colour: tuple[float, float, float]) -> None:
    found = hair(*picture(colour, 80), mesh())
    assert found[58:72, 110:146].min() > 0.9
    assert found[92:100, 120:136].max() < 0.1
    assert found[140:160, 70:186].max() < 0.1  # cheeks


def test_a_bald_head_has_none() -> None:
    pale = hair(*picture((66.0, 14.0, 13.0), 0), mesh())
    shadow = hair(*picture((47.0, 12.0, 11.0), 0), mesh())
    assert max(pale.max(), shadow.max()) < 0.1


def test_shine_on_a_forehead_is_none() -> None:
    lit, person = picture((24.0, 6.0, 6.0), 56)
    spot = fill(around((128, 76), (16, 9), 30), (SIDE, SIDE))[..., None]
    lit += spot * (np.array((86.0, 2.0, 0.0), np.float32) - lit)
    assert hair(lit, person, mesh())[72:80, 120:136].max() < 0.1
