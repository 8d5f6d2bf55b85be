"""Where a cartoon's eyes really are: drawn eyes are larger than the mesh, which knows photos, says."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import EYES, IRISES
from toonstream_train.drawing.common.hair import bare_cheeks
from toonstream_train.drawing.common.shapes import Points
from toonstream_train.drawing.common.smoothing import Floats, smoothstep

STEP = 1 / 29
"""Between the places where an eye is looked for, in widths of the mesh's."""
OUT, UP, DOWN = 1.1, 0.9, 1.25
"""How far from the middle of the mesh's eye it may reach to either side, up and down, likewise."""
SURE = 0.4
"""How far around that middle it is sure to be."""
SKIN = (9.0, 17.0)
"""Up to the first distance from the skin's colour a place is skin, from the second it is none."""
DARKER = 0.6
"""How much a difference in lightness counts beside one in chroma: shadows are skin."""
TOP, BOTTOM, SIDE = 0.42, 0.30, 0.28
"""The least share of a row or column of an eye that is no skin; the upper lid's ink is the clearest edge."""
SMALLEST, TALLEST = (0.5, 0.3), 1.15
"""Width and height of the smallest eye that is taken for one, and the greatest height over the width."""
IRIS = (0.2, 0.42)
"""The radius of an iris, in widths of the eye."""
ALIKE = (0.4, 0.35, 0.5)
"""How much the widths, heights and irises of both eyes may differ, in shares of their mean."""


@dataclass(frozen=True)
class DrawnEye:
    """In widths of the mesh's eye, outward and down from the middle of its outline; NaN where hair hides an edge."""

    inner: float
    outer: float
    top: float
    bottom: float
    iris: float
    """How far outward its middle is; down it is in the middle of the eye."""
    radius: float

    @property
    def edges(self) -> NDArray[np.float64]:
        return np.array([self.inner, self.outer, self.top, self.bottom])

    @property
    def size(self) -> NDArray[np.float64]:
        """Width, height, and the iris' radius."""
        return np.array([self.outer - self.inner, self.bottom - self.top, self.radius])

    def completed(self, other: "DrawnEye") -> "DrawnEye":
        """With the other eye's edges where its own are hidden; an outer edge that both lack mirrors the inner one."""
        inner, outer, top, bottom = np.where(np.isfinite(self.edges), self.edges, other.edges)
        outer = outer if np.isfinite(outer) else 2 * self.iris - inner
        return DrawnEye(inner, outer, top, bottom, self.iris, self.radius)

    def likely(self) -> bool:
        """Whether it is as large as eyes are."""
        width, height, _ = self.size
        return bool(width >= SMALLEST[0] and SMALLEST[1] <= height <= TALLEST * width)


@dataclass(frozen=True)
class Axes:
    """An eye of a mesh, as DrawnEye measures."""

    centre: Points
    outward: Points
    """Unit vector (2,), from the inner corner to the outer."""
    down: Points
    width: float

    @classmethod
    def of(cls, mesh: Points, side: int) -> "Axes":
        outline = mesh[EYES[side]]
        outward = outline[0] - outline[8]
        width = max(float(np.hypot(*outward)), 1.0)
        outward = outward / np.float32(width)
        x, y = outward * np.sign(outward[0] or 1)
        return cls(outline.mean(0), outward, np.array([-y, x], np.float32), width)

    def within(self, points: Points) -> Points:
        """Pixels (..., 2) in these coordinates."""
        off = (points - self.centre) / np.float32(self.width)
        return np.stack([off @ self.outward, off @ self.down], -1)

    def pixels(self, places: NDArray[np.floating]) -> Points:
        """The reverse of `within`."""
        out = self.centre + self.width * (places[..., :1] * self.outward + places[..., 1:] * self.down)
        return np.asarray(out, np.float32)


def skin_colour(lab: Floats, mesh: Points) -> NDArray[np.float32] | None:
    """The colour (3,) of a cartoon's lit skin; None where the mesh shows too little of it.

    lab: (H, W, 3); mesh: (478, 2) in pixels.
    """
    cheeks = lab[bare_cheeks(mesh, (lab.shape[0], lab.shape[1])) > 0.5]
    if len(cheeks) < 50:
        return None
    lit = cheeks[cheeks[:, 0] >= np.percentile(cheeks[:, 0], 40)]
    return np.asarray(np.median(lit, 0), np.float32)


