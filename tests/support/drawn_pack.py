"""Packs of drawn faces, as `prepare` makes them of photos."""

import numpy as np
from numpy.typing import NDArray
from toonstream_train.data import pack


def drawn_pack(**faces: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> pack.Pack:
    """A pack of crops with their meshes, as `drawn_face.face` gives them, by their names without `.png`."""
    crops, meshes = zip(*faces.values(), strict=True)
    return pack.Pack(
        images=np.stack(crops),
        inside=np.ones((len(crops), pack.SIZE, pack.SIZE), np.uint8),
        points={5: np.zeros((len(crops), 5, 2), np.float32), 478: np.stack(meshes)},
        names=[f"{name}.png" for name in faces],
        sources=["made"] * len(crops),
    )
