"""Where a cartoon's brows really are: they slope and reach otherwise than the mesh, which knows photos, says."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES
from toonstream_train.data.drawn_eyes import STEP, Axes, not_skin
from toonstream_train.drawing.common.shapes import Points
from toonstream_train.drawing.common.smoothing import Floats

BESIDE, ABOVE = 0.3, 0.45
"""How far from the mesh's brow it is looked for, in widths of the mesh's eye."""
FOUND = 0.25
"""The share of the mesh's brow that it has to cover."""
PLACES = np.array([0.97, 0.74, 0.5, 0.26, 0.03])
"""Where along a brow the mesh's five points of an edge lie, from its inner end to its outer one."""


def with_brows(lab: Floats, mesh: Points, skin: NDArray[np.float32]) -> Points:
    """A mesh (478, 2) with its brows where the cartoon has them; one that is not clear stays as it was.

    lab: (H, W, 3); skin: (3,), its lit skin.
    """
    out = mesh.copy()
    for eye, brow in enumerate(BROWS):
        axes = Axes.of(mesh, eye)
        own = axes.within(mesh[brow])
        around = np.array([BESIDE, ABOVE])
        low, high = own.min(0) - around, own.max(0) + around
        high[1] = min(high[1], axes.within(mesh[EYES[eye]])[:, 1].min())
        x, y = (np.arange(start, end, STEP) for start, end in zip(low, high, strict=True))
        if not len(y):
            continue
        at = axes.pixels(np.stack(np.meshgrid(x, y), -1)) - np.float32(0.5)
        patch = cv2.remap(lab, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        labels, stats = cv2.connectedComponentsWithStats((not_skin(patch, skin) > 0.5).astype(np.uint8))[1:3]
        meshed = np.zeros(labels.shape, np.uint8)
        cv2.fillPoly(meshed, [np.round((own - low) / STEP).astype(np.int32)], 1)
        covered = np.bincount(labels[meshed > 0], minlength=len(stats))
        covered[0] = 0
        label = int(covered.argmax())
        left, top, wide, tall = stats[label, :4]
        ends = left > 0 and left + wide < len(x) and top > 0 and top + tall < len(y)
        if not ends or covered[label] < FOUND * meshed.sum():
            continue
        columns = left + np.round(PLACES * (wide - 1)).astype(int)
        drawn = labels[:, columns] == label
        upper, lower = drawn.argmax(0), len(y) - 1 - drawn[::-1].argmax(0)
        edges = np.stack([x[columns], y[upper]], 1), np.stack([x[columns], y[lower]], 1)[::-1]
        out[brow] = axes.pixels(np.concatenate(edges))
    return out
