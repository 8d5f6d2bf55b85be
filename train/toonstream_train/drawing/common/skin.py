"""Where a face's skin is, and what its light and colour would be without hair, shadows of lids and pores."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import MOUTH, OVAL
from toonstream_train.drawing.common.hair import off_hue
from toonstream_train.drawing.common.painting import ramp
from toonstream_train.drawing.common.shapes import Points, face_width, fill, grown
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep
from toonstream_train.drawing.common.tones import features_mask, likely_skin, skin_sample, slope, tall, without_islands

GROWN = 1.35
"""Eyes and brows with what surrounds them are about that much larger than on the photo."""


SPOT = 11
"""What is narrower is no form of a face, in pixels of half the paper's size."""


FOLD = 0.035
"""Half the width of the widest fold beside a mouth, in widths of the face."""


@dataclass(frozen=True)
class Skin:
    """What is known of a face's skin; pictures (H, W)."""

    where: Floats
    """Where skin is, 0 to 1."""
    hair: Floats
    """Where hair is, above the mouth."""
    form: Floats
    """Its lightness as light and form alone make it, also under brows and eyes."""
    chroma: Floats
    """(H, W, 2), its own colour there."""
    eyes: Floats
    """Where eyes and brows are, with what surrounds them, 0 to 1."""
    lips: Floats
    """Where the lips are, 0 to 1."""
    below: Floats
    """1 below the nose, 0 above it."""
    sample: NDArray[np.bool_]
    """Pixels that are surely skin."""
    median: float
    """Its own lightness."""
    contrast: float
    """How much of light skin's contrasts it shows: the same fold is fainter on dark skin."""


def spot(landmarks: Points, index: int, radius: float, shape: tuple[int, int]) -> Floats:
    """A soft round spot (H, W) at a landmark."""
    (cx, cy), (height, width) = landmarks[index] - 0.5, shape
    down, across = (
        np.exp(-0.5 * ((np.arange(size) - at) / radius) ** 2).astype(np.float32)
        for size, at in ((height, cy), (width, cx))
    )
    out: Floats = np.outer(down, across)
    return out


