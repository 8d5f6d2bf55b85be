"""Skin as a comic has it: nearly one tone, with one soft-edged shadow, lively in colour."""

import numpy as np

from toonstream.faces.mesh import BROWS, EYES, MOUTH, OVAL
from toonstream_train.drawing.common.analysis import Analysis
from toonstream_train.drawing.common.hair import off_hue
from toonstream_train.drawing.common.lit_skin import face_chroma, healthy, pink
from toonstream_train.drawing.common.painting import paint, ramp
from toonstream_train.drawing.common.shapes import Points, face_width, fill, grown
from toonstream_train.drawing.common.skin import filled
from toonstream_train.drawing.common.smoothing import Floats, blur, calm_neighbour, smoothstep
from toonstream_train.drawing.common.tones import masses

FORM, RELIEF = (0.35, 0.6), (0.5, 0.8)
"""How much of the form within a tone stays, and of what lies on it: on light skin, on deep skin, which lives by it."""
STEP, DEEPEST, SOFT = 0.6, 0.28, 5.0
"""The shadow's share of the depth that the photo has, at most so much of the base tone; half the width of its edge."""
SHINE = (12.0, 20.0)
"""How much lighter than its form skin gets at most, before `RELIEF`; likewise."""
LESS = 0.05
"""How much darker deep skin is painted than its base tone: without its shadows it would look lighter than it is."""
VIVID = 0.25
"""More chroma off the skin, where there is not much already."""
FRESHER = 5.0
"""How much lighter than life a comic has light skin, and pink skin of middling lightness; deep skin stays as deep."""
HEALTHIER = 0.6
"""How far the skin's colour goes to the one that good light would show."""
RICHER, DEEPER = 1.08, 0.33
"""How much richer than that skin of middling lightness is; how far deep skin goes beyond what it is in anyway."""
CREAM = np.array([0.76, 0.94])
"""Light skin is painted lighter than life; with all of its red it would look like salmon. What it keeps of a and b."""


def flat_tones(seen: Analysis, mesh: Points, steps: float) -> Floats:
    """The photo in flat tones, LAB (H, W, 3).

    steps: how much of the light off the skin comes in even steps, 0 to 1.
    """
    skin, whiskers = seen.skin, seen.whiskers
    # Where a beard grows the border of the skin is no border.
    where = np.maximum(skin.where, whiskers)
    paper = masses(calm_neighbour(calm_neighbour(seen.face, 6), 5), steps, VIVID)
    face = seen.face + whiskers[..., None] * (calm_neighbour(seen.combed, 3) - seen.face)
    face[..., 0] = toned(seen, face[..., 0])
    own = face_chroma(skin.chroma, skin)
    aim, painted = own + HEALTHIER * (healthy(own, seen.base) - own), face_chroma(face[..., 1:], skin)
    # A painter's warm shadows and rosy cheeks would make one flat tone salmon; without them deep skin would be grey.
    fair = ramp(seen.base, 42.0, 58.0)
    cream = 1 + ramp(seen.base, 60.0, 78.0) * (CREAM - 1)
    added = fair * (RICHER * cream * aim - painted) + (1 - fair) * DEEPER * (aim - own)
    dim = np.sqrt((seen.face[..., 0] / np.float32(max(seen.base, 1.0))).clip(0.12, 1.1))
    face[..., 1:] += (dim * skin.where)[..., None] * np.asarray(added, np.float32)
    # What is skin by its colour alone takes part, so that no patch shows where the mask errs.
    alike = smoothstep(off_hue(seen.face, np.array([seen.base, *own])), 12.0, 6.0)
    alike *= smoothstep(seen.face[..., 0], 0.5 * seen.base, 0.75 * seen.base)
    alike *= 1 - smoothstep(skin.hair, 0.4, 1.0) * (1 - blur(fill(mesh[OVAL], where.shape), 5))
    paper += alike[..., None] * filled(face - seen.face, where, 8.0)
    paint(paper, where * (1 - seen.wire), face)
    return paper


def toned(seen: Analysis, light: Floats) -> Floats:
    """The face's lightness (H, W) in two tones with a soft border between; whiskers keep theirs."""
    skin, base = seen.skin, seen.base
    deep = ramp(base, 56.0, 38.0)
    form, kept, most = (fair + deep * (dark - fair) for fair, dark in (FORM, RELIEF, SHINE))
    depth = max(base - float(np.percentile(skin.form[skin.sample], 5)), 0.0)
    border = max(0.5 * depth, 6.0)
    # In even light there is no shadow worth a border.
    step = STEP * min(depth, DEEPEST * base) * ramp(depth, 6.0, 16.0)
    away = skin.form - np.float32(base)
    shadow = smoothstep(-away, border - SOFT, border + SOFT)
    tone = (1 - LESS * deep) * base + form * away.clip(-1.6 * border, 12.0) - max(step - form * border, 0.0) * shadow
    # Black stays black: a face lit from one side goes over into the night without a rim.
    night = smoothstep(skin.form, 0.45 * base, 0.15 * base)
    tone += night * (np.minimum(skin.form, tone) - tone)
    relief = light - skin.form
    # What is strong and dark is no skin: a beard, a lock of hair. What is bright is shine, and soft.
    soft = np.where(relief > 0, most * np.tanh(relief / most), relief).astype(np.float32)
    out: Floats = (tone + (kept + (1 - kept) * smoothstep(-soft, 6.0, 14.0)) * soft).astype(np.float32)
    # In a beard the skin between is as light as other skin, hair as dark as it is.
    bare = smoothstep(light, 0.55 * base, 0.95 * base)
    out += seen.whiskers * (light + bare * (tone - skin.form) - out)
    share: Floats = (out / 100).clip(0, 1)
    red = pink(face_chroma(skin.chroma, skin))
    fresher = FRESHER * (red * ramp(base, 60.0, 74.0) + (1 - red) * ramp(base, 64.0, 76.0))
    out += np.float32(4 * fresher) * share * (1 - share)
    return out


def around_features(landmarks: Points, shape: tuple[int, int]) -> Floats:
    """Eyes, brows and lips with their shadows, (H, W) 0 to 1."""
    face = face_width(landmarks)
    out = np.zeros(shape, np.float32)
    for outline, margin in ((EYES[0], 0.07), (EYES[1], 0.07), (BROWS[0], 0.03), (BROWS[1], 0.03), (MOUTH, 0.02)):
        out = np.maximum(out, grown(fill(landmarks[outline], shape), 2 * round(margin * face) + 1))
    return blur(out, 0.01 * face + 0.3)
