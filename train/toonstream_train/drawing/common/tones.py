"""Flat tones off the skin, and where the mesh and its colour say that skin is."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES, MOUTH, OVAL
from toonstream_train.drawing.common.shapes import face_width, fill, grown
from toonstream_train.drawing.common.smoothing import Floats, blur, smoothstep

GENERAL_STEP = 13.0  # lightness between tones off the skin


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


def tall(landmarks: NDArray[np.float32], rise: float = 0.22) -> NDArray[np.float32]:
    """The outline (N, 2) of a face up to its hairline: the mesh ends amid the forehead, a bald head does not.

    rise: how much farther from the face's middle its upper half lies, as a share of that distance.
    """
    outline = landmarks[OVAL]
    higher = np.maximum(0.5 * (landmarks[10] + landmarks[152]) - outline, 0) * np.array([0, rise], np.float32)
    out: NDArray[np.float32] = (outline - higher).astype(np.float32)
    return out


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
    face = fill(tall(landmarks), (height, width))
    chin, top = landmarks[152], landmarks[10]
    down = np.hypot(*(chin - top))
    # The neck: a box under the chin.
    near = blur(grown(face, 61), 14)
    neck = np.zeros_like(face)
    half = 0.42 * face_width(landmarks)
    middle = float(chin[0])
    left, right, above = round(middle - half), round(middle + half), round(float(chin[1]) - 0.1 * down)
    cv2.rectangle(neck, (left, above), (right, height), 1.0, -1)
    place = np.maximum(near, blur(neck, 20))
    inner = blur(face, 5)
    # Above the mesh there may be hair, fair or red as the skin: only what is quite alike goes for a bald head.
    forehead = fill(landmarks[OVAL], (height, width))
    outside = 1 - blur(forehead, 6)
    above = outside * inner
    # Beside the face what is half as light is hair, down to the mouth, where a neck begins.
    rows = np.arange(height, dtype=np.float32)[:, None]
    head = smoothstep(rows, float(chin[1]), float(landmarks[14, 1]))
    alike *= 1 - outside * head * smoothstep(lab[..., 0], 0.8 * centre[0], 0.55 * centre[0])
    wide = smoothstep(alike * (1 - (1 - alike) * above), 0.22, 0.6) * place
    # In one piece, without spots of the one in the other.
    large, small = (cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)) for size in (45, 31))
    calm = cv2.morphologyEx(cv2.morphologyEx(wide, cv2.MORPH_CLOSE, large), cv2.MORPH_OPEN, small)
    wide += above * (calm - wide)
    # Inside the face everything is skin unless it is plainly something else.
    # Around and below the mouth that includes beards, however pale.
    nose, lip = float(landmarks[1, 1]), float(landmarks[0, 1])
    lower = smoothstep(rows, nose, max(lip, nose + 1))
    inside = smoothstep(alike, 0.004 + 0.16 * lower, 0.05 + 0.4 * lower) * np.minimum(inner, blur(forehead, 5))
    out: Floats = blur(np.maximum(wide, inside), 1.5)
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


def general_tones(light: Floats) -> Floats:
    """Lightness in even steps, crisp where the picture changes, soft where it is nearly flat, (H, W)."""
    step = np.float32(GENERAL_STEP)
    width = (0.12 + 0.5 * np.exp(-blur(slope(light), 1.5) / 0.3)).astype(np.float32)  # of a step, either side
    position = light / step - 0.5
    floor = np.floor(position)
    rise = smoothstep(position - floor, 0.5 - width, 0.5 + width)
    out: Floats = (floor + 0.5 + rise) * step
    return np.maximum(out, np.minimum(light, 4.0))


def masses(calm: Floats, steps: float, vivid: float) -> Floats:
    """What is not skin: a smoothed photo (H, W, 3) with its lights apart from its darks, and more colour.

    steps: how much of the light comes in even steps, 0 to 1; vivid: more chroma, where there is not much already.
    """
    out = calm.copy()
    light = np.ascontiguousarray(calm[..., 0])
    size = (light.shape[1], light.shape[0])
    small = cv2.resize(light, (size[0] // 4, size[1] // 4), interpolation=cv2.INTER_AREA)
    broad = cv2.resize(blur(small, 4), size, interpolation=cv2.INTER_LINEAR)
    apart = (light - broad).clip(-12, 16)
    out[..., 0] += np.float32(steps) * (general_tones(light) - light) + np.float32(0.35) * apart
    chroma = cv2.magnitude(out[..., 1].copy(), out[..., 2].copy())
    out[..., 1:] *= (1 + vivid * (1 - smoothstep(chroma, 25.0, 70.0)))[..., None]
    out[..., 0].clip(0, 100, out=out[..., 0])
    return out
