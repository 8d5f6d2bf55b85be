"""The teacher of the style `cel`: a comic of the person true to life, in flat calm tones and even ink."""

import cv2
import numpy as np

from toonstream.faces.mesh import BROWS, EYES, MOUTH
from toonstream.faces.shape import Shape
from toonstream_train.drawing.common import toned_skin
from toonstream_train.drawing.common.analysis import analyse
from toonstream_train.drawing.common.frames import frames
from toonstream_train.drawing.common.lines import dark_lines
from toonstream_train.drawing.common.painting import INK, paint
from toonstream_train.drawing.common.seen import mouth_trust
from toonstream_train.drawing.common.shapes import Points, around
from toonstream_train.drawing.common.smoothing import Floats, blur, calm_neighbour
from toonstream_train.drawing.common.tones import masses
from toonstream_train.drawing.features.brows import brow
from toonstream_train.drawing.features.inked import eye, mouth

SHAPE = Shape(eyes=(1.14, 1.26), jaw=0.03)
"""The person's own proportions, with eyes that carry a drawing."""
VIVID = 0.2
"""More chroma, where there is not much already."""
LIPS = 0.75
"""How much their own colour shows."""


def painted(photo: Floats, mesh: Points) -> Floats:
    """The drawing of a photo in LAB (CANVAS, CANVAS, 3) with its mesh (478, 2), in LAB: tones, ink, features."""
    seen = analyse(photo, mesh, (5, 4))
    trusts, combed, calm, skin = seen.trusts, seen.combed, seen.calm, seen.skin

    paper = masses(calm, 0.9, VIVID)
    tone = toned_skin.toned(skin, mesh, 5.0 * skin.contrast, 0.3)
    paint(paper, skin.where, toned_skin.relit(calm, combed, skin, mesh, tone, trusts, 1.1))

    weight = combed[..., 0] - np.float32(0.3) * cv2.magnitude(combed[..., 1].copy(), combed[..., 2].copy())
    lines, found = dark_lines(weight, seen.contours, np.float32(1.2) + np.float32(3.6 * skin.contrast) * skin.where)
    apart = toned_skin.features(mesh, tone.shape, skin.width)
    paint(paper, 0.9 * lines * (1 - apart), paper * np.array([0.16, 0.5, 0.5], np.float32) + INK / 3)

    frames(paper, photo, mesh, seen.contours, skin.contrast)
    for side in (0, 1):
        window, origin = around(mesh[BROWS[side]])
        crisp = calm_neighbour(photo[window], 2)
        brow(paper[window], crisp, skin.form[window], skin.where[window], mesh - origin, side, trusts[side])
        window, origin = around(mesh[EYES[side]])
        eye(paper[window], blur(photo[window], 1.0), mesh - origin, side, trusts[side])
    window, origin = around(mesh[MOUTH])
    crisp = calm_neighbour(photo[window], 2)
    trust = mouth_trust(crisp, mesh - origin, skin.where[window], found[window])
    mouth(paper[window], crisp, mesh - origin, trust, LIPS)
    return paper
