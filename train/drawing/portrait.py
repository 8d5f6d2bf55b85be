"""Eyes, brows and mouth of the film look: rounded, lit forms rather than flat shapes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from train.drawing.features import INK, eye_trust, paint, ramp, taper, weighted
from train.drawing.shapes import (
    BROWS,
    EYES,
    IRISES,
    LIP_LOWER_INNER,
    LIP_LOWER_OUTER,
    LIP_UPPER_INNER,
    LIP_UPPER_OUTER,
    LOWER_LIDS,
    UPPER_LIDS,
    Points,
    around,
    curve,
    fill,
    stroke,
)
from train.drawing.smoothing import Floats, blur, calm_neighbour, grid, smoothstep

WARM = np.array([11.0, 7.0, 6.0], np.float32)
"""Lashes, LAB: a soft brown-black."""


def eyes_seen(lab: Floats, landmarks: Points, tone: float) -> tuple[float, float]:
    """For either eye 0 where dark glasses or hair hide it, 1 where it is seen; `tone`: the lightness of the skin."""
    trusts, below = [], []
    for side in (0, 1):
        window, origin = around(landmarks[EYES[side]])
        photo, mesh = blur(lab[window], 1.0), landmarks - origin
        trusts.append(eye_trust(photo, mesh, side))
        outline = mesh[EYES[side]]
        width = float(np.hypot(*(outline[0] - outline[8])))
        skin = fill(outline + np.array([0, 0.35 * width], np.float32), photo.shape[:2])
        skin *= 1 - fill(outline + np.array([0, 0.06 * width], np.float32), photo.shape[:2])
        below.append(float(weighted(photo, skin)[0]) / max(tone, 1.0))
    # Dark glasses darken what lies below both eyes; where they may be, one clear eye is not enough.
    clear = max(below)
    seen, doubt = ramp(clear, 0.36, 0.52), 1 - ramp(clear, 0.5, 0.8)
    # In skin as light as that an eye is there if the other is: both are drawn alike.
    left, right = (max(trusts[i], trusts[1 - i] * ramp(below[i], 0.35, 0.55)) for i in (0, 1))
    return seen * left * (1 - doubt * (1 - right)), seen * right * (1 - doubt * (1 - left))


def eye(paper: Floats, lab: Floats, landmarks: Points, side: int, trust: float) -> None:
    """One eye, as open as it is, on `paper` (H, W, 3); `lab` is the photo in the film's proportions."""
    shape = (paper.shape[0], paper.shape[1])
    upper, lower = curve(landmarks[UPPER_LIDS[side]]), curve(landmarks[LOWER_LIDS[side]])
    width = float(np.hypot(*(upper[0] - upper[-1])))
    if width < 10:
        return
    gap = float(np.hypot(*(upper - lower).T).max())
    opening = ramp(gap / width, 0.12, 0.24)
    ring = landmarks[IRISES[side]]
    centre = ring[0]
    radius = 1.10 * float(np.hypot(*(ring[1:] - centre).T).mean())
    outline = np.concatenate([upper, lower[-2:0:-1]])
    slit = fill(outline, shape)
    if opening > 0 and slit.max() > 0.5:
        x, y = grid(*shape)
        dx, dy = (x + 0.5 - centre[0]) / radius, (y + 0.5 - centre[1]) / radius
        rho = np.sqrt(dx * dx + dy * dy)
        soft = 1.1 / radius
        whole = smoothstep(rho, 1 + soft, 1 - soft)
        white = slit * (1 - whole)
        light = weighted(lab, white * white)
        bright = float(np.percentile(lab[..., 0][white > 0.6], 80)) if (white > 0.6).sum() > 8 else float(light[0])
        tone = np.array([min(max(bright + 6, light[0]), 94.0), 0.35 * light[1] + 0.5, 0.35 * light[2]], np.float32)
        ball = np.empty_like(paper)
        ball[:] = tone
        # A ball: darker and warmer towards the corners, and under the upper lid.
        middle = outline.mean(0)
        turn = smoothstep(np.hypot(x - middle[0], 1.2 * (y - middle[1])).astype(np.float32), 0.22 * width, 0.62 * width)
        paint(ball, 0.55 * turn, tone * np.array([0.70, 1, 1]) + np.array([0, 5, 3]))
        lit = blur(fill(outline + np.array([0, 0.20 * gap + 1], np.float32), shape), 0.06 * gap + 0.8)
        paint(ball, 0.62 * (1 - lit), tone * np.array([0.52, 1, 1]) + np.array([0, 3, 3]))
        inner = upper[-1] * 0.97 + middle * 0.03
        tear = np.exp(-0.5 * ((x - inner[0]) ** 2 + (y - inner[1]) ** 2) / (0.05 * width) ** 2)
        paint(ball, 0.6 * tear, np.array([0.8 * tone[0], 16, 9]))

        iris = np.empty_like(paper)
        iris[:] = colour = iris_colour(lab, rho, dy, slit, tone)
        # Light falls in from above and glows in the lower half; the rim and the upper half are dark.
        glow = smoothstep(dy, -0.25, 0.85) * smoothstep(rho, 1.05, 0.7)
        paint(iris, 0.75 * glow, colour * np.array([1.25, 1.25, 1.25]) + np.array([0.17 * float(tone[0]), 0, 2.0]))
        paint(iris, 0.55 * smoothstep(dy, -0.1, -0.9), colour * np.array([0.5, 0.9, 0.9]))
        paint(iris, 0.8 * smoothstep(rho, 0.74, 0.98), colour * np.array([0.35, 0.8, 0.8]))
        paint(iris, smoothstep(rho, 0.44 + soft, 0.44 - soft), INK)
        paint(iris, 0.6 * (1 - lit), INK)
        paint(ball, whole, iris)
        # The catch light stands below the lid, wherever that is.
        order = np.argsort(upper[:, 0])
        lid = float(np.interp(centre[0], upper[order, 0], upper[order, 1]))
        top = max(float(centre[1]) - 0.36 * radius, lid + 0.30 * radius)
        gleam = np.array([min(98.0, max(bright + 24, 45.0)), 0, 0.5], np.float32)
        for sx, sy, size, share in (
            (centre[0] - 0.30 * radius, top, 0.25, 1.0),
            (centre[0] + 0.36 * radius, centre[1] + 0.40 * radius, 0.13, 0.55),
        ):
            distance = np.hypot(x + 0.5 - sx, y + 0.5 - sy) / radius
            paint(ball, share * smoothstep(distance.astype(np.float32), size + 1.2 * soft, size - 1.2 * soft), gleam)
        paint(paper, slit * opening * trust, ball)
    # The rim of the lower lid catches light; then the lashes' lines, thick above, faint below.
    part = lower[3:36]
    thin = 0.022 * width + 0.5
    rim = stroke(
        part + np.array([0, 0.6 * thin], np.float32), taper(len(part), 0.3 * thin, 1.6 * thin, 0.3 * thin), shape
    )
    skin = weighted(lab, blur(rim, 2))
    paint(paper, 0.45 * trust * opening * rim, skin * np.array([1.0, 1.1, 1.0]) + np.array([9.0, 2, 1]))
    line = stroke(part + np.array([0, 1.6 * thin]), taper(len(part), 0.9 * thin, 1.0 * thin, 0.2 * thin, 0.3), shape)
    paint(paper, 0.55 * trust * opening * blur(line, 0.8), np.minimum(skin * np.array([0.5, 1, 1]), WARM + 20))
    thick = (0.075 * width + 0.6) * (0.7 + 0.3 * opening)
    out = upper[0] + 0.10 * (upper[0] - upper[6]) + np.array([0, -0.035 * width])
    path = np.concatenate([out[None], upper]) - np.array([0, 0.22 * thick])
    lashes = stroke(path, taper(len(path), 0.30 * thick, thick, 0.35 * thick, 0.30), shape)
    paint(paper, trust * blur(lashes, 0.6), WARM)


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


