"""The teacher of the style `film`: the look of an animated film, in the person's own colours and light.

It is painted on a photo that was warped to the film's proportions before; painting itself moves nothing.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES, MOUTH
from toonstream.faces.shape import Shape
from toonstream_train.drawing.common.analysis import analyse
from toonstream_train.drawing.common.lines import across
from toonstream_train.drawing.common.lit_skin import base_tone
from toonstream_train.drawing.common.painting import paint
from toonstream_train.drawing.common.seen import mouth_trust
from toonstream_train.drawing.common.shapes import around
from toonstream_train.drawing.common.smoothing import Floats, blur, calm_neighbour, smoothstep
from toonstream_train.drawing.features.brows import brow
from toonstream_train.drawing.teachers.film.eyes import crease, eye, shared, socket
from toonstream_train.drawing.teachers.film.hair import head, locks
from toonstream_train.drawing.teachers.film.mouth import mouth

SHAPE = Shape(eyes=(1.36, 1.58), apart=0.045, brows=0.07, nose=(0.09, 0.24), mouth=(0.0, 0.0), jaw=0.10, chin=0.04)
VIVID = 0.14
"""More chroma off the skin, where there is not much already."""


def painted(photo: Floats, mesh: NDArray[np.float32], person: Floats) -> Floats:
    """The painting of a warped photo in LAB (CANVAS, CANVAS, 3) with its moved mesh (478, 2): skin and hair, features.

    person: (CANVAS, CANVAS), where it is, 0 to 1. Returns (CANVAS, CANVAS, 3) in LAB; everything lies where the warped
    photo has it.
    """
    seen = analyse(photo, mesh, person)
    trusts, photo, combed, skin, wire = seen.eyes, seen.photo, seen.combed, seen.skin, seen.wire
    paper, bare = seen.face, skin.where * (1 - wire)
    paint(paper, 1 - bare, locks(combed, seen.contours))

    crisp, smooth = calm_neighbour(photo, 2), blur(photo, 1.0)
    broad = blur(photo, 4.5)
    look = shared(smooth, mesh, base_tone(smooth[..., 0], skin), trusts)
    for side in (0, 1):
        window, origin = around(mesh[EYES[side]], 60)
        socket(paper[window], photo[window], mesh - origin, side, trusts[side])
        crease(paper[window], smooth[window], mesh - origin, side, trusts[side])
    paint(paper, wire, crisp + np.float32(0.7) * (crisp - broad))
    for side in (0, 1):
        window, origin = around(mesh[BROWS[side]])
        brow(paper[window], crisp[window], skin.form[window], bare[window], mesh - origin, side, trusts[side])
        window, origin = around(mesh[EYES[side]])
        eye(paper[window], smooth[window], mesh - origin, side, look, trusts[side])
    window, origin = around(mesh[MOUTH])
    found = across(blur(photo[..., 0], 0.8), seen.contours, 1.3)
    trust = mouth_trust(crisp[window], mesh - origin, skin.where[window], found[window])
    mouth(paper[window], crisp[window], mesh - origin, trust)

    chroma = cv2.magnitude(paper[..., 1].copy(), paper[..., 2].copy())
    paper[..., 1:] *= (1 + VIVID * (1 - smoothstep(chroma, 25.0, 60.0)) * (1 - bare))[..., None]
    mild: Floats = photo + np.float32(0.5) * (combed - photo)
    paint(mild, head(mesh, (photo.shape[0], photo.shape[1])), paper)
    return mild
