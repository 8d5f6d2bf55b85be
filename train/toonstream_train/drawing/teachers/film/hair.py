"""The film look's hair, locks instead of strands, and how far around the face the painting goes."""

import numpy as np

from toonstream.faces.mesh import OVAL
from toonstream_train.drawing.common.shapes import Points, fill
from toonstream_train.drawing.common.smoothing import Floats, Flow, blur


def locks(combed: Floats, contours: Flow) -> Floats:
    """Hair and all that is no skin (H, W, 3), combed once more along its contours into smooth masses with a light."""
    out = contours.along(combed, 6.0)
    light = np.ascontiguousarray(out[..., 0])
    body = blur(light, 7)
    out[..., 0] = body + np.float32(1.3) * (light - body)
    return out


def head(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """Where head and hair are likely, (H, W) 0 to 1, with a wide soft edge: beyond it the photo stays a photo."""
    oval = landmarks[OVAL]
    middle = oval.mean(0)
    reach = oval - middle
    reach = reach * np.where(reach[:, 1:] < 0, (1.65, 2.1), (1.6, 1.75)).astype(np.float32)
    return blur(fill(middle + reach, shape), 22)