def crease(paper: Floats, lab: Floats, landmarks: Points, side: int, trust: float) -> None:
    """The fold of the upper lid as one clean line, as high and as deep as the photo has it."""
    shape = (paper.shape[0], paper.shape[1])
    upper = curve(landmarks[UPPER_LIDS[side]], 32)
    width = float(np.hypot(*(upper[0] - upper[-1])))
    if width < 10:
        return
    up = landmarks[BROWS[side]].mean(0) - landmarks[EYES[side]].mean(0)
    room = float(np.hypot(*up))
    up = up / max(room, 1e-3)
    heights = np.linspace(0.10 * width, min(0.42 * width, 0.55 * room), 15, dtype=np.float32)
    light = np.ascontiguousarray(lab[..., 0])
    line = np.maximum(blur(light, 0.035 * width) - blur(light, 0.012 * width), 0)
    at = upper[8:25, None] + heights[None, :, None] * up
    found = cv2.remap(line, at[..., 0] - 0.5, at[..., 1] - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).mean(
        0
    )
    strength = ramp(float(found.max()), 0.35, 1.3)
    share = found**3 + 1e-4
    height = float((share * heights).sum() / share.sum())
    bend = np.sin(np.linspace(0.08, 0.94, 32) * np.pi) ** 0.5
    path = upper + (height * (0.45 + 0.55 * bend))[:, None] * up
    thick = 0.035 * width + 0.6
    drawn = blur(
        stroke(path[2:30].astype(np.float32), taper(28, 0.2 * thick, 1.2 * thick, 0.3 * thick, 0.4), shape),
        0.014 * width + 0.5,
    )
    paint(
        paper,
        0.6 * strength * drawn,
        paper * np.array([0.62, 1.08, 1.05], np.float32) + np.array([0, 1, 0], np.float32),
    )


