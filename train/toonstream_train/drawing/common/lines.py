"""Ink: lines found across the picture's contours and drawn along them."""

import cv2
import numpy as np

from toonstream_train.drawing.common.painting import INK
from toonstream_train.drawing.common.smoothing import Floats, Flow, blur, grid, smoothstep, summed


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


def keep_long(ink: Floats, seed: float, weak: float, length: float) -> Floats:
    """Ink (H, W) without short pieces: a piece stays if it holds a `seed` of darkness and is `length` pixels long."""
    pieces = (ink > weak).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(pieces, connectivity=8)
    peaks = np.zeros(count, np.float32)
    inside = pieces > 0
    np.maximum.at(peaks, labels[inside], ink[inside])
    extent = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]).astype(np.float32)
    # A soft verdict: a piece near the limit turns grey rather than blinking in and out.
    verdict = smoothstep(extent, 0.7 * length, 1.2 * length) * smoothstep(peaks, 0.8 * seed, seed)
    verdict[0] = 0
    out: Floats = ink * cv2.dilate(verdict[labels], np.ones((3, 3), np.uint8))
    return out


def ink_over(paper: Floats, darkest: float) -> Floats:
    """The colour of lines, LAB (H, W, 3): around a mass nearly ink, amid one, as in hair, a deeper tone of its own.

    darkest: what share of the paper's lightness a line around a mass keeps.
    """
    broad = blur(paper, 5.0)
    change = cv2.magnitude(*(np.sqrt(summed(cv2.Sobel(broad, cv2.CV_32F, *d) ** 2)) / 8 for d in ((1, 0), (0, 1))))
    around = smoothstep(change, 0.8, 2.0)[..., None]
    amid = paper * np.array([0.5, 1.0, 1.0], np.float32)
    outside = paper * np.array([darkest, 0.7, 0.7], np.float32) + INK / np.float32(3)
    out: Floats = (amid + around * (outside - amid)).astype(np.float32)
    return out


def dark_lines(picture: Floats, flow: Flow, need: Floats) -> tuple[Floats, Floats]:
    """Thin dark lines and dark sides along the contours, (H, W) 0 to 1, and what they were found by, in lightness.

    picture: LAB (H, W, 3); need: (H, W), the contrast that a line must have, in lightness. Differences of Gaussians,
    smoothed along the contours (Kang et al. 2007, Coherent line drawing).
    """
    # What is rich in colour counts as darker than it is.
    light = picture[..., 0] - np.float32(0.3) * cv2.magnitude(picture[..., 1].copy(), picture[..., 2].copy())
    fine, broad = (blur(light, 1.6 * sigma) - blur(light, sigma) for sigma in (1.3, 2.8))
    found = flow.along(np.maximum(1.3 * fine, broad), 3.0)
    # Where everything is lines (curls, leaves, knitting) only the strongest are drawn.
    small = cv2.resize(smoothstep(found, 0.5 * need, need), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    crowd = cv2.resize(blur(small, 3.5), light.shape[::-1], interpolation=cv2.INTER_LINEAR)
    need = need * (1 + 3 * np.maximum(crowd - np.float32(0.2), 0))
    return keep_long(smoothstep(found, 0.42 * need, need), 0.9, 0.15, 34), found
