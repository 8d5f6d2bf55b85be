"""Whether colours stay: hues of the whole picture, lightness of the skin."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import EYES, IRISES
from toonstream_train.data.skin import skin

TONES = {"very light": 55.0, "light": 41.0, "intermediate": 28.0, "tan": 10.0, "brown": -30.0, "dark": -90.0}
"""Skin tone groups by the individual typology angle in degrees, and what it exceeds (Chardon et al. 1991)."""
LIT = 65
"""Percentile of a face's lightness that is its lit skin."""

Images = NDArray[np.uint8]
Image = NDArray[np.uint8]


def hue_distance(photo: Image, toon: Image) -> float:
    """One minus the cosine between the hue histograms of two pictures (H, W, 3): 180 bins of HSV, every pixel.

    Progressive domain adaptation's Hue-HistD, section 4.3.
    """
    a, b = (
        np.bincount(cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)[..., 0].ravel(), minlength=180).astype(np.float64)
        for picture in (photo, toon)
    )
    return float(1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def mean_colour(picture: Image, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean CIELAB (L*, a*, b*) under the mask; L* is 0 to 100."""
    lab = cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    return np.asarray(lab[mask].mean(0), np.float64)


def tone(lab: NDArray[np.floating]) -> str:
    """The group of a mean skin colour, which light on the face moves as much as the skin does."""
    angle = np.degrees(np.arctan2(lab[0] - 50, max(float(lab[2]), 1e-6)))
    return next((name for name, above in TONES.items() if angle > above), "dark")


def lit(picture: Image, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The lit skin under the mask: LIT percentile of L*, and the mean chroma of what is at least as light."""
    lab = cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)[mask]
    light = np.percentile(lab[:, 0], LIT)
    return np.array([light, np.hypot(*lab[lab[:, 0] >= light][:, 1:].T).mean()])


def skin_change(
    photos: Images, toons: Images, points: NDArray[np.floating], drawn: NDArray[np.floating]
) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
    """Mean change of the lit skin's L* and of its chroma by tone group of the photo, and how many photos each has.

    photos, toons: (N, H, H, 3). points, drawn: (N, 478, 2), where the landmarks lie in photos and in toons, NaN for
    those to leave out.
    """
    changes: dict[str, list[NDArray[np.float64]]] = {name: [] for name in TONES}
    for photo, toon, before, after in zip(photos, toons, points, drawn, strict=True):
        if not np.isfinite(before).all() or not np.isfinite(after).all():
            continue
        here, there = skin(before, photo.shape[0]), skin(after, photo.shape[0])
        if here.any() and there.any():
            changes[tone(mean_colour(photo, here))].append(lit(toon, there) - lit(photo, here))
    known = {name: np.array(values) for name, values in changes.items() if values}
    means = [{name: float(v[:, k].mean()) for name, v in known.items()} for k in (0, 1)]
    return means[0], means[1], {name: len(v) for name, v in known.items()}


def iris_chroma(pictures: Images, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean a* and b* of the irises without pupils, (N, 2), on (N, H, W, 3) with landmarks (N, 478, 2).

    NaN where no face was found or no iris shows.
    """
    out = np.full((len(pictures), 2), np.nan)
    for i in np.flatnonzero(np.isfinite(points).all((1, 2))):
        shown = np.zeros(pictures.shape[1:3], np.uint8)
        for eye, iris in zip(EYES, IRISES, strict=True):
            lids, ring = np.zeros_like(shown), np.zeros_like(shown)
            cv2.fillPoly(lids, [np.round(16 * (points[i, eye] - 0.5)).astype(np.int32)], 1, shift=4)
            centre = points[i, iris[0]]
            radius = float(np.hypot(*(points[i, iris[1:]] - centre).T).mean())
            at = [round(16 * float(value - 0.5)) for value in centre]
            cv2.circle(ring, at, round(16 * 0.9 * radius), 1, -1, shift=4)
            cv2.circle(ring, at, round(16 * 0.5 * radius), 0, -1, shift=4)
            shown |= lids & ring
        if shown.sum() > 8:
            out[i] = mean_colour(pictures[i], shown > 0)[1:]
    return out


def chroma_slope(taught: NDArray[np.float64], drawn: NDArray[np.float64]) -> float:
    """How much drawn chroma (N, 2) changes where the taught one does, least squares: 1 as much, 0 not at all."""
    both = np.isfinite(taught).all(1) & np.isfinite(drawn).all(1)
    if both.sum() < 2:
        return float("nan")
    x, y = (chroma[both] - chroma[both].mean(0) for chroma in (taught, drawn))
    varies = (x * x).sum()
    return float((x * y).sum() / varies) if varies else float("nan")
