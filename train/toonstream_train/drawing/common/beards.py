"""Beards: neither skin nor a shape with a border, so no mask may cut them out."""

import numpy as np

from toonstream.faces.mesh import MOUTH
from toonstream_train.drawing.common.painting import ramp
from toonstream_train.drawing.common.shapes import Points, face_width, fill, grown
from toonstream_train.drawing.common.skin import Skin, redness
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep

LEAST = (0.10, 0.35)
"""From the first share of hair around a place there is a hint of a beard, from the second one."""
LIP, CHIN, SURE = [167, 164, 393], [18, 200, 199], (0.15, 0.4)
"""Landmarks on the upper lip and on the chin, and how much hair there leaves a doubt or none."""
ROUGH = (1.0, 1.5)
"""How much rougher than other skin hair as light as skin is."""
JAW_LINE = [234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454]
UNDER_NOSE = [425, 327, 2, 98, 205]
"""Landmarks around the lower part of a face: from ear to ear, and back below the nose."""


def beard(picture: Floats, skin: Skin, base: float, landmarks: Points) -> Floats:
    """Where a beard, a moustache or stubble grows, (H, W) 0 to 1, soft: below the nose, where skin lacks its red.

    picture: the photo smoothed along its contours, LAB (H, W, 3); base: the lightness of its lit skin; landmarks:
    (478, 2) in pixels.
    """
    width = face_width(landmarks)
    light = picture[..., 0]
    share, known = redness(picture, skin.sample)
    pale = np.float32(known) * smoothstep(share, 0.92, 0.66)
    # Skin in shadow lacks red, too.
    pale *= smoothstep(skin.form, 0.6 * base, 0.85 * base)
    mouth = grown(fill(landmarks[MOUTH], light.shape), 2 * round(0.01 * width) + 1)
    near = chin(landmarks, light.shape) * (1 - mouth)
    # Pale skin and skin in shadow are smooth.
    rough = roughness(light, skin, 1 - grown(1 - near, 2 * round(0.03 * width) + 1), width)
    pale *= smoothstep(rough, *ROUGH)
    # Dark hair hides its hue.
    dark = smoothstep(skin.form - light, 5.0, 14.0)
    dark = np.maximum(dark, smoothstep(base - light, 10.0, 20.0) * smoothstep(rough, 0.7, 1.0))
    hair = np.maximum.reduce([pale, dark, 1 - skin.where]) * near
    around: Floats = blur(hair, 0.045 * width) / (blur(near, 0.045 * width) + np.float32(0.05))
    out: Floats = sure(around, landmarks) * blur(smoothstep(around, *LEAST) * grown(near, 5), 0.012 * width)
    return out


def roughness(light: Floats, skin: Skin, where: Floats, width: float) -> Floats:
    """How rough the lightness (H, W) is around each place, (H, W), beside other skin; looks only at `where`."""
    detail = light - blur(light, 0.013 * width)
    squares = detail * detail
    near = blur(squares * where, 0.045 * width) / (blur(where, 0.045 * width) + np.float32(0.05))
    out: Floats = np.sqrt(near / np.float32(max(float(squares[skin.sample].mean()), 0.05)))
    return out


def sure(around: Floats, landmarks: Points) -> np.float32:
    """1 where hair (H, W) is on the lip or on the chin, else 0: a cheek in a lamp's light lacks red, too."""
    height, width = around.shape
    x, y = (landmarks[:, axis].astype(int).clip(0, size - 1) for axis, size in ((0, width), (1, height)))
    return np.float32(max(ramp(float(around[y[part], x[part]].mean()), *SURE) for part in (LIP, CHIN)))


def chin(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """The lower part of a face, (H, W) 0 to 1: below the nose, up to the ears."""
    return blur(fill(landmarks[JAW_LINE + UNDER_NOSE], shape), 2.0)