def drawn_eye(lab: Floats, mesh: Points, skin: NDArray[np.float32], side: int) -> DrawnEye | None:
    """An eye as a cartoon draws it: what is no skin around the mesh's eye, and the iris in it. None where none is.

    lab: (H, W, 3); mesh: (478, 2) in pixels; skin: (3,), its lit skin; side: 0 for the picture's left eye, else 1.
    """
    x, y = np.arange(-OUT, OUT + STEP, STEP), np.arange(-UP, DOWN + STEP, STEP)
    column, row, sure = (round(reach / STEP) for reach in (OUT, UP, SURE))
    at = Axes.of(mesh, side).pixels(np.stack(np.meshgrid(x, y), -1)) - np.float32(0.5)
    patch = cv2.remap(lab, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    other = not_skin(patch, skin)
    rows = other[:, np.abs(x) < SURE].mean(1)
    if rows[row - 3 : row + 4].mean() < BOTTOM:
        return None
    top, bottom = run(rows > TOP, row)[0], run(rows > BOTTOM, row)[1]
    upper, lower = (np.nan if top < 2 else y[top] - STEP / 2), (np.nan if bottom > len(y) - 3 else y[bottom] + STEP / 2)
    top, bottom = (top if top >= 2 else row - sure), (bottom if bottom <= len(y) - 3 else row + sure)
    inner, outer = run(other[top + (bottom - top) // 4 : bottom + 1].mean(0) > SIDE, column)
    if bottom - top < 6 or outer - inner < 6:
        return None
    near, far = (np.nan if inner < 2 else x[inner] - STEP / 2), (np.nan if outer > len(x) - 3 else x[outer] + STEP / 2)
    inner, outer = max(inner, column - 2 * sure), min(outer, column + 2 * sure)
    centre, radius = iris(patch[top + (bottom - top) // 5 : bottom + 1, inner : outer + 1], skin)
    return DrawnEye(near, far, upper, lower, float(x[inner]) + STEP * centre, STEP * radius)


def drawn_eyes(lab: Floats, mesh: Points, skin: NDArray[np.float32]) -> tuple[list[DrawnEye], list[bool]]:
    """Both eyes of a cartoon, and of each whether it is seen: one behind a fringe is as the other.

    Nothing where they are not clear. Arguments as of `drawn_eye`.
    """
    found = [drawn_eye(lab, mesh, skin, side) for side in (0, 1)]
    hidden = [4 if eye is None else int(np.isnan(eye.edges).sum()) for eye in found]
    better = found[int(np.argmin(hidden))]
    if better is None:
        return [], []
    eyes, seen = [(eye or better).completed(better) for eye in found], [count < 3 for count in hidden]
    if not alike(mesh, eyes):
        if min(hidden) or not max(hidden):
            return [], []
        eyes, seen = [better] * 2, [eye is better for eye in found]
    # NaN is never likely
    return (eyes, seen) if all(eye.likely() for eye in eyes) else ([], [])


def alike(mesh: Points, eyes: list[DrawnEye]) -> bool:
    """Whether two eyes are about equally large."""
    left, right = (Axes.of(mesh, side).width * eye.size for side, eye in enumerate(eyes))
    return bool((np.abs(left - right) < np.array(ALIKE) * (left + right) / 2).all())


def with_eyes(mesh: Points, eyes: list[DrawnEye]) -> Points:
    """A mesh (478, 2) with the outlines and irises of its eyes where the cartoon has them."""
    out = mesh.copy()
    for side, eye in enumerate(eyes):
        axes = Axes.of(mesh, side)
        x, y = axes.within(mesh[EYES[side]]).T
        places = [scaled(x, eye.inner, eye.outer), scaled(y, eye.top, eye.bottom)]
        out[EYES[side]] = axes.pixels(np.stack(places, 1))
        centre = axes.pixels(np.array([eye.iris, (eye.top + eye.bottom) / 2 + 0.02]))
        radius = np.clip(eye.radius, *(share * eye.size[0] for share in IRIS))
        rim = np.float32(radius * axes.width) * np.array([[1, 0], [0, -1], [-1, 0], [0, 1]], np.float32)
        out[IRISES[side]] = np.concatenate([centre[None], centre + rim])
    return out


def not_skin(lab: Floats, skin: NDArray[np.float32]) -> Floats:
    """How far each place of (H, W, 3) is from the skin's colour: (H, W), 0 to 1."""
    off = (lab - skin) * np.array([DARKER, 1, 1], np.float32)
    return smoothstep(np.sqrt(np.square(off).sum(2)), *SKIN)


def iris(eye: Floats, skin: NDArray[np.float32]) -> tuple[float, float]:
    """Centre and radius of an iris along an eye (H, W, 3), in its columns: what is neither white nor skin."""
    light, chroma = eye[..., 0], np.hypot(eye[..., 1], eye[..., 2])
    white = smoothstep(light, 78.0, 88.0) * smoothstep(chroma, 24.0, 16.0)
    share = ((1 - white) * not_skin(eye, skin)).mean(0)
    middle = np.exp(-2 * np.square(np.linspace(-1, 1, len(share))))
    weight = (share * middle) ** 3
    centre = float((weight * np.arange(len(share))).sum() / max(weight.sum(), 1e-6))
    left, right = run(share > 0.5 * share.max(), round(centre))
    if right - left < 0.85 * len(share):
        return (left + right) / 2, (right - left + 1) / 2
    return (centre + (len(share) - 1) / 2) / 2, (right - left + 1) / 2


def run(holds: NDArray[np.bool_], start: int) -> tuple[int, int]:
    """First and last place of the run of true ones around `start`."""
    before, after = np.flatnonzero(~holds[:start]), np.flatnonzero(~holds[start + 1 :])
    return int(before[-1]) + 1 if len(before) else 0, start + int(after[0]) if len(after) else len(holds) - 1


def scaled(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.floating]:
    """The same, from `low` to `high`."""
    share: NDArray[np.floating] = (values - values.min()) / max(float(np.ptp(values)), 1e-6)
    return low + share * (high - low)
