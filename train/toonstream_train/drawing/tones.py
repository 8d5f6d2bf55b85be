"""Flat tones: two to four steps on the skin by the face's own light, coarser steps elsewhere."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream_train.drawing.shapes import BROWS, EYES, MOUTH, OVAL, fill, grown
from toonstream_train.drawing.smoothing import Floats, blur, smoothstep

GENERAL_STEP = 13.0  # lightness between tones off the skin
LIT, SHADED = 0.7, 0.9  # how much of the light's and the shadow's distance to the middle tone is kept
SATURATION = 0.18  # more chroma, where there is not much already


def skin_sample(landmarks: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Where the mesh says bare skin: the face without eyes, brows and mouth. (H, W)."""
    mask = fill(landmarks[OVAL], shape)
    size = 15
    mask = cv2.erode(mask, np.ones((size, size), np.uint8))
    holes = np.zeros(shape, np.float32)
    for outline in (*EYES, *BROWS, MOUTH):
        holes = np.maximum(holes, fill(landmarks[outline], shape))
    holes = cv2.dilate(holes, np.ones((size, size), np.uint8))
    out: NDArray[np.bool_] = (mask > 0.5) & (holes < 0.5)
    # A mesh that lies outside the picture or folds up says nothing: then the middle is all there is to go by.
    if out.sum() < 200:
        out[shape[0] // 4 : -shape[0] // 4, shape[1] // 4 : -shape[1] // 4] = True
    return out


def skin_light(lab: Floats, landmarks: NDArray[np.float32]) -> float:
    """The lightness of a face's skin on a photo in LAB (H, W, 3)."""
    return float(np.median(lab[..., 0][skin_sample(landmarks, (lab.shape[0], lab.shape[1]))]))


def likely_skin(lab: Floats, landmarks: NDArray[np.float32], sample: NDArray[np.bool_]) -> Floats:
    """How much each pixel looks like this face's skin and lies where skin may be: (H, W), 0 to 1."""
    height, width = lab.shape[:2]
    values = lab[sample]
    light = values[:, 0]
    low, high = np.percentile(light, [10, 97])
    core = values[(light >= low) & (light <= high)]
    centre = np.median(core, axis=0)
    spread = np.maximum(1.48 * np.median(np.abs(core - centre), axis=0), (6.0, 3.0, 3.5))
    # Chroma shrinks with the light, so compare what is left of it at the face's own lightness.
    relief = np.clip(centre[0] / np.maximum(lab[..., 0], 8.0), 0.6, 1.8)
    da = (lab[..., 1] * relief - centre[1]) / spread[1]
    db = (lab[..., 2] * relief - centre[2]) / spread[2]
    dl = np.minimum(lab[..., 0] - (low - 6), 0) / 7.0
    alike = np.exp(-0.5 * ((da * da + db * db) / 9 + dl * dl)).astype(np.float32)
    face = fill(landmarks[OVAL], (height, width))
    chin, top = landmarks[152], landmarks[10]
    down = np.hypot(*(chin - top))
    # The neck: a box under the chin.
    near = blur(grown(face, 61), 14)
    neck = np.zeros_like(face)
    half = 0.42 * np.hypot(*(landmarks[454] - landmarks[234]))
    middle = float(chin[0])
    left, right, above = round(middle - half), round(middle + half), round(float(chin[1]) - 0.1 * down)
    cv2.rectangle(neck, (left, above), (right, height), 1.0, -1)
    place = np.maximum(near, blur(neck, 20))
    inner = blur(face, 5)
    wide = smoothstep(alike, 0.22, 0.6) * place
    # Inside the face everything is skin unless it is plainly something else.
    # Around and below the mouth that includes beards, however pale.
    nose, lip = float(landmarks[1, 1]), float(landmarks[0, 1])
    rows = np.arange(height, dtype=np.float32)[:, None]
    lower = smoothstep(rows, nose, max(lip, nose + 1))
    inside = smoothstep(alike, 0.004 + 0.16 * lower, 0.05 + 0.4 * lower) * inner
    out: Floats = blur(np.maximum(wide, inside), 1.5)
    return out


def within(values: Floats, weight: Floats, sigma: float) -> Floats:
    """Gaussian blur of `values` (H, W) that looks only where `weight` (H, W) is, and fills the rest from there."""
    near, far = weight + 1e-4, blur(weight, 3 * sigma) + 1e-5
    fallback = blur(values * weight, 3 * sigma) / far
    trust = blur(near, sigma)
    out: Floats = (blur(values * weight, sigma) + 0.02 * fallback) / (trust + 0.02)
    return out


def without_islands(light: Floats, size: int) -> Floats:
    """Lightness (H, W) without spots narrower than `size` pixels, its other contours rounded."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    opened = cv2.morphologyEx(light, cv2.MORPH_OPEN, kernel)
    return blur(cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel), 2.5)


def features_mask(landmarks: NDArray[np.float32], shape: tuple[int, int], larger: float = 1.0) -> Floats:
    """Coverage (H, W) of eyes and brows with their lashes and shadows; `larger`: how much larger than in life."""
    mask = np.zeros(shape, np.float32)
    for outline, margin in ((EYES[0], 25), (EYES[1], 25), (BROWS[0], 21), (BROWS[1], 21)):
        mask = np.maximum(mask, grown(fill(landmarks[outline], shape), round(margin * larger) | 1))
    return blur(mask, 2.5)


def slope(light: Floats) -> Floats:
    """How much lightness changes from pixel to pixel, (H, W)."""
    gx = cv2.Sobel(light, cv2.CV_32F, 1, 0) / 8
    gy = cv2.Sobel(light, cv2.CV_32F, 0, 1) / 8
    out: Floats = np.sqrt(gx * gx + gy * gy)
    return out


def skin_tones(light: Floats, sample: NDArray[np.bool_], weight: Floats) -> Floats:
    """Lightness of the skin in steps, (H, W). `light` is smooth; thresholds follow the sampled face's own range.

    Every tone is the mean of what it replaces, so the face as a whole becomes neither lighter nor darker.
    """
    values = light[sample]
    p5, p50, p95 = np.percentile(values, [5, 50, 95])
    below, above = max(p50 - p5, 6.0), max(p95 - p50, 5.0)
    thresholds = [p50 - 0.95 * below - 5.0, p50 - 0.42 * below - 1.0, p50 + 0.55 * above + 0.5]
    if below + above > 36:  # hard light: one more step keeps the form
        thresholds.insert(2, p50 + 0.05 * above)
        thresholds[3] = p50 + 0.7 * above
    # The step is about two pixels wide however flat the light lies, but never so narrow that noise could flip it.
    width = np.maximum(1.3 * blur(slope(light), 1.0), 0.5)
    steps = [np.ones_like(light)]
    steps += [smoothstep(light, np.float32(t) - width, np.float32(t) + width) for t in thresholds]
    steps.append(np.zeros_like(light))
    out = np.zeros_like(light)
    counted = weight + 1e-4
    # What is far beyond the outer thresholds is hardly skin: it must not pull their tones along.
    within_reach = light.clip(thresholds[0] - max(7.0, 0.35 * below), thresholds[-1] + max(7.0, 0.5 * above))
    for low, high in pairwise(steps):
        member = low - high
        share = member * counted
        tone = float((share * within_reach).sum() / max(float(share.sum()), 1e-3))
        # Gently lit, as a draughtsman would: full contrast between flat tones reads as blotches.
        out += member * np.float32(p50 + (LIT if tone > p50 else SHADED) * (tone - p50))
    return out


def general_tones(light: Floats) -> Floats:
    """Lightness in even steps, crisp where the picture changes, soft where it is nearly flat, (H, W)."""
    step = np.float32(GENERAL_STEP)
    width = (0.12 + 0.5 * np.exp(-blur(slope(light), 1.5) / 0.3)).astype(np.float32)  # of a step, either side
    position = light / step - 0.5
    floor = np.floor(position)
    rise = smoothstep(position - floor, 0.5 - width, 0.5 + width)
    out: Floats = (floor + 0.5 + rise) * step
    return np.maximum(out, np.minimum(light, 4.0))


@dataclass(frozen=True)
class Flat:
    """The drawing before ink, and what was found on the way; pictures (H, W)."""

    paper: Floats
    """(H, W, 3) LAB."""
    skin: Floats
    """Where skin is, 0 to 1."""
    certain: Floats
    """Where skin is and the mesh says so too, 0 to 1."""
    bare: Floats
    """Smooth lightness of the skin as if it went on under brows and eyes."""
    median: float
    """The skin's own lightness."""


def flat(calm: Floats, landmarks: NDArray[np.float32]) -> Flat:
    """Flat tones for a smoothed photo, LAB (H, W, 3)."""
    shape = (calm.shape[0], calm.shape[1])
    light = np.ascontiguousarray(calm[..., 0])
    sample = skin_sample(landmarks, shape)
    skin = likely_skin(calm, landmarks, sample)
    sure = sample & (skin > 0.5)
    if sure.sum() > 0.25 * sample.sum():
        sample = sure
    certain = skin * blur(sample.astype(np.float32), 2)
    # Brows and lashes are drawn later: under them the skin goes on, else every eye would sit in a dark pit.
    apart = features_mask(landmarks, shape)
    smooth = cv2.ximgproc.guidedFilter(light, light, 10, 9.0)
    bare = without_islands(within(smooth, skin * (1 - apart), 2.5), 19)
    stepped = skin_tones(bare, sample, certain)
    # Black stays black: a face lit from one side goes over into the night without a rim.
    stepped += smoothstep(light, 14.0, 4.0) * (np.minimum(stepped, light) - stepped)

    # Where the tones are far from the photo it is no skin after all: a fringe, glasses, a pipe.
    away = blur(stepped - light, 1.0)
    # A small bright spot is only a shine, though, and belongs to the skin.
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (29, 29))
    brighter = cv2.morphologyEx(smoothstep(-away, 11.0, 18.0), cv2.MORPH_OPEN, kernel)
    median = float(np.median(light[sample]))
    near, far = (step * min(max(median / 50, 0.5), 1.0) for step in (11.0, 18.0))
    foreign = np.maximum(smoothstep(away, near, far), brighter)
    skin = skin * (1 - foreign * (1 - 0.8 * apart))
    # A crisp border, on the photo's own: half skin, half hair would be mud.
    skin = smoothstep(cv2.ximgproc.guidedFilter(light, skin, 6, 4.0), 0.36, 0.64)

    general = general_tones(light)
    chroma = calm[..., 1:]
    # The skin's colour goes with its tone, and neither the wall nor the lips bleed into it.
    lips = cv2.dilate(fill(landmarks[MOUTH], shape), np.ones((9, 9), np.uint8))
    inner = skin * (1 - np.maximum(apart, lips))
    own = np.dstack([within(np.ascontiguousarray(chroma[..., i]), inner, 3.0) for i in (0, 1)])
    soft = cv2.ximgproc.guidedFilter(stepped, own, 28, 10.0)
    chroma = chroma + skin[..., None] * (soft - chroma)
    strong = smoothstep(cv2.magnitude(chroma[..., 0].copy(), chroma[..., 1].copy()), 25.0, 60.0)
    chroma = chroma * (1 + SATURATION * (1 - strong))[..., None]
    paper = np.dstack([general + skin * (stepped - general), chroma]).astype(np.float32)
    return Flat(paper, skin, certain, bare, median)
