"""The teacher of the style `cel`: flat tones and clean lines, in the true colours of skin, hair and light."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream_train.drawing.features import brow, eye, mouth, paint
from toonstream_train.drawing.lines import ink, sensitivity
from toonstream_train.drawing.seen import eye_trust, mouth_trust
from toonstream_train.drawing.shapes import BROWS, EYES, MOUTH, around
from toonstream_train.drawing.smoothing import Floats, blur, calm_neighbour, flow
from toonstream_train.drawing.tones import flat


def drawn(lab: Floats, landmarks: NDArray[np.float32]) -> Floats:
    """The drawing of a photo in LAB (CANVAS, CANVAS, 3): tones, then ink, then the features of the face."""
    contours = flow(lab)
    combed = contours.along(lab, 3.0)
    calm = calm_neighbour(calm_neighbour(combed, 5), 4)
    tones = flat(calm, landmarks)
    paper, skin = tones.paper, tones.skin

    need, wanted = sensitivity(landmarks, skin, tones.median)
    # Colour counts a little as darkness: white hair before a blue wall has a contour too.
    weight = combed[..., 0] - np.float32(0.3) * cv2.magnitude(combed[..., 1].copy(), combed[..., 2].copy())
    lines, found, rims = ink(blur(weight, 0.8), contours, need, wanted, skin)
    dark = np.minimum(0.16 * paper[..., 0] + 3, 0.8 * paper[..., 0])
    colour = np.dstack([dark, 0.45 * paper[..., 1] + 2, 0.45 * paper[..., 2] + 1])
    paint(paper, 0.92 * lines, colour)
    zone = np.zeros_like(skin)
    zone[around(landmarks[EYES[0] + EYES[1]], 45)[0]] = 1
    paint(paper, blur(zone, 6) * rims * (1 - lines), combed + np.array([4.0, 0, 0], np.float32))
    # Ink and steps darken the skin a little as a whole: give that back, or dark faces would turn darker still.
    lost = float((tones.certain * (lab[..., 0] - paper[..., 0])).sum() / max(float(tones.certain.sum()), 1.0))
    paper[..., 0] += np.float32(np.clip(lost, -4, 4)) * skin * (1 - lines) * np.minimum(paper[..., 0] / 30, 1)

    crisp, photo = calm_neighbour(lab, 2), blur(lab, 1.0)
    for side in (0, 1):
        window, origin = around(landmarks[BROWS[side]])
        brow(paper[window], crisp[window], tones.bare[window], skin[window], landmarks - origin, side)
        window, origin = around(landmarks[EYES[side]])
        eye(paper[window], photo[window], landmarks - origin, side, eye_trust(photo[window], landmarks - origin, side))
    window, origin = around(landmarks[MOUTH])
    trust = mouth_trust(crisp[window], landmarks - origin, skin[window], found[window])
    mouth(paper[window], crisp[window], landmarks - origin, trust)
    return paper
