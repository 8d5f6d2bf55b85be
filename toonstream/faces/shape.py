"""A style's proportions: larger eyes, a smaller nose, a slimmer jaw, by one smooth warp that the landmarks drive.

The warp is backward: what a place of the cartoon shows lies at that place plus its displacement on the photo.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROW_ENDS, EYES, MOUTH, NOSE_BASE

CELLS = 32
"""Places along a crop's side at which the displacement is computed; it is smooth, and interpolated between them."""

EYE_REACH = 2.6  # in half widths of the eye, over which the growth fades
NOSE_REACH = 0.62  # in distances of the outer corners of the eyes
BROW_REACH = (1.3, 0.9)  # in widths of an eye, beside the middle of the brows and above it
MOUTH_REACH = 1.7  # in half widths of the mouth
ITERATIONS = 10  # of the fixed point that inverts the warp for landmarks

Points = NDArray[np.float32]
Floats = NDArray[np.float32]


class Proportions(Protocol):
    """What a style makes of a face's proportions."""

    def displacements(self, landmarks: NDArray[np.floating], size: int) -> Floats:
        """What the warp adds at the middles of CELLS x CELLS cells of a crop: (CELLS, CELLS, 2) float32 in crop pixels.

        landmarks: (478, 2) in pixels of the crop, of `size` pixels a side, as the photo shows them.
        """


@dataclass(frozen=True)
class Shape:
    """What a style makes of a face's proportions; the defaults change nothing."""

    eyes: tuple[float, float] = (1.0, 1.0)
    """Factors by which the middle of an eye grows along its axis and across."""
    apart: float = 0.0
    """How far an eye moves outward, in its widths: a larger one needs the room."""
    brows: float = 0.0
    """How far the inner ends of the brows are lifted, in widths of an eye: a taller eye lifts their middle alone, and
    the face frowns."""
    nose: tuple[float, float] = (0.0, 0.0)
    """Shares by which the nose shrinks in length and width."""
    mouth: tuple[float, float] = (0.0, 0.0)
    """Shares by which the mouth shrinks in width and height."""
    jaw: float = 0.0
    """Share by which the jaw is slimmer."""
    chin: float = 0.0
    """How much the lower face is shorter, in distances from the eyes to the chin."""

    @classmethod
    def from_card(cls, table: Mapping[str, object]) -> "Shape":
        """Of a card's table [shape]. Raises ValueError where a name is unknown or a value is no number."""
        values: dict[str, object] = {}
        for name, value in table.items():
            if name not in {f.name for f in fields(cls)}:
                raise ValueError(f"[shape] has no {name!r}")
            numbers = value if isinstance(value, list) else [value]
            pair = isinstance(getattr(cls(), name), tuple)
            if len(numbers) != 1 + pair or any(
                isinstance(n, bool) or not isinstance(n, int | float) or not abs(n) <= 4 for n in numbers
            ):
                raise ValueError(f"[shape] {name} has to be {'two numbers' if pair else 'a number'}, not {value!r}")
            values[name] = tuple(numbers) if pair else value
        return cls(**values)  # type: ignore[arg-type]

    def displacements(self, landmarks: NDArray[np.floating], size: int) -> Floats:
        return displacements(landmarks, self, size)


