"""Ink: lines found across the picture's contours and drawn along them."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream_train.drawing.shapes import JAW, NOSE_BASE, UPPER_LIDS, curve, fill, stroke
from toonstream_train.drawing.smoothing import Floats, Flow, blur, grid, smoothstep


def across(light: Floats, flow: Flow, sigma: float, ratio: float = 1.6) -> Floats:
    """Difference of two Gaussians taken across the contours only, (H, W): positive where a dark line or side lies."""
    height, width = light.shape
    x, y = grid(height, width)
    reach = int(np.ceil(2.2 * sigma * ratio))
    narrow, wide = light.copy(), light.copy()
    narrow_weights, wide_weights = 1.0, 1.0
    for distance in range(1, reach + 1):
        a = float(np.exp(-0.5 * (distance / sigma) ** 2))
        b = float(np.exp(-0.5 * (distance / (sigma * ratio)) ** 2))
        for sign in (-1.0, 1.0):
            step = np.float32(sign * distance)
            there = cv2.remap(
                light,
                x + step * flow.normal_x,
                y + step * flow.normal_y,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            narrow += np.float32(a) * there
            wide += np.float32(b) * there
        narrow_weights += 2 * a
        wide_weights += 2 * b
    return wide / np.float32(wide_weights) - narrow / np.float32(narrow_weights)


def keep_long(ink: Floats, skin: Floats, wanted: Floats, seed: float, weak: float, length: float) -> Floats:
    """Ink (H, W) without short pieces: a piece stays if it holds a `seed` of darkness and is long enough.

    On the skin `length` pixels are enough; elsewhere, in hair, cloth and leaves, it takes twice that; where an artist
    inks anyway (`wanted`), half.
    """
    pieces = (ink > weak).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(pieces, connectivity=8)
    where = labels.ravel()
    peaks = np.zeros(count, np.float32)
    np.maximum.at(peaks, where, ink.ravel())
    area = np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
    bare = np.bincount(where, skin.ravel(), count) / area
    wish = np.bincount(where, wanted.ravel(), count) / area
    extent = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) / ((2 - bare) * (1 - 0.65 * wish))
    # A soft verdict: a piece near the limit turns grey rather than blinking in and out.
    verdict = smoothstep(extent.astype(np.float32), 0.7 * length, 1.2 * length) * smoothstep(peaks, 0.8 * seed, seed)
    verdict[0] = 0
    allowed = cv2.dilate(verdict[labels], np.ones((3, 3), np.uint8))
    out: Floats = ink * allowed
    return out


def sensitivity(landmarks: NDArray[np.float32], skin: Floats, tone: float) -> tuple[Floats, Floats]:
    """How much contrast a line needs, in lightness, and where an artist inks, 0 to 1; both (H, W).

    `tone`: the skin's own lightness."""
    shape = (skin.shape[0], skin.shape[1])
    # Dark skin shows the same fold with less contrast.
    need = (1.25 + 1.75 * skin) * np.float32(np.clip(tone / 62, 0.6, 1.05))
    want = np.zeros(shape, np.float32)
    want = np.maximum(want, 0.9 * fill(landmarks[NOSE_BASE], shape))
    band = np.full(60, 20)
    want = np.maximum(want, 0.8 * stroke(curve(landmarks[JAW], 60), band, shape))
    for lid in UPPER_LIDS:
        want = np.maximum(want, 0.5 * stroke(curve(landmarks[lid], 20), np.full(20, 34), shape))
    want = blur(want, 5)
    return (need * (1 - 0.55 * want)).astype(np.float32), want


def ink(light: Floats, flow: Flow, need: Floats, wanted: Floats, skin: Floats) -> tuple[Floats, Floats, Floats]:
    """Dark lines from lightness; what they were found by, in lightness; thin bright lines. All (H, W), lines 0 to 1."""
    fine = across(light, flow, 1.3)
    broad = across(light, flow, 3.0)
    # What is out of focus gets no line: there the narrow pair sees next to nothing.
    sharp = smoothstep((fine / (np.maximum(broad, 0) + 0.5)).astype(np.float32), 0.08, 0.3)
    found = flow.along(flow.along(np.maximum(1.15 * fine, broad * sharp), 3.0), 3.0)
    # Where everything is lines (curls, leaves, knitting) only the strongest are drawn.
    crowd = blur(smoothstep(found, 0.5 * need, need), 14)
    need = (need * (1 + 3.0 * np.maximum(crowd - 0.2, 0) * (1 - 0.6 * skin))).astype(np.float32)
    lines = smoothstep(found, 0.42 * need, 1.0 * need)
    # Bright lines must be long: the rim of glasses, not the shine on a nose.
    bright = smoothstep(flow.along(flow.along(-fine, 3.0), 3.0), 1.6, 3.4)
    none = np.zeros_like(skin)
    return keep_long(lines, skin, wanted, 0.9, 0.15, 28), found, keep_long(bright, none, none, 0.9, 0.15, 30)
