"""What a photo really shows of eyes and mouth, whatever the mesh says."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import (
    EYES,
    IRISES,
    LIP_LOWER_INNER,
    LIP_LOWER_OUTER,
    LIP_UPPER_INNER,
    LIP_UPPER_OUTER,
    LOWER_LIDS,
    UPPER_LIDS,
)
from toonstream_train.drawing.common.glasses import worn
from toonstream_train.drawing.common.painting import ramp, weighted
from toonstream_train.drawing.common.shapes import Points, around, curve, disc, fill, stroke
from toonstream_train.drawing.common.smoothing import Floats, blur, grid, smoothstep
from toonstream_train.drawing.common.tones import skin_light


def white_over_iris(lab: Floats, landmarks: Points, side: int) -> NDArray[np.float32] | None:
    """How the white of an eye differs from its iris, LAB (3,); nothing where the lids leave too little of them."""
    shape = (lab.shape[0], lab.shape[1])
    upper, lower = landmarks[UPPER_LIDS[side]], landmarks[LOWER_LIDS[side]]
    width = float(np.hypot(*(upper[0] - upper[-1])))
    gap = float(np.hypot(*(upper - lower).T).max())
    if gap / max(width, 1e-3) < 0.16:
        return None
    slit = fill(landmarks[EYES[side]], shape)
    centre = landmarks[IRISES[side][0]]
    iris = slit * disc(centre, float(np.hypot(*(landmarks[IRISES[side][1:]] - centre).T).mean()), shape)
    if iris.sum() < 10 or (slit - iris).sum() < 10:
        return None
    return weighted(lab, slit - iris) - weighted(lab, iris)


def eyes_seen(lab: Floats, landmarks: Points) -> tuple[float, float]:
    """For either eye of a photo (H, W, 3) 0 where dark glasses or hair hide it, 1 where it is seen."""
    tone = skin_light(lab, landmarks)
    trusts, below, lighter = [], [], []
    for side in (0, 1):
        window, origin = around(landmarks[EYES[side]])
        photo, mesh = blur(lab[window], 1.0), landmarks - origin
        # The white of an eye differs from its iris; a dark glass is the same all over.
        apart = white_over_iris(photo, mesh, side)
        trusts.append(1.0 if apart is None else ramp(float(np.linalg.norm(apart)), 1.5, 4.0))
        lighter.append(100.0 if apart is None else float(apart[0]))
        outline = mesh[EYES[side]]
        width = float(np.hypot(*(outline[0] - outline[8])))
        skin = fill(outline + np.array([0, 0.35 * width], np.float32), photo.shape[:2])
        skin *= 1 - fill(outline + np.array([0, 0.06 * width], np.float32), photo.shape[:2])
        below.append(float(weighted(photo, skin)[0]) / max(tone, 1.0))
    # Dark glasses darken what lies below both eyes; where they may be, one clear eye is not enough.
    clear = max(below)
    seen, doubt = ramp(clear, 0.36, 0.52), 1 - ramp(clear, 0.5, 0.8)
    # Behind glasses with no white in either eye there are no eyes: they are dark, in whatever colour.
    seen *= 1 - worn(lab, landmarks) * (1 - ramp(max(lighter), 2.0, 3.0))
    # In skin as light as that an eye is there if the other is: both are drawn alike.
    left, right = (max(trusts[i], trusts[1 - i] * ramp(below[i], 0.35, 0.55)) for i in (0, 1))
    return seen * left * (1 - doubt * (1 - right)), seen * right * (1 - doubt * (1 - left))


def whitest(base: float) -> float:
    """The most lightness of an eye's white in a face whose lit skin is that light: no eye glows in the dark."""
    return min(94.0, 1.12 * base + 20)


