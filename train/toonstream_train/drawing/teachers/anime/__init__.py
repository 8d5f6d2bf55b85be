"""The teacher of the style `anime`: a modern anime film, in the person's own colours and light.

It is painted on a photo that was warped to anime's proportions before; painting itself moves nothing.
"""

import numpy as np

from toonstream.faces.mesh import BROWS, MOUTH
from toonstream.faces.shape import Shape
from toonstream_train.drawing.common.analysis import analyse
from toonstream_train.drawing.common.flat_skin import around_features, flat_tones
from toonstream_train.drawing.common.frames import frames
from toonstream_train.drawing.common.lines import dark_lines, ink_over
from toonstream_train.drawing.common.painting import paint
from toonstream_train.drawing.common.seen import mouth_trust, whitest
from toonstream_train.drawing.common.shapes import Points, around
from toonstream_train.drawing.common.smoothing import Floats, blur, calm_neighbour
from toonstream_train.drawing.features.brows import brow
from toonstream_train.drawing.features.inked import mouth
from toonstream_train.drawing.features.sockets import sockets
from toonstream_train.drawing.teachers.anime.eyes import eyes
from toonstream_train.drawing.teachers.anime.face import blush, inked, nose

SHAPE = Shape(eyes=(1.5, 2.25), apart=0.075, brows=0.12, nose=(0.22, 0.38), mouth=(0.16, 0.04), jaw=0.15, chin=0.06)
LIPS = 0.65
"""How much their own colour shows."""
BROWS_THICK = 0.7
"""Of how thick the photo has them."""


def painted(photo: Floats, mesh: Points, person: Floats) -> Floats:
    """The drawing of a warped photo in LAB (CANVAS, CANVAS, 3) with its moved mesh (478, 2), in LAB.

    person: (CANVAS, CANVAS), where it is, 0 to 1.
    """
    seen = analyse(photo, mesh, person)
    photo, skin, contrast = seen.photo, seen.skin, np.float32(seen.skin.contrast)
    paper = flat_tones(seen, mesh, 0.45)
    bare = sockets(paper, seen, mesh)
    blush(paper, skin, mesh)

    lines, found = dark_lines(seen.combed, seen.contours, np.float32(1.3) + 1.2 * contrast * skin.where)
    cover = 0.8 * lines * (1 - seen.whiskers) * (1 - bare) * inked(skin.where, mesh, around_features(mesh, lines.shape))
    paint(paper, cover, ink_over(paper, 0.3))

    nose(paper, skin.where, mesh)
    if seen.glasses > 0.5:
        frames(paper, photo, mesh, seen.contours, skin.contrast)
    eyes(paper, blur(photo, 1.0), mesh, seen.drawn, whitest(seen.base))
    for side in (0, 1):
        window, origin = around(mesh[BROWS[side]])
        crisp = calm_neighbour(photo[window], 2)
        form, where = skin.form[window], skin.where[window]
        brow(paper[window], crisp, form, where, mesh - origin, side, seen.drawn[side], BROWS_THICK)
    window, origin = around(mesh[MOUTH])
    crisp = calm_neighbour(photo[window], 2)
    trust = mouth_trust(crisp, mesh - origin, skin.where[window], found[window])
    mouth(paper[window], crisp, mesh - origin, trust, LIPS)
    return paper
