"""A style of your own, from photos to a model: python examples/own_style.py photos/ poster [NAME=VALUE ...]

`painted` says what the style looks like; change it. A small generator then learns to paint like it. 300 steps give a
first impression within minutes; for a style to use, take thousands of photos and thousands of steps.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from toonstream_train.commands import main as train
from toonstream_train.drawing import LOOKS, Look
from toonstream_train.drawing.common.shapes import Points
from toonstream_train.drawing.common.smoothing import Floats

from toonstream.faces.mesh import EYES, MOUTH
from toonstream.faces.shape import Shape


def painted(photo: Floats, mesh: Points, person: Floats) -> Floats:
    """A poster: five tones, vivid colours, ink around eyes and lips.

    photo: LAB float32 (512, 512, 3), L from 0 to 100, already in the style's proportions. mesh: its 478 landmarks,
    (478, 2) float32 in pixels. person: (512, 512) float32, 0 to 1, how likely each place is the person's; not needed
    here, since what is painted on the wall is left out anyway. Returns the drawing, as `photo`.
    """
    calm = cv2.bilateralFilter(photo, 15, 12, 9)
    light = np.minimum(np.round(calm[..., 0] / 20) * 20, 80)
    poster = np.stack([light, 1.4 * calm[..., 1], 1.4 * calm[..., 2]], axis=2)
    for line in (*EYES, MOUTH):
        cv2.polylines(poster, [np.round(mesh[line]).astype(np.int32)], True, (15, 0, 0), 3, cv2.LINE_AA)
    return np.asarray(poster, np.float32)


LOOKS["poster"] = Look(Shape(eyes=(1.15, 1.25), jaw=0.04), painted)


def main(photos: str, style: str, *more: str) -> None:
    """more: settings of the recipe, such as steps=5000."""
    work = Path(f"{style}-work")
    work.mkdir(exist_ok=True)
    pack, drawn, run = (str(work / name) for name in ("photos.pack", "drawn.pack", "run"))
    shape = LOOKS["poster"].shape
    settings = ("steps=300", f"shape.eyes={list(shape.eyes)}", f"shape.jaw={shape.jaw}", *more)
    for command in (
        ["prepare", photos, pack],
        ["draw", pack, "--look", "poster", "--out", drawn],
        ["fit", "drawing_student", "--photos", drawn, "--out", run, *(f"--set={setting}" for setting in settings)],
        ["export", run, style, "--faces", drawn],
    ):
        if status := train(command):
            sys.exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
