"""The teacher of the style `anime`: a modern anime film, in the person's own colours and light.

It is painted on a photo that was warped to anime's proportions before; painting itself moves nothing.
"""

import cv2
import numpy as np

from toonstream.faces.shape import Shape
from toonstream_train.drawing import toned_skin
from toonstream_train.drawing.anime.eyes import eyes
from toonstream_train.drawing.anime.face import blush, inked, nose
from toonstream_train.drawing.brows import brow
from toonstream_train.drawing.features import INK, mouth, paint
from toonstream_train.drawing.glasses import wires, worn
from toonstream_train.drawing.lines import dark_lines
from toonstream_train.drawing.seen import eyes_seen, mouth_trust
from toonstream_train.drawing.shapes import BROWS, MOUTH, Points, around
from toonstream_train.drawing.smoothing import Floats, blur, calm_neighbour, flow, smoothstep
from toonstream_train.drawing.tones import general_tones

SHAPE = Shape(eyes=(1.34, 1.75), apart=0.04, nose=(0.12, 0.20), mouth=(0.08, 0.0), jaw=0.09, chin=0.02)
VIVID = 0.25
"""More chroma, where there is not much already."""


def painted(photo: Floats, mesh: Points) -> Floats:
    """The drawing of a warped photo in LAB (CANVAS, CANVAS, 3) with its moved mesh (478, 2), in LAB."""
    trusts = eyes_seen(photo, mesh)
    contours = flow(photo, steps=4, length=2.2)
    combed = contours.along(photo, 3.0)
    calm = calm_neighbour(calm_neighbour(combed, 6), 5)
    skin = toned_skin.find(calm, mesh)

    paper = calm.copy()
    light = np.ascontiguousarray(calm[..., 0])
    paper[..., 0] += np.float32(0.45) * (general_tones(light) - light)
    chroma = cv2.magnitude(paper[..., 1].copy(), paper[..., 2].copy())
    paper[..., 1:] *= (1 + VIVID * (1 - smoothstep(chroma, 25.0, 70.0)))[..., None]
    tone = toned_skin.toned(skin, mesh, 3.0 * skin.contrast, 0.3)
    paint(paper, skin.where, toned_skin.relit(calm, combed, skin, mesh, tone, trusts, 1.28))
    blush(paper, skin, mesh)

    weight = combed[..., 0] - np.float32(0.3) * cv2.magnitude(combed[..., 1].copy(), combed[..., 2].copy())
    lines = dark_lines(weight, contours, np.float32(1.3) + np.float32(1.2 * skin.contrast) * skin.where)
    apart = toned_skin.features(mesh, light.shape, skin.width)
    paint(paper, 0.8 * lines * inked(skin.where, mesh, apart), paper * np.array([0.3, 0.8, 0.8], np.float32) + INK / 2)

    nose(paper, skin.where, mesh)
    rim = blur(photo, 0.8) - blur(photo, 4.5)
    rim[..., 0] *= np.where(rim[..., 0] < 0, np.float32(1.9), np.float32(0.5))
    paint(paper, wires(photo, contours, mesh, skin.lit, max(worn(photo, mesh), 0.3)), paper + rim)
    eyes(paper, blur(photo, 1.0), mesh, trusts)
    for side in (0, 1):
        window, origin = around(mesh[BROWS[side]])
        crisp = calm_neighbour(photo[window], 2)
        brow(paper[window], crisp, skin.form[window], skin.where[window], mesh - origin, side, trusts[side])
    window, origin = around(mesh[MOUTH])
    crisp = calm_neighbour(photo[window], 2)
    trust = mouth_trust(crisp, mesh - origin, skin.where[window], lines[window])
    mouth(paper[window], crisp, mesh - origin, trust)
    return paper