def socket(paper: Floats, lab: Floats, form: Floats, landmarks: Points, side: int, trust: float) -> None:
    """The lids around an eye: the photo's own folds and shadows, without lashes and wrinkles."""
    shape = (paper.shape[0], paper.shape[1])
    outline = landmarks[EYES[side]]
    width = float(np.hypot(*(outline[0] - outline[8])))
    size = round(0.5 * width) | 1
    near = blur(
        cv2.dilate(fill(outline, shape), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))), 0.07 * width + 1
    )
    soft = blur(calm_neighbour(lab, 3), 1.2)
    lift = np.maximum(soft[..., 0] - form, -14)
    soft[..., 0] = form + 0.7 * lift
    paint(paper, trust * near, soft)


def mouth(paper: Floats, lab: Floats, landmarks: Points, trust: float) -> None:
    """Full, smooth lips with a light on them, and in an open mouth teeth as one clean band."""
    shape = (paper.shape[0], paper.shape[1])
    upper_out, lower_out = curve(landmarks[LIP_UPPER_OUTER]), curve(landmarks[LIP_LOWER_OUTER])
    upper_in, lower_in = curve(landmarks[LIP_UPPER_INNER]), curve(landmarks[LIP_LOWER_INNER])
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


def brow(paper: Floats, lab: Floats, form: Floats, skin: Floats, landmarks: Points, side: int, trust: float) -> None:
    """One brow as a clean, tapered band that lies where the photo's hair lies, as thick and as dark as that.

    form: (H, W), the lightness of the skin as if it went on under the brow; skin: (H, W), where skin is.
    """
    shape = (paper.shape[0], paper.shape[1])
    outline = landmarks[BROWS[side]]
    count = 48
    # From the outer end to the inner, the upper edge and the lower.
    above, below = curve(outline[[0, 1, 2, 3, 4]], count), curve(outline[[9, 8, 7, 6, 5]], count)
    middle, half = (above + below) / 2, (below - above) / 2
    length = float(np.hypot(*(middle[0] - middle[-1])))
    if length < 12:
        return
    # A little beyond both ends of the mesh's brow.
    grow = np.linspace(-0.12, 1.06, count) * (count - 1)
    index = np.arange(count)
    slope_in, slope_out = middle[1] - middle[0], middle[-1] - middle[-2]
    extended = np.stack([np.interp(grow, index, middle[:, k]) for k in (0, 1)], 1)
    extended += np.minimum(grow, 0)[:, None] * slope_in + np.maximum(grow - count + 1, 0)[:, None] * slope_out
    middle = extended.astype(np.float32)
    across = np.broadcast_to(half.mean(0), middle.shape)
    thickness = max(float(np.hypot(*half.mean(0))), 0.05 * length)
    across = (across / max(float(np.hypot(*half.mean(0))), 1e-3) * thickness).astype(np.float32)
    reach = np.linspace(-2.4, 2.4, 33, dtype=np.float32)
    at = middle[:, None] + reach[None, :, None] * across[:, None]

    def sample(picture: Floats) -> Floats:
        x, y = at[..., 0] - 0.5, at[..., 1] - 0.5
        out: Floats = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return out

    dark = np.maximum(sample(form) - sample(np.ascontiguousarray(lab[..., 0])), 0)
    dark = blur(dark, 1.2)
    # Less far below: there lies the shadow of a deep-set eye.
    near = np.exp(-0.5 * (reach / np.where(reach > 0, 1.2, 1.5)) ** 2).astype(np.float32)
    depth = float(np.percentile(dark[6:-4][:, np.abs(reach) < 1], 85))
    # On dark skin a brow stands out less.
    scale = min(max(float(np.median(sample(form))) / 55, 0.35), 1.0)
    strength = ramp(depth, 3.5 * scale, 9.0 * scale) * ramp(
        float((sample(skin) * near).sum() / (near.sum() * count)), 0.25, 0.5
    )
    if strength <= 0:
        return
    hair = smoothstep(dark, 0.16 * depth, 0.46 * depth) * near + 1e-3 * near
    mass = cv2.GaussianBlur(hair.sum(1)[:, None], (1, 0), 0, sigmaY=3.0, borderType=cv2.BORDER_REPLICATE)[:, 0]
    first = cv2.GaussianBlur((hair * reach).sum(1)[:, None], (1, 0), 0, sigmaY=3.0, borderType=cv2.BORDER_REPLICATE)[
        :, 0
    ]
    step = reach[1] - reach[0]
    centre, width = first / mass, 0.5 * mass * step  # in half thicknesses of the mesh's brow
    t = np.linspace(0, 1, count)
    solid = smoothstep(width.astype(np.float32), 0.10, 0.40)
    width = np.clip(1.2 * width, 0.25, 1.5) * np.minimum(1, 0.25 + 1.9 * t) * np.minimum(1, 0.6 + 3 * (1 - t))
    spine = middle + centre[:, None] * across
    top, bottom = spine - width[:, None] * across, spine + width[:, None] * across
    cover = fill(np.concatenate([top, bottom[::-1]]).astype(np.float32), shape)
    # Where the photo shows no hair along the brow's way, it thins out.
    x, y = grid(*shape)
    chord = (spine[-1] - spine[0]) / float(np.sum((spine[-1] - spine[0]) ** 2))
    place = (x - spine[0, 0]) * chord[0] + (y - spine[0, 1]) * chord[1]
    cover = cover * np.interp(place, t, solid).astype(np.float32)
    cover = blur(cover, 1.2 + 0.12 * thickness)
    tones = np.dstack([sample(np.ascontiguousarray(lab[..., k])) for k in range(3)])
    share = (hair * smoothstep(dark, 0.25 * depth, 0.9 * depth))[..., None] + 1e-4
    colour = ((tones * share).sum((0, 1)) / share.sum((0, 1))).astype(np.float32)
    colour[0] = max(0.9 * colour[0] - 1, 6.0)
    # Nearly one colour, with a breath of the hairs' own direction.
    texture = blur(lab, 1.0) - blur(lab, 5)
    paint(paper, 0.9 * trust * strength * cover, colour + 0.6 * texture)
