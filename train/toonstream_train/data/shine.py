"""Light that skin throws back: white spots on a photo, which its drawing lacks. Few portraits have any; rooms do."""

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

FOREHEAD = 151
PLACES = (FOREHEAD, FOREHEAD, 4, 50, 280)
"""Landmarks: the forehead, twice as often as the others, the tip of the nose, the cheeks."""
EDGES = 234, 454
"""Of a face, left and right."""


def shine(random: np.random.Generator, mesh: NDArray[np.float32], image: Bytes) -> Bytes:
    """The photo (size, size, 3) of the face with landmarks (478, 2) with one to three spots."""
    size, width = image.shape[0], float(np.hypot(*(mesh[EDGES[0]] - mesh[EDGES[1]])))
    y, x = np.mgrid[:size, :size].astype(np.float32) + np.float32(0.5)
    cover = np.zeros((size, size), np.float32)
    for place in random.choice(PLACES, random.integers(1, 4)):
        at = mesh[place] + random.normal(0, 0.04 * width, 2)
        if place == FOREHEAD:  # which reaches up beyond the mesh
            at -= np.array([0, 0.2 * width * random.random()])
        across, down = width * random.uniform(0.05, 0.2), width * random.uniform(0.03, 0.1)
        distance = np.hypot((x - at[0]) / across, (y - at[1]) / down)
        edge = random.uniform(0.3, 1.0)
        spot = random.uniform(0.3, 0.9) * ((1 - distance) / edge).clip(0, 1)
        cover = np.maximum(cover, spot.astype(np.float32))
    light = np.broadcast_to(np.uint8(random.integers(215, 256)), image.shape)
    return np.asarray(cv2.blendLinear(np.ascontiguousarray(light), image, cover, 1 - cover), np.uint8)
