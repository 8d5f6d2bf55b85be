"""Skin as a comic has it: nearly one tone, with one soft-edged shadow, lively in colour."""

import numpy as np

from toonstream.faces.mesh import BROWS, EYES, MOUTH
from toonstream_train.drawing.common.analysis import Analysis
from toonstream_train.drawing.common.lit_skin import face_chroma, healthy, pink
from toonstream_train.drawing.common.painting import paint, ramp
from toonstream_train.drawing.common.shapes import Points, face_width, fill, grown
from toonstream_train.drawing.common.smoothing import Floats, blur, calm_neighbour, smoothstep
from toonstream_train.drawing.common.tones import masses

FORM, RELIEF = 0.35, 0.5
"""How much of the form within a tone stays, and of what lies on it."""
STEP, DEEPEST, SOFT = 0.6, 0.28, 5.0
"""The shadow's share of the depth that the photo has, at most so much of the base tone; half the width of its edge."""
SHINE = 12.0
"""How much lighter than its form skin gets at most, before `RELIEF`."""
VIVID = 0.25
"""More chroma off the skin, where there is not much already."""
FRESHER = 7.0
"""How much lighter than life a comic has light skin, and pink skin of middling lightness; deep skin stays as deep."""
HEALTHIER = 0.35
"""How much farther the skin's colour goes to the one that good light would show."""


def flat_tones(seen: Analysis, steps: float) -> Floats:
    """The photo in flat tones, LAB (H, W, 3).

    steps: how much of the light off the skin comes in even steps, 0 to 1.
    """
    skin = seen.skin
    # Where a beard grows the border of the skin is no border.
    where = skin.where + skin.below * (blur(skin.where, 6.0) - skin.where)
    paper = masses(calm_neighbour(calm_neighbour(seen.face, 6), 5), steps, VIVID)
    face = seen.face.copy()
    face[..., 0] = toned(seen)
    own = face_chroma(skin.chroma, skin)
    dim = np.sqrt((seen.face[..., 0] / np.float32(max(seen.base, 1.0))).clip(0.12, 1.1))
    face[..., 1:] += dim[..., None] * np.float32(HEALTHIER) * (healthy(own, seen.base) - own)
    paint(paper, where * (1 - seen.wire), face)
    return paper


def toned(seen: Analysis) -> Floats:
    """The face's lightness (H, W) in two tones with a soft border between."""
    skin, base = seen.skin, seen.base
    depth = max(base - float(np.percentile(skin.form[skin.sample], 5)), 0.0)
    border = max(0.5 * depth, 6.0)
    # In even light there is no shadow worth a border.
    step = STEP * min(depth, DEEPEST * base) * ramp(depth, 6.0, 16.0)
    away = skin.form - np.float32(base)
    shadow = smoothstep(-away, border - SOFT, border + SOFT)
    tone = base + FORM * away.clip(-1.6 * border, 12.0) - max(step - FORM * border, 0.0) * shadow
    # Black stays black: a face lit from one side goes over into the night without a rim.
    night = smoothstep(skin.form, 0.45 * base, 0.15 * base)
    tone += night * (np.minimum(skin.form, tone) - tone)
    relief = seen.face[..., 0] - skin.form
    # What is strong and dark is no skin: a beard, a lock of hair. What is bright is shine, and soft.
    relief = np.where(relief > 0, SHINE * np.tanh(relief / SHINE), relief).astype(np.float32)
    kept = RELIEF + (1 - RELIEF) * smoothstep(-relief, 6.0, 14.0)
    out: Floats = (tone + kept * relief).astype(np.float32)
    share: Floats = (out / 100).clip(0, 1)
    red = pink(face_chroma(skin.chroma, skin))
    fresher = FRESHER * (red * ramp(base, 52.0, 70.0) + (1 - red) * ramp(base, 64.0, 76.0))
    out += np.float32(4 * fresher) * share * (1 - share)
    return out


def around_features(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """Eyes, brows and lips with their shadows, (H, W) 0 to 1."""
    face = face_width(landmarks)
    out = np.zeros(shape, np.float32)
    for outline, margin in ((EYES[0], 0.07), (EYES[1], 0.07), (BROWS[0], 0.03), (BROWS[1], 0.03), (MOUTH, 0.02)):
        out = np.maximum(out, grown(fill(landmarks[outline], shape), 2 * round(margin * face) + 1))
    return blur(out, 0.01 * face + 0.3)
