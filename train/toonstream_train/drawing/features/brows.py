"""Brows as clean bands of one colour, where the photo has hair."""

import cv2
import numpy as np

from toonstream.faces.mesh import BROWS
from toonstream_train.drawing.common.painting import paint, ramp
from toonstream_train.drawing.common.shapes import Points, curve, fill
from toonstream_train.drawing.common.smoothing import Floats, blur, grid, smoothstep


def brow(
    paper: Floats,
    lab: Floats,
    form: Floats,
    skin: Floats,
    landmarks: Points,
    side: int,
    trust: float,
    thick: float = 1.0,
) -> None:
    """One brow as a clean, tapered band that lies where the photo's hair lies, as dark as that and `thick` as thick.

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
    width = (
        thick * np.clip(1.2 * width, 0.25, 1.5) * np.minimum(1, 0.25 + 1.9 * t) * np.minimum(1, 0.42 + 2.6 * (1 - t))
    )
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
