"""Eyes and a mouth as a draughtsman inks them, in the person's own shape."""

import cv2
import numpy as np

from toonstream.faces.chart import catch_lights
from toonstream.faces.mesh import IRISES, LOWER_LIDS, UPPER_LIDS
from toonstream_train.drawing.common.painting import INK, paint, ramp, taper, weighted
from toonstream_train.drawing.common.seen import own_colour
from toonstream_train.drawing.common.shapes import Points, curve, disc, fill, grown, lip_edges, stroke
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep

FRESHER, REDDER = np.array([0.65, 1.0, 1.0], np.float32), 0.35
"""The lips' share of what the skin around them gains, in LAB; how much farther from it in red they are."""

WHITER, VIVID = 18.0, 1.3
"""How much lighter the whites are than on the photo, as far as the face's light allows, and how much richer irises."""


def eye(paper: Floats, lab: Floats, landmarks: Points, side: int, trust: float, most: float) -> None:
    """One eye, as open as it is.

    lab: the smooth photo; trust: 0 to 1, how far the mesh is to be believed; most: the most lightness of the white.
    """
    shape = (paper.shape[0], paper.shape[1])
    upper, lower = curve(landmarks[UPPER_LIDS[side]]), curve(landmarks[LOWER_LIDS[side]])
    width = float(np.hypot(*(upper[0] - upper[-1])))
    if width < 8:
        return
    gap = float(np.hypot(*(upper - lower).T).max())
    opening = ramp(gap / width, 0.07, 0.15)
    ring = landmarks[IRISES[side]]
    centre = ring[0]
    radius = float(np.hypot(*(ring[1:] - centre).T).mean())
    slit = fill(np.concatenate([upper, lower[-2:0:-1]]), shape)
    whole = disc(centre, radius, shape)
    white = slit * (1 - whole)
    ball = lab * 1.0
    if opening > 0:
        # Both take their light from the photo, so that an eye in shadow stays in shadow.
        light = weighted(lab, white * white)
        bright = float(np.percentile(lab[..., 0][white > 0.6], 80)) if (white > 0.6).sum() > 8 else float(light[0])
        tone = np.array([min(max(bright + WHITER, light[0]), most), 0.35 * light[1], 0.35 * light[2]], np.float32)
        cover = slit * opening * trust
        paint(ball, np.ones(shape, np.float32), tone)
        # The lid's shadow on the ball.
        drop = 0.16 * gap + 1.0
        lit = fill(np.concatenate([upper, lower[-2:0:-1]]) + np.array([0, 1.6 * drop], np.float32), shape)
        paint(ball, 0.55 * (1 - lit), np.array([0.82 * tone[0], tone[1] + 1, tone[2] + 1]))
        colour = own_colour(lab, landmarks, side)
        colour[0] = min(max(colour[0], 14.0), 62.0)
        colour[1:] *= VIVID
        paint(ball, disc(centre, radius, shape), np.array([0.38 * colour[0], 0.8 * colour[1], 0.8 * colour[2]]))
        paint(ball, disc(centre, radius - 1.7 - 0.07 * radius, shape), colour)
        # The lower half of an iris glows where light falls through it.
        glow = disc(centre + np.array([0, 0.38 * radius]), 0.52 * radius, shape)
        paint(ball, 0.6 * glow, colour * np.array([1.0, 1.15, 1.15]) + np.array([9.0, 0, 0]))
        paint(ball, disc(centre, 0.43 * radius, shape), INK)
        shadow = (1 - lit) * whole
        paint(ball, 0.45 * shadow, INK)
        paint(paper, cover, ball)
        gleam = min(96.0, max(bright + 22, 60.0))
        for (x, y, size), share in zip(catch_lights(ring, upper), (1.0, 0.6), strict=True):
            light = disc(np.array([x, y]), size, shape)
            paint(paper, share * cover * light, np.array([gleam, 0, 0.5]))
    # Lids: from the outer corner (thick, a little beyond) to the inner.
    thick = (0.105 * width + 0.6) * (0.75 + 0.25 * opening)
    out = upper[0] + 0.10 * (upper[0] - upper[6])
    path = np.concatenate([out[None], upper])
    # Half of the stroke lies above the edge of the lid: lashes stand there.
    path = path - np.array([0, 0.18 * thick])
    paint(paper, trust * stroke(path, taper(len(path), 0.35 * thick, thick, 0.30 * thick, 0.35), shape), INK)
    thin = 0.028 * width + 0.5
    part = lower[2:34]
    line = stroke(part, taper(len(part), 0.6 * thin, 1.1 * thin, 0.2 * thin, 0.3), shape)
    paint(paper, 0.75 * trust * opening * line, INK + np.array([6.0, 6, 5]))


