"""Where the points of a face come from: mediapipe for photographs, a CSV for cartoons."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError

from toonstream.faces.tracker import Tracker
from toonstream.frame import Frame

# The columns speak of the person's right and left; the framing's order is the picture's.
COLUMNS = [
    f"{point}_{axis}" for point in ("eye_right", "eye_left", "nose", "mouth_right", "mouth_left") for axis in "xy"
]

Points = tuple[NDArray[np.float32], NDArray[np.float32] | None]
"""Five points (5, 2) and, where known, mediapipe's 478 (478, 2), in pixels of the picture."""


def from_csv(path: Path) -> dict[str, NDArray[np.float32]]:
    """File name -> five points (5, 2); rows without points are left out."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = {"file", *COLUMNS} - set(reader.fieldnames or [])
            if missing:
                raise InputError(f"{path}: it lacks the columns {', '.join(sorted(missing))}; add them")
            return {
                row["file"]: np.array([float(row[c]) for c in COLUMNS], np.float32).reshape(5, 2)
                for row in reader
                if all(row[c] for c in COLUMNS)
            }
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as landmarks ({error}); check the file") from error


@contextmanager
def detector() -> Iterator[Callable[[NDArray[np.uint8]], Points | None]]:
    """A function from a picture (H, W, 3) RGB to the points of its largest face, None where there is no face.

    It finds faces as they are found at run time.
    """
    with Tracker() as tracker:

        def detect(picture: NDArray[np.uint8]) -> Points | None:
            tracker.forget()
            faces = tracker(Frame.from_rgb(picture, pts=None, time_base=Fraction(1), index=0))
            return (faces[0].points.astype(np.float32), faces[0].landmarks) if faces else None

        yield detect
