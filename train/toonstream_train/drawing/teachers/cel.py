"""The teacher of the style `cel`: a comic of the person true to life, in flat calm tones and even ink."""

import numpy as np

from toonstream.faces.mesh import BROWS, EYES, MOUTH
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
from toonstream_train.drawing.features.inked import eye, mouth
from toonstream_train.drawing.features.sockets import sockets

SHAPE = Shape(eyes=(1.2, 1.42), brows=0.06, jaw=0.03)
"""The person's own proportions, with eyes that carry a drawing."""
SOCKETS = 0.7
"""How far the shadows around the eyes go."""
LIPS = 0.85
"""How much their own colour shows."""


def painted(photo: Floats, mesh: Points, person: Floats) -> Floats:
    """The drawing of a photo in LAB (CANVAS, CANVAS, 3) with its mesh (478, 2), in LAB: tones, ink, features.

    person: (CANVAS, CANVAS), where it is, 0 to 1.
    """
    seen = analyse(photo, mesh, person)
    photo, skin, contrast = seen.photo, seen.skin, np.float32(seen.skin.contrast)
    paper = flat_tones(seen, mesh, 0.7)
    bare = sockets(paper, seen, mesh, SOCKETS)

    lines, found = dark_lines(seen.combed, seen.contours, np.float32(1.3) + 3.6 * contrast * skin.where)
    cover = 0.85 * lines * (1 - seen.whiskers) * (1 - bare) * (1 - around_features(mesh, lines.shape))
    paint(paper, cover, ink_over(paper, 0.2))

    if seen.glasses > 0.5:
        frames(paper, photo, mesh, seen.contours, skin.contrast)
    for side in (0, 1):
        trust = seen.drawn[side]
        window, origin = around(mesh[BROWS[side]])
        crisp = calm_neighbour(photo[window], 2)
        brow(paper[window], crisp, skin.form[window], skin.where[window], mesh - origin, side, trust)
        window, origin = around(mesh[EYES[side]])
        eye(paper[window], blur(photo[window], 1.0), mesh - origin, side, trust, whitest(seen.base))
    window, origin = around(mesh[MOUTH])
    crisp = calm_neighbour(photo[window], 2)
    trust = mouth_trust(crisp, mesh - origin, skin.where[window], found[window])
    mouth(paper[window], crisp, mesh - origin, trust, LIPS)
    return paper
