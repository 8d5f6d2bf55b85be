"""The teacher of the style `anime`: a modern anime film, in the person's own colours and light.

The photo is first bent into anime's proportions; all that follows paints on it and moves nothing.
"""

import cv2
import numpy as np

from train.drawing import lit
from train.drawing.anime.eyes import eyes
from train.drawing.anime.face import blush, inked, nose
from train.drawing.brows import brow
from train.drawing.features import INK, mouth, paint
from train.drawing.glasses import wires, worn
from train.drawing.lines import across, ink, sensitivity
from train.drawing.seen import eyes_seen, mouth_trust
from train.drawing.shapes import BROWS, MOUTH, Points, around
from train.drawing.smoothing import Floats, blur, calm_neighbour, flow, smoothstep
from train.drawing.tones import general_tones
from train.drawing.warp import Proportions, moved, moves, warped

PROPORTIONS = Proportions(eyes=(1.34, 1.75), apart=0.04, nose=(0.12, 0.20), mouth=(0.08, 0.0), jaw=0.09, chin=0.02)
VIVID = 0.25
"""More chroma, where there is not much already."""


def drawn(lab: Floats, landmarks: Points) -> Floats:
    """The drawing of a photo in LAB (CANVAS, CANVAS, 3) with its mesh (478, 2)."""
    bend = moves(landmarks, eyes_seen(lab, landmarks), PROPORTIONS)
    return painted(warped(lab, bend), moved(landmarks, bend))


def painted(photo: Floats, mesh: Points) -> Floats:
    """The drawing of a photo in LAB (CANVAS, CANVAS, 3) that has anime's proportions already, as has its mesh."""
    trusts = eyes_seen(photo, mesh)
    contours = flow(photo, steps=6, length=1.8)
    combed = contours.along(photo, 3.0)
    calm = calm_neighbour(calm_neighbour(contours.along(combed, 5.0), 6), 5)
    skin = lit.find(calm, mesh)

    paper = calm.copy()
    light = np.ascontiguousarray(calm[..., 0])
    paper[..., 0] += np.float32(0.45) * (general_tones(light) - light)
    chroma = cv2.magnitude(paper[..., 1].copy(), paper[..., 2].copy())
    paper[..., 1:] *= (1 + VIVID * (1 - smoothstep(chroma, 25.0, 70.0)))[..., None]
    tone = lit.toned(skin, mesh, 3.0 * skin.contrast, 0.3)
    paint(paper, skin.where, lit.relit(calm, combed, skin, mesh, tone, trusts, 1.28))
    blush(paper, skin, mesh)

    need, wanted = sensitivity(mesh, skin.where, skin.lit)
    weight = combed[..., 0] - np.float32(0.3) * cv2.magnitude(combed[..., 1].copy(), combed[..., 2].copy())
    lines, _, _ = ink(blur(weight, 0.8), contours, need, wanted, skin.where)
    apart = lit.features(mesh, light.shape, skin.width)
    paint(paper, 0.8 * lines * inked(skin.where, mesh, apart), paper * np.array([0.3, 0.8, 0.8], np.float32) + INK / 2)

    crisp = calm_neighbour(photo, 2)
    nose(paper, skin.where, mesh)
    rim = blur(photo, 0.8) - blur(photo, 4.5)
    rim[..., 0] *= np.where(rim[..., 0] < 0, np.float32(1.9), np.float32(0.5))
    paint(paper, wires(photo, contours, mesh, skin.lit, max(worn(photo, mesh), 0.3)), paper + rim)
    eyes(paper, blur(photo, 1.0), mesh, trusts)
    for side in (0, 1):
        window, origin = around(mesh[BROWS[side]])
        brow(paper[window], crisp[window], skin.form[window], skin.where[window], mesh - origin, side, trusts[side])
    window, origin = around(mesh[MOUTH])
    found = across(blur(photo[..., 0], 0.8), contours, 1.3)
    trust = mouth_trust(crisp[window], mesh - origin, skin.where[window], found[window])
    mouth(paper[window], crisp[window], mesh - origin, trust)
    return paper
