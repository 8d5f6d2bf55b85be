"""Beards: neither skin nor a shape with a border, so no mask may cut them out."""

import numpy as np

from toonstream.faces.mesh import MOUTH
from toonstream_train.drawing.common.analysis import Analysis
from toonstream_train.drawing.common.shapes import Points, face_width, fill, grown
from toonstream_train.drawing.common.skin import redness
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep

LEAST = (0.10, 0.35)
"""From the first share of hair around a place there is a hint of a beard, from the second one."""
JAW_LINE = [234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454]
UNDER_NOSE = [425, 327, 2, 98, 205]
"""Landmarks around the lower part of a face: from ear to ear, and back below the nose."""


def beard(seen: Analysis, landmarks: Points) -> Floats:
    """Where a beard, a moustache or stubble grows, (H, W) 0 to 1, soft: below the nose, where skin lacks its red.

    landmarks: (478, 2) in pixels.
    """
    skin, picture = seen.skin, seen.combed
    width = face_width(landmarks)
    light = picture[..., 0]
    share, known = redness(picture, skin.sample)
    pale = np.float32(known) * smoothstep(share, 0.92, 0.66)
    # Skin in shadow lacks red, too.
    pale *= smoothstep(skin.form, 0.6 * seen.base, 0.85 * seen.base)
    # Dark hair hides its hue.
    dark = smoothstep(skin.form - light, 5.0, 14.0)
    mouth = grown(fill(landmarks[MOUTH], light.shape), 2 * round(0.01 * width) + 1)
    near = chin(landmarks, light.shape) * (1 - mouth)
    hair = np.maximum.reduce([pale, dark, 1 - skin.where]) * near
    around: Floats = blur(hair, 0.045 * width) / (blur(near, 0.045 * width) + np.float32(0.05))
    out: Floats = blur(smoothstep(around, *LEAST) * grown(near, 5), 0.012 * width)
    return out


def chin(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """The lower part of a face, (H, W) 0 to 1: below the nose, up to the ears."""
    return blur(fill(landmarks[JAW_LINE + UNDER_NOSE], shape), 2.0)
