"""The lit skin: a face as its light side has it, its shadows soft, in one complexion from forehead to neck.

What changes is always a smooth field added to what the photo has, so no border of a mask can show.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream_train.drawing.skin import Skin
from toonstream_train.drawing.smoothing import Floats, blur, smoothstep

LIT = 65
"""The percentile of the face's lightness that its skin is painted in."""
SHADOW, HIGHLIGHT = 0.62, 0.85
"""How much of a faint shadow's and of a light's distance to the base tone stays."""
DEEP = (0.30, 0.62)
"""From the first share of the base tone below it to the second a shadow becomes as deep as the photo has it."""
RICHER = 1.10
"""How much the skin's chroma grows."""
OWN = 0.45
"""How much of a place's own colour stays beside the face's."""
STRAY = (9.0, 22.0)
"""A place that differs from the face in chroma by less than the first is skin, by more than the second is not."""


def base_tone(light: Floats, skin: Skin) -> float:
    """The lightness of the lit skin, for the photo's lightness (H, W)."""
    return float(np.percentile(light[skin.sample], LIT))


def lit_tone(form: Floats, base: float) -> Floats:
    """Smooth lightness of skin (H, W), relit: nearer to the base tone, but in deep shadow as the photo has it."""
    away = form - np.float32(base)
    deep = smoothstep(-away, DEEP[0] * base, DEEP[1] * base)
    out: Floats = base + np.where(away > 0, HIGHLIGHT, SHADOW + (1 - SHADOW) * deep).astype(np.float32) * away
    return out


def lit_chroma(chroma: Floats, tone: Floats, base: float, own: NDArray[np.float32]) -> Floats:
    """The skin's chroma (H, W, 2): the face's own everywhere, a little richer, less of it in the dark.

    chroma: what the photo has, smooth; tone: (H, W), the lightness it is painted in; own: (2,), by `face_chroma`.
    """
    dim = np.sqrt((tone / np.float32(max(base, 1.0))).clip(0.12, 1.1))[..., None]
    stray = chroma - own * dim
    size = cv2.magnitude(stray[..., 0].copy(), stray[..., 1].copy())
    alike = smoothstep(size, STRAY[1], STRAY[0])[..., None]
    out: Floats = chroma + alike * ((RICHER * own * dim + OWN * stray) - chroma)
    return out


def face_chroma(chroma: Floats, skin: Skin) -> NDArray[np.float32]:
    """The face's chroma (2,), where it is lit."""
    values, light = chroma[skin.sample], skin.form[skin.sample]
    out: NDArray[np.float32] = np.median(values[light >= np.percentile(light, 40)], axis=0).astype(np.float32)
    return out


def relit(light: Floats, chroma: Floats, skin: Skin) -> tuple[Floats, Floats]:
    """What relighting adds to a photo's lightness (H, W) and to the skin's chroma (H, W, 2), fading out at its border.

    light: as the photo has it; chroma: (H, W, 2), of the skin, smooth.
    """
    base, own = base_tone(light, skin), face_chroma(chroma, skin)
    tone = lit_tone(skin.form, base)
    inner = skin.where * blur(skin.where, 9.0)
    return inner * (tone - skin.form), inner[..., None] * (lit_chroma(chroma, tone, base, own) - chroma)
