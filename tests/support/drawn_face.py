"""A face made of ellipses, with its mesh."""

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, IRISES, LOWER_LIDS, MOUTH, OVAL, UPPER_LIDS

SIDE = 256
SKINS = {"pale": (224, 178, 158), "brown": (150, 100, 78), "dark": (88, 58, 46)}
EYE_CENTRES = ((96.0, 122.0), (160.0, 122.0))
OPEN, CLOSED = 8.0, 0.0


def around(centre: tuple[float, float], radii: tuple[float, float], count: int) -> NDArray[np.float32]:
    """`count` points of an ellipse, clockwise from its top."""
    angle = 2 * np.pi * np.arange(count) / count
    return np.stack([centre[0] + radii[0] * np.sin(angle), centre[1] - radii[1] * np.cos(angle)], 1).astype(np.float32)


def face(skin: tuple[int, int, int], lids: float = OPEN) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A face of ellipses, (256, 256, 3), and its mesh (478, 2); `lids` is half the height of its eyes."""
    big = np.full((2 * SIDE, 2 * SIDE, 3), (90, 120, 170), np.uint8)

    def blob(centre: tuple[float, float], radii: tuple[float, float], colour: tuple[float, ...]) -> None:
        fixed = [round(32 * (value - 0.25)) for value in centre]
        cv2.ellipse(big, fixed, [round(32 * value) for value in radii], 0, 0, 360, colour, -1, cv2.LINE_AA, 4)

    blob((128, 120), (92, 112), (60, 40, 30))
    blob((128, 138), (78, 100), skin)
    mesh = np.full((478, 2), 138.0, np.float32)
    mesh[OVAL] = around((128, 138), (78, 100), len(OVAL))
    mesh[MOUTH] = np.roll(around((128, 196), (28, 8), len(MOUTH)), 5, axis=0)
    for centre, upper, lower, iris, brow in zip(EYE_CENTRES, UPPER_LIDS, LOWER_LIDS, IRISES, BROWS, strict=True):
        out = -1.0 if centre[0] < 128 else 1.0
        t = np.linspace(out, -out, 9)
        arch = np.sqrt(np.maximum(1 - t * t, 0))
        mesh[upper] = np.stack([centre[0] + 18 * t, centre[1] - lids * arch], 1)
        mesh[lower] = np.stack([centre[0] + 18 * t, centre[1] + lids * arch], 1)
        mesh[iris] = [centre, *((centre[0] + 7 * x, centre[1] + 7 * y) for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1)))]
        mesh[brow] = around((centre[0], 98), (20, 4), len(brow))
        blob((centre[0], 98), (20, 4), (50, 34, 26))
        if lids:
            blob(centre, (18, lids), (235, 232, 230))
            blob(centre, (7, 7), (40, 90, 190))
        else:
            blob(centre, (18, 1), (50, 34, 26))
    blob((128, 196), (28, 8), (170, 70, 75))
    inner = around((128, 196), (24, 0.2), 20)
    mesh[[13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78, 191, 80, 81, 82]] = inner
    return cv2.resize(big, (SIDE, SIDE), interpolation=cv2.INTER_AREA), mesh


def lab(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The picture in LAB, L 0 to 100."""
    out: NDArray[np.float32] = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return out
