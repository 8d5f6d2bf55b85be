"""The sockets of the eyes, as a draughtsman leaves them out."""

import cv2
import numpy as np

from toonstream.faces.mesh import BROWS, EYES, OVAL
from toonstream_train.drawing.common.analysis import Analysis
from toonstream_train.drawing.common.painting import paint
from toonstream_train.drawing.common.shapes import Points, face_width, fill, grown
from toonstream_train.drawing.common.skin import filled
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep

REACH = 0.35
"""How far around an eye its socket goes, in widths of the eye."""


def sockets(paper: Floats, seen: Analysis, landmarks: Points, share: float = 1.0) -> Floats:
    """Paints over the shadows, rings and folds around the eyes, in place: only skin and brows are around drawn eyes.

    A fringe, glasses and beards stay. share: how far they go. Returns where it painted, (H, W), 0 to 1.
    """
    shape, skin, width = (paper.shape[0], paper.shape[1]), seen.skin, face_width(landmarks)
    eyes, brows = ([fill(landmarks[outline], shape) for outline in outlines] for outlines in (EYES, BROWS))
    socket = np.zeros(shape, np.float32)
    for side in (0, 1):
        eye = landmarks[EYES[side]]
        reach = round(REACH * float(np.hypot(*(eye[0] - eye[8]))))
        lid = fill(cv2.convexHull(np.concatenate([eye, landmarks[BROWS[side]]]))[:, 0], shape)
        socket = np.maximum(socket, np.float32(seen.drawn[side]) * np.maximum(grown(eyes[side], 2 * reach + 1), lid))
    # A fringe lies beyond the socket for the most part, a shadow in it.
    features = np.maximum.reduce([grown(mask, 9) for mask in (*eyes, *brows)])
    labels = cv2.connectedComponents(((skin.hair > 0.5) & (features < 0.5)).astype(np.uint8))[1]
    beyond, whole = (np.bincount(labels[where], minlength=labels.max() + 1) for where in (socket < 0.05, socket >= 0))
    own: Floats = smoothstep((beyond / whole).astype(np.float32), 0.3, 0.6)
    own[0] = 0
    fringe = grown(own[labels], 5)
    shown = np.maximum.reduce([fringe, grown(np.maximum(*brows), 11), seen.glasses * seen.wire, seen.whiskers])
    face = grown(fill(landmarks[OVAL], shape), 5)
    cover: Floats = np.float32(share) * blur(socket * face * (1 - shown), 0.015 * width)
    known = skin.where * (1 - grown(socket, 9)) * face
    paint(paper, cover, filled(paper, known, 0.06 * width))
    return cover
