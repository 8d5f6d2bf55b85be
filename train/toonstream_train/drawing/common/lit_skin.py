"""The lit skin: a face as its light side has it, its shadows soft, in one complexion from forehead to neck.

Light and colour change by smooth fields over all that is on a face, so no border of a mask can show.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import OVAL
from toonstream_train.drawing.common.painting import ramp
from toonstream_train.drawing.common.shapes import Points, fill
from toonstream_train.drawing.common.skin import Skin
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep
from toonstream_train.drawing.common.tones import tall

LIT = 65
"""The percentile of the face's lightness that its skin is painted in."""
SHADOW, HIGHLIGHT = 0.62, 0.85
"""How much of a faint shadow's and of a light's distance to the base tone stays."""
DEEP = (0.30, 0.62)
"""From the first share of the base tone below it to the second a shadow becomes as deep as the photo has it."""
RICHER, REVIVED = 1.02, 0.06
"""How much the skin's chroma grows, and how much more where a camera left little of it."""
HUE, PALE = np.radians(53.0), 21.0
"""The hue that skin has in good light, and the least chroma."""
RICHEST = 9.0, 0.26
"""Of red skin's chroma beyond the first and the second for each step of lightness a quarter stays: more looks burnt."""
HEALTHIER = 0.5
"""How far the skin's colour goes to the one that good light would show."""
WHITE, BRIGHTER = 90.0, (1.05, 1.15)
"""A photo whose lightest parts are darker than this was exposed too low: its skin gains as much, up to the first; up to
the second where it is pink. Brown skin is yellower, and as deep in good light."""
OWN = 0.45
"""How much of a place's own colour stays beside the face's."""
STRAY = (8.0, 16.0)
"""A place that differs from the face in chroma by less than the first is skin, by more than the second is not."""


def base_tone(light: Floats, skin: Skin) -> float:
    """The lightness of the lit skin, for the photo's lightness (H, W)."""
    return float(np.percentile(light[skin.sample], LIT))


def lit_tone(form: Floats, base: float) -> Floats:
    """Smooth lightness of skin (H, W), relit: nearer to the base tone, but in deep shadow as the photo has it."""
    away = form - np.float32(base)
    deep = smoothstep(-away, DEEP[0] * base, DEEP[1] * base)
    share = np.where(away > 0, np.float32(HIGHLIGHT), np.float32(SHADOW) + np.float32(1 - SHADOW) * deep)
    out: Floats = (np.float32(base) + share * away).astype(np.float32)
    return out


def lit_chroma(chroma: Floats, tone: Floats, base: float, own: NDArray[np.float32], aim: NDArray[np.float32]) -> Floats:
    """The skin's chroma (H, W, 2): the face's own everywhere, a little richer, less of it in the dark.

    chroma: what the photo has, smooth; tone: (H, W), the lightness it is painted in; own: (2,), by `face_chroma`;
    aim: (2,), what that becomes.
    """
    dim = np.sqrt((tone / np.float32(max(base, 1.0))).clip(0.12, 1.1))[..., None]
    stray = chroma - own * dim
    size = cv2.magnitude(stray[..., 0].copy(), stray[..., 1].copy())
    alike = smoothstep(size, STRAY[1], STRAY[0])[..., None]
    richer = RICHER + REVIVED * ramp(float(np.hypot(*own)), 20.0, 10.0)
    out: Floats = chroma + alike * ((richer * aim * dim + OWN * stray) - chroma)
    return out


def face_chroma(chroma: Floats, skin: Skin) -> NDArray[np.float32]:
    """The face's chroma (2,), where it is lit."""
    values, light = chroma[skin.sample], skin.form[skin.sample]
    out: NDArray[np.float32] = np.median(values[light >= np.percentile(light, 40)], axis=0).astype(np.float32)
    return out


