"""From a run to a photo that its style has drawn, as a user goes."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_train.commands import main as train
from toonstream_train.data.pack import Pack, save

import toonstream
from toonstream.commands import main as draw

PHOTO = Path(toonstream.__file__).parent / "bench/face.jpg"


def drawn_photo(run: Path, faces: Pack, folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A photo of a face and what the style of this run makes of it, (H, W, 3) each. faces: for the style's proof."""
    save(faces, folder / "faces.pack")
    assert train(["export", str(run), str(folder / "style"), "--faces", str(folder / "faces.pack")]) == 0
    assert draw([str(PHOTO), "-o", str(folder / "drawn.png"), "--style", str(folder / "style")]) == 0
    photo, drawn = cv2.imread(str(PHOTO)), cv2.imread(str(folder / "drawn.png"))
    assert photo is not None
    assert drawn is not None
    return np.asarray(photo, np.uint8), np.asarray(drawn, np.uint8)
