"""The teacher of the style `anime`: cel-shaded as on television, in the person's own colours and light.

The photo is first bent into anime's proportions; flat colours, ink and features are then drawn on it, in their places.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream_train.drawing.anime.eyes import eyes
from toonstream_train.drawing.anime.face import beard, complexion, inked, mouth, nose, smile
from toonstream_train.drawing.brows import brow
from toonstream_train.drawing.features import INK, paint
from toonstream_train.drawing.glasses import wires, worn
from toonstream_train.drawing.lines import across, ink, sensitivity
from toonstream_train.drawing.seen import eyes_seen, mouth_trust
from toonstream_train.drawing.shapes import BROWS, MOUTH, around
from toonstream_train.drawing.skin import find
from toonstream_train.drawing.smoothing import Floats, blur, calm_neighbour, flow, smoothstep
from toonstream_train.drawing.tones import general_tones, skin_light
from toonstream_train.drawing.warp import Proportions, moved, moves, warped

PROPORTIONS = Proportions(eyes=(1.56, 2.50), apart=0.07, nose=(0.15, 0.28), mouth=(0.14, 0.04), jaw=0.13, chin=0.03)
VIVID = 0.30
"""More chroma, where there is not much already."""


def drawn(lab: Floats, landmarks: NDArray[np.float32]) -> Floats:
    """The drawing of a photo in LAB (CANVAS, CANVAS, 3): proportions, flat colours, ink, then the features."""
    trusts, tone = eyes_seen(lab, landmarks), skin_light(lab, landmarks)
    bend = moves(landmarks, trusts, PROPORTIONS)
    photo, mesh = warped(lab, bend), moved(landmarks, bend)

    contours = flow(photo, steps=6, length=1.8)
    combed = contours.along(photo, 3.0)
    wire = wires(photo, contours, mesh, tone, worn(lab, landmarks))
    skin = find(combed, mesh, max(trusts))
    calm = calm_neighbour(calm_neighbour(contours.along(combed, 5.0), 6), 5)
    paper = calm.copy()
    paper[..., 0] = general_tones(np.ascontiguousarray(calm[..., 0]))
    chroma = cv2.magnitude(paper[..., 1].copy(), paper[..., 2].copy())
    paper[..., 1:] *= (1 + VIVID * (1 - smoothstep(chroma, 25.0, 70.0)))[..., None]
    # Small gaps in the skin, as the shadows by the nose and the corners of a smile, are not drawn at all.
    where = cv2.morphologyEx(skin.where, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (23, 23)))
    where = np.maximum(where, smile(mesh, where.shape)) * (1 - beard(skin, combed, mesh))
    bare = where * (1 - wire)
    paint(paper, bare, complexion(skin, mesh))

    need, wanted = sensitivity(mesh, skin.where, skin.median)
    weight = combed[..., 0] - np.float32(0.3) * cv2.magnitude(combed[..., 1].copy(), combed[..., 2].copy())
    lines, _, _ = ink(blur(weight, 0.8), contours, need, wanted, skin.where)
    paint(paper, 0.85 * lines * inked(where, mesh, skin.eyes), paper * np.array([0.25, 0.6, 0.6], np.float32) + INK / 2)

    crisp = calm_neighbour(photo, 2)
    nose(paper, where, mesh)
    paint(paper, wire, crisp)
    eyes(paper, blur(photo, 1.0), mesh, trusts)
    for side in (0, 1):
        window, origin = around(mesh[BROWS[side]])
        brow(paper[window], crisp[window], skin.form[window], bare[window], mesh - origin, side, trusts[side])
    window, origin = around(mesh[MOUTH])
    found = across(blur(photo[..., 0], 0.8), contours, 1.3)
    trust = mouth_trust(crisp[window], mesh - origin, skin.where[window], found[window])
    mouth(paper[window], crisp[window], mesh - origin, trust)
    return paper
