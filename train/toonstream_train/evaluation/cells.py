"""Pictures to be judged by eye: labelled cells in rows, as one JPEG."""

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.part import whole

QUALITIES = (92, 85, 78, 70, 60, 50, 40)
"""Of JPEG, the best first."""
LONGEST = 65500
"""Pixels of a JPEG's side, at most."""
STRIP = 16
"""Height in pixels of a label."""

Image = NDArray[np.uint8]


def cell(picture: Image, label: str, side: int) -> Image:
    """A picture (H, W, 3) scaled to fit a square of `side` pixels, its label in the lower left corner: RGB."""
    scale = side / max(picture.shape[:2])
    size = [max(1, round(scale * length)) for length in picture.shape[1::-1]]
    fitted = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = fitted
    (width, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
    square[-STRIP:, : width + 6] = 255
    cv2.putText(square, label, (3, side - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return square


def write_jpeg(rows: Sequence[Sequence[Image]], path: Path, most_bytes: float = math.inf) -> None:
    """Rows of cells as a JPEG, at the best of QUALITIES that is small enough.

    Raises InputError where there are too many rows for a JPEG, UserError where the file cannot be written.
    """
    picture = np.vstack([np.hstack(row) for row in rows])
    if max(picture.shape) > LONGEST:
        raise InputError(f"{path}: {len(rows)} rows of {len(rows[0])} are too many for one JPEG; ask for fewer")
    for quality in QUALITIES:
        code = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if code.size <= most_bytes:
            break
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_bytes(code.tobytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); give another --out") from error
