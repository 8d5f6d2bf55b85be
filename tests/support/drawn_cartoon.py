"""A cartoon of ellipses, and the mesh that takes it for a photo."""

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_train.data.pack import Pack

from support.drawn_face import EYE_CENTRES, SIDE, face
from toonstream.faces.face import five_points

EYE = (16.0, 17.0)
"""Half the width and height of a drawn eye; the mesh's are 18 and 8."""
IRIS = 8.0
CREAM, HAIR, WALL = (250, 226, 205), (60, 70, 160), (150, 190, 160)


def cartoon(
    eye: tuple[float, float] = EYE,
    skin: tuple[int, int, int] = CREAM,
    hair: tuple[int, int, int] = HAIR,
    brow: float = 2.0,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(256, 256, 3), with eyes of that half width and height and brows of that half height, and its mesh."""
    mesh = face(skin)[1]
    big = np.full((2 * SIDE, 2 * SIDE, 3), WALL, np.uint8)

    def blob(centre: tuple[float, float], radii: tuple[float, float], colour: tuple[int, int, int]) -> None:
        fixed = [round(32 * (value - 0.25)) for value in centre]
        cv2.ellipse(big, fixed, [round(32 * value) for value in radii], 0, 0, 360, colour, -1, cv2.LINE_AA, 4)

    blob((128, 112), (100, 108), hair)
    blob((128, 230), (30, 60), skin)
    blob((128, 138), (79.5, 101.5), (90, 60, 50))
    blob((128, 138), (78, 100), skin)
    for centre in EYE_CENTRES:
        blob((centre[0], 90), (18, brow), (60, 50, 60))
        blob(centre, eye, (250, 250, 250))
        blob(centre, (IRIS, eye[1] - 0.5), (30, 120, 60))
        blob((centre[0], centre[1] - 0.75 * eye[1]), (0.7 * eye[0], 0.25 * eye[1]), (20, 15, 20))
    blob((128, 193), (14, 1), (120, 60, 60))
    return cv2.resize(big, (SIDE, SIDE), interpolation=cv2.INTER_AREA), mesh


def pack_of(pictures: list[tuple[NDArray[np.uint8], NDArray[np.float32]]], source: str) -> Pack:
    """Of pictures with their meshes."""
    images, meshes = (np.stack(part) for part in zip(*pictures, strict=True))
    names = [f"{source}{i}.png" for i in range(len(images))]
    points = {5: np.stack([five_points(mesh) for mesh in meshes]).astype(np.float32), 478: meshes}
    return Pack(images, np.ones(images.shape[:3], np.uint8), points, names, [source] * len(images))
