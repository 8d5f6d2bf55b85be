"""The mouth of the film look."""

import cv2
import numpy as np

from toonstream_train.drawing.common.painting import INK, paint, ramp, taper, weighted
from toonstream_train.drawing.common.shapes import (
    Points,
    fill,
    lip_edges,
    stroke,
)
from toonstream_train.drawing.common.smoothing import Floats, blur, calm_neighbour, smoothstep


def mouth(paper: Floats, lab: Floats, landmarks: Points, trust: float) -> None:
    """Full, smooth lips with a light on them, and in an open mouth teeth as one clean band."""
    shape = (paper.shape[0], paper.shape[1])
    upper_out, lower_out, upper_in, lower_in = lip_edges(landmarks)
    width = float(np.hypot(*(upper_out[0] - upper_out[-1])))
    if width < 12:
        return
    opening = ramp(float(np.hypot(*(upper_in - lower_in).T).max()) / width, 0.025, 0.08)
    upper = fill(np.concatenate([upper_out, upper_in[::-1]]), shape)
    lower = fill(np.concatenate([lower_out, lower_in[::-1]]), shape)
    inside = fill(np.concatenate([upper_in, lower_in[-2:0:-1]]), shape)
    calm = blur(calm_neighbour(lab, 4), 1.5)
    for lip, factor in ((upper, 0.95), (lower, 1.0)):
        colour = weighted(lab, lip)
        body = 0.5 * calm + 0.5 * colour
        body[..., 0] *= factor
        body[..., 1:] *= np.array([1.18, 1.08], np.float32)
        paint(paper, 0.85 * trust * smoothstep(blur(lip, 1.0), 0.1, 0.9), body)
    light = lab[..., 0]
    if (lower > 0.5).sum() > 10:
        top = float(np.percentile(light[lower > 0.5], 80))
        shine = blur(smoothstep(blur(light, 2), top - 1, top + 3) * lower, 1.5)
        paint(paper, 0.7 * trust * shine, weighted(lab, lower) + np.array([14.0, -2, -1]))
    if opening > 0 and inside.max() > 0.5:
        region = inside > 0.5
        high = float(np.percentile(light[region], 90))
        lips, red = (float(value) for value in weighted(lab, lower)[:2])
        white = (light - 1.3 * np.maximum(lab[..., 1] - max(6, 0.55 * red), 0)).astype(np.float32)
        pale = smoothstep(blur(white, 1.0), 0.62 * lips, 0.62 * lips + 20)
        # One band: the gaps between teeth close, their shading stays.
        band = cv2.morphologyEx(pale, cv2.MORPH_CLOSE, np.ones((5, 9), np.uint8))
        shade = blur(light, 3) + 0.5 * (light - blur(light, 3))
        cavity = blur(calm_neighbour(lab, 3), 1.0)
        cavity[..., 0] = np.minimum(cavity[..., 0], 0.8 * lips)
        teeth = 0.45 * blur(lab, 3)
        teeth[..., 0] = (shade + 0.3 * np.maximum(high - shade, 0) + 2).clip(0, 94)
        paint(cavity, blur(band, 0.8), teeth)
        edge = blur(fill(np.concatenate([upper_in, lower_in[-2:0:-1]]) + np.array([0, 4.0], np.float32), shape), 2.5)
        paint(cavity, 0.35 * (1 - edge), INK)
        paint(paper, opening * trust * smoothstep(inside, 0.2, 0.8), cavity)
    middle = upper_in + (lower_in - upper_in) * np.float32(0.5 * (1 - opening))
    ends = [middle[i] + 0.22 * (upper_out[i] - middle[i]) for i in (0, -1)]
    path = np.concatenate([ends[0][None], middle, ends[1][None]]).astype(np.float32)
    thick = 0.020 * width + 0.7
    line = blur(stroke(path, taper(len(path), 0.9 * thick, thick, 0.9 * thick), shape), 0.8)
    paint(paper, 0.8 * trust * line, weighted(lab, lower) * np.array([0.22, 0.6, 0.5]) + np.array([3.0, 2, 1]))
