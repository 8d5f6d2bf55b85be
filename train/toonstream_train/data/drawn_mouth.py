"""Where a cartoon's mouth really is: the mesh, which knows photos, looks for lips, and finds them pixels beside it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import (
    LIP_LOWER_INNER,
    LIP_LOWER_OUTER,
    LIP_UPPER_INNER,
    LIP_UPPER_OUTER,
    MOUTH,
    MOUTH_INSIDE,
)
from toonstream_train.data.drawn_eyes import not_skin
from toonstream_train.drawing.common.shapes import Points, curve, face_width
from toonstream_train.drawing.common.smoothing import Floats

BESIDE, ABOVE, BELOW = 0.3, 0.13, 0.22
"""How far from the middle of the mesh's mouth it is looked for, in widths of the face."""
NARROWEST = 0.07
"""A narrower one is a gap, a tooth, a crease below the lip."""
OPEN = 0.035
"""From this height on it is open."""
INK = 0.012
"""The width of its outline."""
INSIDE = 12.0
"""How much lightness differs within an open mouth at least: a moustache is as wide and as high, and of one tone."""


def with_mouth(lab: Floats, mesh: Points, skin: NDArray[np.float32]) -> Points:
    """A mesh (478, 2) with its mouth where the cartoon has it: drawn corners and opening, lips as high as before.

    lab: (H, W, 3); skin: (3,), its lit skin. Of a line with gaps only the height is sure, in a beard nothing.
    """
    width = face_width(mesh)
    centre, across = mesh[MOUTH_INSIDE].mean(0), mesh[291] - mesh[61]
    across = across / max(float(np.hypot(*across)), 1.0)
    axes = width * np.stack([across, np.array([-across[1], across[0]], np.float32)])
    step = 0.5 / width
    x, y = np.arange(-BESIDE, BESIDE, step), np.arange(-ABOVE, BELOW, step)
    at = centre + np.stack(np.meshgrid(x, y), -1) @ axes - 0.5
    patch = cv2.remap(lab, at.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    found = opening(patch, skin, x, y)
    if found is None:
        return on_line(lab, mesh)
    inside = (mesh[MOUTH_INSIDE] - centre) @ np.linalg.inv(axes)
    wider = float((found[0][-1, 0] - found[0][0, 0]) / max(np.ptp(inside[:, 0]), 1e-6))
    out = mesh.copy()
    pairs = ((LIP_UPPER_INNER, LIP_UPPER_OUTER), (LIP_LOWER_INNER, LIP_LOWER_OUTER))
    for edge, (inner, outer) in zip(found, pairs, strict=True):
        lips = (mesh[outer] - mesh[inner]) @ np.linalg.inv(axes) * (wider, 1.0)
        out[inner], out[outer] = centre + edge @ axes, centre + (edge + lips) @ axes
    return out


def opening(
    patch: Floats, skin: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Its upper and lower edge (11, 2), from left to right: one line where it is closed. None where none is clear.

    patch: LAB (H, W, 3) of the columns `x` and rows `y`, in widths of the face around the middle of the mesh's mouth.
    """
    other = not_skin(patch, skin) > 0.5
    count, labels, stats, _ = cv2.connectedComponentsWithStats(other.astype(np.uint8))
    step = x[1] - x[0]
    best, found = 0.0, None
    for label in range(1, count):
        left, top, wide, high = (int(value) for value in stats[label, :4])
        inside = 0 < left < len(x) / 2 < left + wide < len(x) and 0 < top < top + high < len(y)
        if not inside or wide * step < NARROWEST:
            continue
        mouth = labels[top : top + high, left : left + wide] == label
        upper, lower = top + mouth.argmax(0), top + high - 1 - mouth[::-1].argmax(0)
        opened = step * float(np.median((lower - upper)[wide // 4 : wide - wide // 4]))
        light = patch[top : top + high, left : left + wide, 0][mouth]
        if opened > OPEN and np.ptp(np.percentile(light, (10, 90))) < INSIDE:
            continue
        score = wide * step - 1.5 * abs(float(y[(upper + lower) // 2].mean()))
        if found is None or score > best:
            best, found = score, (left, upper, lower, opened)
    if found is None:
        return None
    left, upper, lower, opened = found
    along = np.linspace(0, len(upper) - 1, 11)
    top, bottom = (y[0] + step * np.interp(along, np.arange(len(edge)), edge) for edge in (upper, lower))
    half = (bottom - top) / 2
    rim = half if opened <= OPEN else np.minimum(INK, half)
    across = x[left] + step * along
    return np.stack([across, top + rim], 1), np.stack([across, bottom - rim], 1)


def on_line(lab: Floats, mesh: Points) -> Points:
    """A mesh whose closed mouth lies on the darkest line nearby, where there is one."""
    width, lips = face_width(mesh), [*MOUTH, *MOUTH_INSIDE]
    if np.hypot(*(mesh[13] - mesh[14])) > 0.03 * width:
        return mesh
    across = mesh[291] - mesh[61]
    down = np.array([-across[1], across[0]], np.float32) / max(float(np.hypot(*across)), 1.0)
    reach = 0.07 * width
    steps = np.arange(-reach, reach + 0.1, 0.5, dtype=np.float32)
    path = curve((mesh[LIP_UPPER_INNER] + mesh[LIP_LOWER_INNER]) / np.float32(2))[8:-8]
    at = path + steps[:, None, None] * down - np.float32(0.5)
    light = cv2.remap(lab[..., 0].copy(), at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    around = cv2.morphologyEx(light, cv2.MORPH_CLOSE, np.ones((13, 1), np.uint8))
    dark = np.percentile(around - light, 65, axis=1)  # many lines have a gap in the middle
    best = int((dark - 0.5 * np.abs(steps)).argmax())
    if dark[best] < 5:
        return mesh
    out = mesh.copy()
    out[lips] += steps[best] * down
    return out