def iris_colour(lab: Floats, rho: Floats, dy: Floats, slit: Floats, white: NDArray[np.float32]) -> NDArray[np.float32]:
    """The colour (3,) of an iris, clear but its own: from its lower half, where no lash shades and no lamp shines."""
    ring = smoothstep(rho, 0.42, 0.55) * smoothstep(rho, 0.92, 0.80) * smoothstep(dy, -0.45, 0.1) * slit
    ring = ring * smoothstep(lab[..., 0], white[0] - 4, white[0] - 20) + 1e-4 * smoothstep(rho, 1.0, 0.8)
    colour = weighted(lab, ring)
    # What tints the white tints the iris too.
    colour[1:] = 1.6 * (colour[1:] - 0.6 * white[1:])
    chroma = float(np.hypot(*colour[1:]))
    # Seen through narrow lids an iris takes on the skin's colour; none is as strong as that.
    most = 16 + 8 * ramp(float(colour[2]), 0.0, -6.0)
    colour[1:] *= min(1.0, (most + 0.35 * max(chroma - most, 0)) / max(chroma, 1e-3))
    # A dark iris is brown, whatever little of that the photo shows, unless all of it is grey.
    tint = float(np.hypot(*lab[..., 1:].mean((0, 1))))
    brown = ramp(float(colour[0] / white[0]), 0.42, 0.25) * ramp(float(colour[2]), -4.0, 1.0)
    brown *= ramp(float(colour[1]), -4.0, 0.0) * ramp(tint, 2.0, 12.0)
    colour[1:] += brown * (np.array([6.0, 9.0]) - 0.5 * colour[1:])
    colour[0] = min(max(1.05 * colour[0], min(19.0, 0.4 * float(white[0]))), 58.0)
    return colour


def own_colour(lab: Floats, landmarks: Points, side: int) -> NDArray[np.float32]:
    """What a photo (H, W, 3) shows of an iris's colour, LAB (3,), clear."""
    window, origin = around(landmarks[EYES[side]])
    ring = landmarks[IRISES[side]] - origin
    slit = fill(landmarks[EYES[side]] - origin, lab[window].shape[:2])
    x, y = grid(*slit.shape)
    radius = float(np.hypot(*(ring[1:] - ring[0]).T).mean())
    dx, dy = ((d + np.float32(0.5)) / np.float32(radius) for d in (x - ring[0, 0], y - ring[0, 1]))
    rho = np.sqrt(dx * dx + dy * dy)
    white = weighted(lab[window], (slit * smoothstep(rho, 1.0, 1.2)) ** 2)
    if (clear := slit * smoothstep(rho, 1.0, 1.2) > 0.6).sum() > 8:
        white[0] = max(white[0], np.percentile(lab[window][..., 0][clear], 80) + 6)
    white[1:] *= 0.35
    colour = iris_colour(lab[window], rho, dy, slit, white)
    colour[1:] *= 1.2 + 0.6 * ramp(float(colour[2]), 2.0, -4.0) * ramp(
        float(colour[0]), 16.0, 30.0
    )  # what is blue or green shines
    # No iris is violet: what is rather red than blue is brown.
    colour[2] += ramp(float(colour[2] + 1.2 * colour[1]), -6.0, 2.0) * max(1.25 * colour[1] - colour[2], 0)
    return colour


def mouth_trust(lab: Floats, landmarks: Points, skin: Floats, found: Floats) -> float:
    """0 where something covers the mouth, 1 where skin or a beard lies around it and lips within.

    `found`: (H, W), how strongly a dark line was found at each place.
    """
    shape = (lab.shape[0], lab.shape[1])
    outline = np.concatenate([curve(landmarks[LIP_UPPER_OUTER]), curve(landmarks[LIP_LOWER_OUTER])[-2:0:-1]])
    lips = fill(outline, shape)
    if lips.sum() < 20:
        return 0.0
    size = 17
    around = cv2.dilate(lips, np.ones((size, size), np.uint8)) - lips
    share = float((around * skin).sum() / around.sum())
    inside = fill(landmarks[LIP_UPPER_INNER + LIP_LOWER_INNER[-2:0:-1]], shape)
    _, more_red, less_yellow = weighted(lab, lips * (1 - inside)) - weighted(lab, around)
    redder = float(more_red + 0.5 * max(-less_yellow, 0))
    middle = curve((landmarks[LIP_UPPER_INNER] + landmarks[LIP_LOWER_INNER]) / np.float32(2))
    near = stroke(middle, np.full(len(middle), 14.0), shape)
    line = float(np.percentile(found[near > 0.5], 75)) if (near > 0.5).any() else 0.0
    seen = max(ramp(line, 0.2, 0.9), ramp(redder, 2.5, 6.0))
    return max(ramp(share, 0.35, 0.6), ramp(redder, 1.0, 4.0)) * ramp(redder, -3.0, 0.5) * seen
