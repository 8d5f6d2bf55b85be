"""Folders of pictures with five points each."""

import csv
from pathlib import Path

import cv2
import numpy as np
from toonstream_train.data.landmarks import COLUMNS

POINTS = np.array([[44, 50], [84, 52], [63, 72], [48, 92], [80, 93]], np.float32)


def write_pictures(folder: Path, count: int, rows: dict[str, np.ndarray] | None = None) -> Path:
    """`count` pictures of 128x128 with dots at POINTS, and the CSV that names these points."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(count)
    names = [f"made-{i:03d}.png" for i in range(count)]
    for name in names:
        picture = np.full((128, 128, 3), rng.integers(60, 200, 3), np.uint8)
        for x, y in POINTS:
            cv2.circle(picture, (int(x), int(y)), 4, (20, 20, 20), -1)
        cv2.imwrite(str(folder / name), picture)
    table = folder.with_suffix(".csv")
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", *COLUMNS])
        for name in names:
            writer.writerow([name, *POINTS.ravel()])
    return table
