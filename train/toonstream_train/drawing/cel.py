"""The teacher of the style `cel`: a comic of the person true to life, in flat calm tones and even ink."""

import cv2
import numpy as np

from toonstream.faces.shape import Shape
from toonstream_train.drawing import toned_skin
from toonstream_train.drawing.brows import brow
from toonstream_train.drawing.features import INK, eye, mouth, paint
from toonstream_train.drawing.glasses import wires, worn
from toonstream_train.drawing.lines import dark_lines
from toonstream_train.drawing.seen import eyes_seen, mouth_trust
from toonstream_train.drawing.shapes import BROWS, EYES, MOUTH, Points, around
from toonstream_train.drawing.smoothing import Floats, blur, calm_neighbour, flow, smoothstep
from toonstream_train.drawing.tones import general_tones

SHAPE = Shape()
"""The person's own proportions."""
VIVID = 0.2
"""More chroma, where there is not much already."""


def painted(photo: Floats, mesh: Points) -> Floats:
    """The drawing of a photo in LAB (CANVAS, CANVAS, 3) with its mesh (478, 2), in LAB: tones, ink, then the features."""
    trusts = eyes_seen(photo, mesh)
    contours = flow(photo, steps=4, length=2.2)
    combed = contours.along(photo, 3.0)
    calm = calm_neighbour(calm_neighbour(combed, 5), 4)
    skin = toned_skin.find(calm, mesh)

    paper = calm.copy()
    paper[..., 0] = general_tones(np.ascontiguousarray(calm[..., 0]))
    chroma = cv2.magnitude(paper[..., 1].copy(), paper[..., 2].copy())
    paper[..., 1:] *= (1 + VIVID * (1 - smoothstep(chroma, 25.0, 70.0)))[..., None]
    tone = toned_skin.toned(skin, mesh, 1.2 * skin.contrast, 0.12)
    paint(paper, skin.where, toned_skin.relit(calm, combed, skin, mesh, tone, trusts, 1.2))

    weight = combed[..., 0] - np.float32(0.3) * cv2.magnitude(combed[..., 1].copy(), combed[..., 2].copy())
    lines = dark_lines(weight, contours, np.float32(1.2) + np.float32(2.3 * skin.contrast) * skin.where)
    apart = toned_skin.features(mesh, tone.shape, skin.width)
    paint(paper, 0.9 * lines * (1 - apart), paper * np.array([0.16, 0.5, 0.5], np.float32) + INK / 3)

    rim = blur(photo, 0.8) - blur(photo, 4.5)
    rim[..., 0] *= np.where(rim[..., 0] < 0, np.float32(1.9), np.float32(0.5))
    paint(paper, wires(photo, contours, mesh, skin.lit, max(worn(photo, mesh), 0.3)), paper + rim)
    for side in (0, 1):
        window, origin = around(mesh[BROWS[side]])
        crisp = calm_neighbour(photo[window], 2)
        brow(paper[window], crisp, skin.form[window], skin.where[window], mesh - origin, side, trusts[side])
        window, origin = around(mesh[EYES[side]])
        eye(paper[window], blur(photo[window], 1.0), mesh - origin, side, trusts[side])
    window, origin = around(mesh[MOUTH])
    crisp = calm_neighbour(photo[window], 2)
    mouth(paper[window], crisp, mesh - origin, mouth_trust(crisp, mesh - origin, skin.where[window], lines[window]))
    return paper