def filled(values: Floats, weight: Floats, sigma: float) -> Floats:
    """Gaussian blur of `values` (H, W, C) that looks only where `weight` (H, W) is; holes close from their rims."""
    height, width = weight.shape
    carried = np.dstack([values * weight[..., None], weight])
    small = cv2.resize(carried, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    out = small.mean((0, 1)) / max(float(small[..., -1].mean()), 1e-4)
    for wider in (18.0, 6.0):
        near = blur(small, max(wider * sigma / 4, 1.0))
        out = (near + 0.02 * out) / (near[..., -1:] + 0.02)
    near, far = blur(carried, sigma), cv2.resize(out, (width, height), interpolation=cv2.INTER_LINEAR)
    result: Floats = ((near + 0.02 * far) / (near[..., -1:] + 0.02))[..., :-1]
    return result


def enlarged(picture: Floats, shape: tuple[int, int]) -> Floats:
    """A smooth field at the paper's size."""
    out: Floats = cv2.resize(picture, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return out


def under(combed: Floats, skin: Floats) -> tuple[Floats, Floats]:
    """Lightness (H, W) and chroma (H, W, 2) of the skin (H, W) as if it went on everywhere, smooth, without spots."""
    height, width = skin.shape
    half = (width // 2, height // 2)
    small = cv2.resize(combed, half, interpolation=cv2.INTER_AREA)
    light = np.ascontiguousarray(small[..., 0])
    smooth = cv2.ximgproc.guidedFilter(light, light, 6, 12.0)
    values = np.dstack([smooth, small[..., 1:]])
    own = filled(values, cv2.resize(skin, half, interpolation=cv2.INTER_AREA), 2.0)
    bare = without_islands(np.ascontiguousarray(own[..., 0]), SPOT)
    return enlarged(bare, (height, width)), enlarged(np.ascontiguousarray(own[..., 1:]), (height, width))


def shining(light: Floats, skin: Floats, median: float, landmarks: Points) -> Floats:
    """Where skin shines so that its colour is lost, (H, W) 0 to 1: bright spots amid the skin (H, W)."""
    width, kernel = face_width(landmarks), np.ones((3, 3), np.uint8)
    bright = (skin < 0.5) & (light > median + 6)
    head = fill(tall(landmarks), (skin.shape[0], skin.shape[1])) > 0.5
    out = np.zeros_like(skin)
    # What lies amid skin has skin all around; a small spot on the head may have hair on one side.
    for holes, largest, least in ((bright, 0.5, 0.9), (bright & head, 0.35, 0.5)):
        count, labels, stats, _ = cv2.connectedComponentsWithStats(holes.astype(np.uint8), connectivity=4)
        for index in range(1, count):
            left, top, across, down, area = stats[index]
            if area < 12 or max(across, down) > largest * width:
                continue
            window = np.s_[max(top - 6, 0) : top + down + 6, max(left - 6, 0) : left + across + 6]
            hole = (labels[window] == index).astype(np.uint8)
            rim = cv2.dilate(hole, kernel, iterations=5) - cv2.dilate(hole, kernel, iterations=3)
            if rim.any() and (skin[window] > 0.5)[rim > 0].mean() > least:
                out[window] = np.maximum(out[window], cv2.dilate(hole, kernel, iterations=3))
    return blur(out, 1.0)


def redness(picture: Floats, sample: NDArray[np.bool_]) -> tuple[Floats, float]:
    """How much of the skin's red each place of (H, W, 3) has for its light, 1 as the skin; how far that says anything.

    A beard, however pale, and stubble lack some; folds and shadows have it.
    """
    light = picture[..., 0]
    red, median = float(np.median(picture[..., 1][sample])), float(np.median(light[sample]))
    dim = np.sqrt((light / np.float32(max(median, 1.0))).clip(0.16, 1.1))
    share: Floats = blur(picture[..., 1], 1.5) / np.maximum(np.float32(max(red, 1.0)) * dim, 1.0)
    return share, ramp(red, 4.0, 10.0)


def wall(light: Floats, sample: NDArray[np.bool_], landmarks: Points) -> Floats:
    """What is brighter than all the skin beyond the face's outline, however alike in colour: (H, W), 0 to 1."""
    shape = (light.shape[0], light.shape[1])
    beyond = 1 - blur(fill(landmarks[OVAL], shape), 4)
    # Above the mesh a forehead may shine, less than a wall does.
    least = float(np.percentile(light[sample], 96)) + 1 + np.float32(10) * blur(fill(tall(landmarks), shape), 4)
    return beyond * smoothstep(light, least, least + 9)


def find(combed: Floats, landmarks: Points, trust: float, hair: Floats) -> Skin:
    """The skin on a photo (H, W, 3) smoothed along its contours.

    trust: 0 where dark glasses hide the eyes, 1 where they are seen; hair: (H, W), where it is, 0 to 1.
    """
    shape = (combed.shape[0], combed.shape[1])
    light = np.ascontiguousarray(combed[..., 0])
    sample = skin_sample(landmarks, shape)
    # Forehead, nose and cheeks know the skin's colour; a fringe and a beard do not.
    bare_part = sample & (hair < 0.5)
    bare_part[int(np.clip(landmarks[2, 1], 0, shape[0])) :] = False
    if bare_part.sum() > 0.25 * sample.sum():
        sample = bare_part
    skin = likely_skin(combed, landmarks, sample)
    sure = sample & (skin > 0.5)
    if sure.sum() > 0.25 * sample.sum():
        sample = sure
    median = float(np.median(light[sample]))
    skin = skin * (1 - wall(light, sample, landmarks))
    # Below the nose what lacks the skin's red is a beard, however light; in the face what has it is skin, however dark.
    rows = np.arange(shape[0], dtype=np.float32)[:, None]
    below = smoothstep(np.repeat(rows, shape[1], 1), float(landmarks[1, 1]), float(landmarks[0, 1]) + 1)
    share, known = redness(combed, sample)
    # What is as light as skin must lack more of it: there may be shine.
    least = np.float32(0.85) - np.float32(0.2) * smoothstep(light, median - 6, median + 4)
    skin = skin * (1 - np.float32(known) * below * smoothstep(share, least, least - 0.35))
    least = np.float32(0.74) - np.float32(0.34) * smoothstep(light, median + 4, median + 14)
    ruddy = np.float32(known) * blur(fill(landmarks[OVAL], shape), 4)
    ruddy *= smoothstep(share, least, least + 0.2) * smoothstep(light, 0.2 * median, 0.4 * median)
    skin = np.maximum(skin, ruddy) * (1 - hair)
    # Above the brows what is no hair and has the skin's hue is skin, though it shines.
    own = np.median(combed[sample], axis=0)
    head = (1 - hair) * blur(fill(tall(landmarks), shape), 4) * smoothstep(off_hue(combed, own), 18.0, 10.0)
    shiny = head * smoothstep(light, own[0] + 6, own[0] + 14)
    skin = np.maximum.reduce([skin, head * smoothstep(light, 0.5 * own[0], 0.7 * own[0]), shiny])
    apart = trust * features_mask(landmarks, shape, GROWN)
    lips = blur(grown(fill(landmarks[MOUTH], shape), 9), 2)
    bare, chroma = under(combed, skin * (1 - np.maximum.reduce([apart, lips, shiny])))
    contrast = min(max(median / 50, 0.5), 1.0)
    skin = skin * (1 - foreign(light, bare, landmarks, contrast, ruddy, shiny) * (1 - 0.8 * apart))
    skin = smoothstep(cv2.ximgproc.guidedFilter(light, skin, 6, 4.0), 0.32, 0.68)
    skin = np.maximum(skin, shining(light, skin, median, landmarks) * (1 - apart) * (1 - hair))
    # The folds beside a mouth are lines on skin.
    inner = below * blur(1 - grown(1 - fill(landmarks[OVAL], shape), 11), 2) * (1 - lips)
    fold = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(FOLD * face_width(landmarks)) + 1,) * 2)
    skin = np.maximum(skin, inner * cv2.morphologyEx(skin, cv2.MORPH_CLOSE, fold))
    # A border where the picture has none is soft: skin that goes over into shadow, or into a thin beard.
    plain = smoothstep(blur(slope(light), 2.0), 1.6, 0.6)
    skin = skin + plain * (blur(skin, 0.03 * face_width(landmarks)) - skin)

    form = enlarged(cv2.ximgproc.guidedFilter(bare[::2, ::2].copy(), bare[::2, ::2].copy(), 8, 10.0), shape)
    return Skin(skin, hair, blur(form, 2.0), chroma, apart, lips, below, sample, median, contrast)


def foreign(light: Floats, bare: Floats, landmarks: Points, contrast: float, ruddy: Floats, shiny: Floats) -> Floats:
    """What is not skin after all, (H, W) 0 to 1: a fringe, glasses, the line of a hand's shadow.

    light: (H, W), beside that of bare skin; ruddy, shiny: (H, W), what has skin's red, or a lamp's light on it.
    """
    away = blur(bare - light, 1.0)
    # The folds of a smile are as dark as a beard, but as red as skin.
    shape, width = (light.shape[0], light.shape[1]), face_width(landmarks)
    fold = np.maximum.reduce([spot(landmarks, index, 0.05 * width, shape) for index in (57, 287, 216, 436)])
    limit: Floats = np.float32(contrast) * (1 + np.float32(0.9) * np.maximum(fold, 0.5) * ruddy)
    dark, bright = smoothstep(away, 13.0 * limit, 22.0 * limit), smoothstep(-away, 16.0, 26.0)
    return np.maximum(dark, (1 - np.maximum(ruddy, shiny)) * bright)