def healthy(chroma: NDArray[np.float32], lit: float) -> NDArray[np.float32]:
    """A skin's chroma (2,) as good light shows it, painted at the lightness `lit`.

    Haze and lamps make it grey or green, cameras too red; a grey photo stays grey.
    """
    size, hue = float(np.hypot(*chroma)), float(np.arctan2(chroma[1], chroma[0]))
    sure, red = ramp(size, 2.5, 7.0), pink(chroma)  # brown skin is as rich, but yellower
    hue += 0.6 * sure * max(ramp(size, 22.0, 10.0), red) * (HUE - hue)  # the paler, the less its hue says
    size += 0.65 * sure * max(PALE - size, 0)
    size -= 0.75 * red * max(size - RICHEST[0] - RICHEST[1] * lit, 0)
    return np.array([size * np.cos(hue), size * np.sin(hue)], np.float32)


def pink(chroma: NDArray[np.float32]) -> float:
    """1 for a skin's chroma (2,) of a pink hue, 0 for a yellow one."""
    return ramp(float(np.degrees(np.arctan2(chroma[1], chroma[0]))), 54.0, 42.0)


def exposure(light: Floats, landmarks: Points, base: float, own: NDArray[np.float32]) -> float:
    """By how much to brighten skin on a photo of this lightness (H, W); light skin has enough.

    landmarks: (478, 2) in pixels; base, own: the skin's base tone and its chroma (2,).
    """
    most = BRIGHTER[0] + (BRIGHTER[1] - BRIGHTER[0]) * ramp(base, 44.0, 54.0) * pink(own)
    # Teeth, eyes and shine tell brown skin in good light from fair skin in little.
    face = fill(landmarks[OVAL], (light.shape[0], light.shape[1])) > 0.5
    around = float(np.percentile(light[::4, ::4], 98))
    own_lightest = float(np.percentile(light[face], 99.7)) if face.any() else around
    # A lamp behind a face says little of the light on it.
    short = min(max(WHITE / max(own_lightest, 0.5 * (own_lightest + around), 1.0), 1.0), most)
    return 1 + (short - 1) * ramp(base, 80.0, 55.0)


def relighting(light: Floats, skin: Skin, landmarks: Points) -> Floats:
    """By what to multiply a photo's lightness (H, W) to relight the face with all that is on it, 1 away from it."""
    base = base_tone(light, skin)
    lit = lit_tone(skin.form, base) * np.float32(exposure(light, landmarks, base, face_chroma(skin.chroma, skin)))
    face = np.maximum(fill(tall(landmarks), (light.shape[0], light.shape[1])), skin.where)
    out: Floats = 1 + softened(face) * (lit / np.maximum(skin.form, 8.0) - 1).clip(-0.3, 0.6)
    return out


def healthier(chroma: Floats, skin: Skin) -> NDArray[np.float32]:
    """What to add to the skin's own chroma, (2,), towards the one that good light would show."""
    own = face_chroma(chroma, skin)
    out: NDArray[np.float32] = np.float32(HEALTHIER) * (healthy(own, base_tone(skin.form, skin)) - own)
    return out


def tinting(chroma: Floats, skin: Skin) -> Floats:
    """What to add to the skin's smooth chroma (H, W, 2), which is relit, for one complexion."""
    base, own = base_tone(skin.form, skin), face_chroma(chroma, skin)
    aim = own + healthier(chroma, skin)
    height, width = skin.where.shape
    small, form, where = (
        cv2.resize(field, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        for field in (chroma, skin.form, skin.where)
    )
    added = blur(where, 4.5)[..., None] * (lit_chroma(small, form, base, own, aim) - small)
    out: Floats = cv2.resize(added, (width, height), interpolation=cv2.INTER_LINEAR)
    return skin.where[..., None] * out


def softened(face: Floats) -> Floats:
    """A mask (H, W) whose border is as wide and soft as a shadow's."""
    small = cv2.resize(face, (face.shape[1] // 4, face.shape[0] // 4), interpolation=cv2.INTER_AREA)
    # Within the face only: a wall behind it must not glow.
    inner = smoothstep(blur(small, 4.0), 0.4, 0.95)
    out: Floats = cv2.resize(inner, (face.shape[1], face.shape[0]), interpolation=cv2.INTER_LINEAR)
    return out


def brightened(picture: Floats, gain: Floats) -> Floats:
    """A picture (H, W, 3) under so much more light (H, W), none of it lighter than near white for that."""
    out = picture.copy()
    light = picture[..., 0]
    out[..., 0] = np.minimum(light * gain, np.maximum(light, 92.0))
    return out