def displacements(landmarks: NDArray[np.floating], shape: Shape, size: int) -> Floats:
    """Of a shape, as Proportions has it."""
    points = np.asarray(landmarks, np.float32)
    axis = (np.arange(CELLS, dtype=np.float32) + np.float32(0.5)) * np.float32(size / CELLS)
    x, y = np.meshgrid(axis, axis)
    middle, chin = points[168], points[152]
    height = max(float(np.hypot(*(chin - middle))), 1.0)
    down = (chin - middle) / height
    out = np.zeros((CELLS, CELLS, 2), np.float32)

    for eye in EYES:
        outline = points[eye]
        across = outline[8] - outline[0]
        width = max(float(np.hypot(*across)), 1.0)
        reach = EYE_REACH * width / 2
        shrink = 1 - 1 / np.asarray(shape.eyes)
        _scale(out, x, y, outline.mean(0), across / width, (1.05 * reach, reach), shrink)
        fade = _fade(x - outline[:, 0].mean(), y - outline[:, 1].mean(), reach, reach)
        out += fade[..., None] * (shape.apart * across)  # from the outer corner to the inner: outward on the cartoon
    width = max(float(np.mean([np.hypot(*(points[eye][8] - points[eye][0])) for eye in EYES])), 1.0)
    between = points[BROW_ENDS].mean(0) - np.float32(0.1 * width) * down
    dx, dy = x - between[0], y - between[1]
    fade = _fade(dy * down[0] - dx * down[1], dx * down[0] + dy * down[1], *(width * reach for reach in BROW_REACH))
    out += fade[..., None] * (shape.brows * width * down)
    span = max(float(np.hypot(*(points[263] - points[33]))), 0.5 * height)
    reach = NOSE_REACH * span
    _scale(out, x, y, points[NOSE_BASE].mean(0), down, (reach, reach), -np.asarray(shape.nose))
    across = points[291] - points[61]
    width = max(float(np.hypot(*across)), 1.0)
    reach = MOUTH_REACH * width / 2
    _scale(out, x, y, points[MOUTH].mean(0), across / width, (reach, 0.8 * reach), -np.asarray(shape.mouth))

    half = max(0.5 * float(np.hypot(*(points[397] - points[172]))), 0.35 * height)
    dx, dy = x - middle[0], y - middle[1]
    v, u = (dx * down[0] + dy * down[1]) / height, dy * down[0] - dx * down[1]
    side = np.abs(u) / half
    slim = shape.jaw * _rise(v, 0.12, 0.85) * _rise(v, 2.0, 1.05) * _rise(side, 2.4, 0.75) * u
    lower = shape.chin * height * _rise(v, 0.5, 1.02) * _rise(v, 1.9, 1.02) * _rise(side, 2.6, 0.8)
    out[..., 0] += lower * down[0] - slim * down[1]
    out[..., 1] += lower * down[1] + slim * down[0]
    return out


def moved(landmarks: NDArray[np.floating], field: Floats, size: int) -> Points:
    """Where landmarks (N, 2) of the photo lie on the cartoon, by the field of `displacements`."""
    points = np.asarray(landmarks, np.float32)
    place = points.copy()
    scale = np.float32(CELLS / size)
    for _ in range(ITERATIONS):
        at = place * scale - np.float32(0.5)
        found = cv2.remap(field, at[:, None], None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        place = points - found[:, 0]
    return place


def _fade(x: Floats, y: Floats, reach_x: float, reach_y: float) -> Floats:
    """1 in the middle, smoothly 0 from the ellipse on."""
    inner = np.maximum(1 - (x / reach_x) ** 2 - (y / reach_y) ** 2, 0)
    out: Floats = inner * inner
    return out


def _rise(values: Floats, low: float, high: float) -> Floats:
    """0 up to `low`, 1 from `high` on, with a smooth slope at both (for high < low the other way round)."""
    t = ((values - low) / (high - low)).clip(0, 1)
    out: Floats = t * t * t * (t * (6 * t - 15) + 10)
    return out


def _scale(
    out: Floats,
    x: Floats,
    y: Floats,
    centre: Points,
    axis: Points,
    reach: tuple[float, float],
    shrink: NDArray[np.floating],
) -> None:
    """Adds what shrinks the sampled place around `centre` by `shrink` along the unit vector `axis` and across it.

    Negative values shrink what is drawn there instead.
    """
    if not shrink.any():
        return
    dx, dy = x - centre[0], y - centre[1]
    u, v = dx * axis[0] + dy * axis[1], dy * axis[0] - dx * axis[1]
    cover = _fade(u, v, *reach)
    u, v = -shrink[0] * cover * u, -shrink[1] * cover * v
    out[..., 0] += u * axis[0] - v * axis[1]
    out[..., 1] += u * axis[1] + v * axis[0]
