"""Where the points of a face come from: the face mesh for photographs, a CSV for cartoons."""

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
from toonstream_train.data.points import COUNTS

# The columns speak of the person's right and left; the framing's order is the picture's.
COLUMNS = [
    f"{point}_{axis}" for point in ("eye_right", "eye_left", "nose", "mouth_right", "mouth_left") for axis in "xy"
]

Points = dict[int, NDArray[np.float32]]
"""Landmarks of a face by set (see data.points): K -> (K, 2), in pixels of the picture; 5 is always there."""


def from_csv(path: Path) -> dict[str, Points]:
    """File name -> points; rows without points are left out. UTF-8, with or without a byte-order mark.

    Beside COLUMNS, the table may have those of a further set: x0, y0, x1, y1 and so on; of five points it is left out.
    Raises InputError where the table cannot be read or lacks columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = set(reader.fieldnames or [])
            if missing := {"file", *COLUMNS} - names:
                raise InputError(
                    f"{path}: it lacks the columns {', '.join(sorted(missing))}; add them, separated by commas "
                    "(toonstream-train prepare --help explains them)"
                )
            sets = {5: COLUMNS}
            if "x0" in names:
                count = next((k for k in COUNTS if f"x{k - 1}" in names and f"x{k}" not in names), 0)
                numbered = [f"{axis}{i}" for i in range(count) for axis in "xy"]
                if not count or not names.issuperset(numbered):
                    raise InputError(f"{path}: columns x0, y0 and so on have to be of {COUNTS[1:]} points")
                sets.setdefault(count, numbered)  # in what order five of them come, only the named columns say
            columns = [column for names in sets.values() for column in names]
            return {
                row["file"]: {
                    count: np.array([float(row[name]) for name in names], np.float32).reshape(count, 2)
                    for count, names in sets.items()
                }
                for row in reader
                if all(row[column] for column in ("file", *columns))
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
            return {5: faces[0].points.astype(np.float32), 478: faces[0].landmarks} if faces else None

        yield detect