def mouth(paper: Floats, lab: Floats, landmarks: Points, trust: float, lips_cover: float) -> None:
    """Lips as two flat shapes, the line between them, and in an open mouth teeth and dark.

    lips_cover: 0 to 1, how much the lips' colour covers what is there.
    """
    shape = (paper.shape[0], paper.shape[1])
    upper_out, lower_out, upper_in, lower_in = lip_edges(landmarks)
    width = float(np.hypot(*(upper_out[0] - upper_out[-1])))
    if width < 12:
        return
    gaps = np.hypot(*(upper_in - lower_in).T)
    opening = ramp(float(gaps.max()) / width, 0.025, 0.07)
    upper = fill(np.concatenate([upper_out, upper_in[::-1]]), shape)
    lower = fill(np.concatenate([lower_out, lower_in[::-1]]), shape)
    inside = fill(np.concatenate([upper_in, lower_in[-2:0:-1]]), shape)
    # Beside fresher skin the lips' own colour would be dull: they gain what the skin around them has.
    whole = np.maximum.reduce([upper, lower, inside])
    ring = grown(whole, 2 * round(0.12 * width) + 1) * (1 - grown(whole, 2 * round(0.03 * width) + 1))
    skin = weighted(lab, ring)
    gained = FRESHER * (weighted(paper, ring) - skin)
    for lip, factor, edge in ((upper, 0.94, 0.0), (lower, 1.0, 0.5)):
        light = lab[..., 0]
        own = weighted(lab, lip)
        tone = own + gained
        tone[0] *= factor
        tone[1] += REDDER * max(own[1] - skin[1], 0)
        soft = smoothstep(lip, 0.15, 0.85)
        paint(paper, lips_cover * trust * soft, tone)
        if edge:
            # One light on the lower lip, where the photo has it.
            top = float(np.percentile(light[lip > 0.5], 85)) if (lip > 0.5).sum() > 10 else 100.0
            shine = smoothstep(blur(light, 2), top, top + 2.0) * lip
            paint(paper, 0.6 * lips_cover * trust * shine, tone + np.array([9.0, 0, 0]))
    if opening > 0 and inside.max() > 0.5:
        light = lab[..., 0]
        a = lab[..., 1]
        region = inside > 0.5
        low, high = np.percentile(light[region], [10, 92])
        lips, red = (float(value) for value in weighted(lab, lower)[:2])
        dark = np.array([max(min(low, 16.0), 5.0), 14.0, 7.0], np.float32)
        cavity = np.empty_like(paper)
        cavity[:] = dark
        flesh = smoothstep(light, 0.35 * lips + 2, 0.35 * lips + 8)
        paint(cavity, flesh, np.array([max(0.62 * lips, 20.0), 26.0, 14.0]))
        # Teeth are light and lack the lips' red.
        white = (light - 1.3 * np.maximum(a - max(6, 0.55 * red), 0)).astype(np.float32)
        # One shape, without the gaps between teeth.
        pale = smoothstep(blur(white, 1.5), 0.68 * lips, 0.68 * lips + 8)
        pale = cv2.morphologyEx(pale, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 9)))
        pale = blur(pale, 1.0)
        teeth = np.array([min(high + 5, 96.0), 0.5, 5.0], np.float32)
        paint(cavity, pale, teeth)
        paint(paper, opening * trust * smoothstep(inside, 0.2, 0.8), cavity)
    # The line of the mouth: along the upper lip's edge while open, between both while closed.
    middle = upper_in + (lower_in - upper_in) * np.float32(0.5 * (1 - opening))
    out_left = middle[0] + 0.25 * (upper_out[0] - middle[0])
    out_right = middle[-1] + 0.25 * (upper_out[-1] - middle[-1])
    path = np.concatenate([out_left[None], middle, out_right[None]]).astype(np.float32)
    thick = 0.022 * width + 0.9
    line = stroke(path, taper(len(path), 0.9 * thick, thick, 0.9 * thick), shape)
    paint(paper, 0.9 * trust * line, INK + np.array([4.0, 6, 4]))
    if opening > 0:
        line = stroke(lower_in, taper(len(lower_in), 0.4 * thick, 0.7 * thick, 0.4 * thick), shape)
        paint(paper, 0.6 * opening * trust * line, INK + np.array([8.0, 8, 5]))
    under = lower_out[12:28]
    line = stroke(under, taper(len(under), 0.1 * thick, 0.9 * thick, 0.1 * thick), shape)
    paint(paper, 0.55 * trust * line, INK + np.array([14.0, 10, 8]))
