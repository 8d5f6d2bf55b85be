"""The teacher of the style `film`: the look of an animated film, in the person's own colours and light.

The photo is first bent into the film's proportions; everything is then painted on the bent photo, in its own places.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from train.drawing import complexion, portrait
from train.drawing.features import mouth_trust, paint
from train.drawing.glasses import wires
from train.drawing.lines import across
from train.drawing.shapes import BROWS, EYES, MOUTH, around
from train.drawing.smoothing import Floats, blur, calm_neighbour, flow, smoothstep
from train.drawing.tones import skin_sample
from train.drawing.warp import moved, moves, warped

VIVID = 0.14
"""More chroma, where there is not much already."""


def drawn(lab: Floats, landmarks: NDArray[np.float32]) -> Floats:
    """The drawing of a photo in LAB (CANVAS, CANVAS, 3): proportions, skin and hair, then the features of the face."""
    shape = (lab.shape[0], lab.shape[1])
    tone = float(np.median(lab[..., 0][skin_sample(landmarks, shape)]))
    trusts = portrait.eyes_seen(lab, landmarks, tone)
    bend = moves(landmarks, trusts)
    photo, mesh = warped(lab, bend), moved(landmarks, bend)

    contours = flow(photo, steps=6, length=1.8)
    combed = contours.along(photo, 3.0)
    wire = wires(photo, contours, mesh, tone)
    paper, skin = complexion.painted(photo, combed, mesh, wire, max(trusts))
    hair = complexion.locks(photo, contours)
    paint(paper, (1 - skin.where), hair)

    crisp, smooth = calm_neighbour(photo, 2), blur(photo, 1.0)
    for side in (0, 1):
        window, origin = around(mesh[EYES[side]], 60)
        portrait.socket(paper[window], photo[window], skin.form[window], mesh - origin, side, trusts[side])
        portrait.crease(paper[window], smooth[window], mesh - origin, side, trusts[side])
        paint(paper[window], wire[window], crisp[window])
        window, origin = around(mesh[BROWS[side]])
        portrait.brow(
            paper[window], crisp[window], skin.form[window], skin.where[window], mesh - origin, side, trusts[side]
        )
        window, origin = around(mesh[EYES[side]])
        portrait.eye(paper[window], smooth[window], mesh - origin, side, trusts[side])
    window, origin = around(mesh[MOUTH])
    found = across(blur(photo[..., 0], 0.8), contours, 1.3)
    trust = mouth_trust(crisp[window], mesh - origin, skin.where[window], found[window])
    portrait.mouth(paper[window], crisp[window], mesh - origin, trust)

    chroma = cv2.magnitude(paper[..., 1].copy(), paper[..., 2].copy())
    paper[..., 1:] *= (1 + VIVID * (1 - smoothstep(chroma, 25.0, 60.0)))[..., None]
    mild = contours.along(photo, 1.5)
    paint(mild, complexion.head(mesh, shape), paper)
    return mild
