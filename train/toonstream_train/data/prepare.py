"""From a folder of pictures to a pack: find or look up the points, frame, crop, gather."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from tqdm import tqdm

from toonstream.faces import framing
from toonstream.faces.crop import crop as upright
from toonstream.frame import Frame
from toonstream_train.data.landmarks import Points
from toonstream_train.data.pack import SIZE, Pack

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif"}
"""Of pictures; which of them can be read depends on OpenCV, and those that cannot are named."""


@dataclass
class Crop:
    image: NDArray[np.uint8]  # (SIZE, SIZE, 3) RGB
    inside: NDArray[np.uint8]  # (SIZE, SIZE) 0 or 1
    points: Points  # in pixels of the crop


def prepare(
    folder: Path, find: Callable[[str, NDArray[np.uint8]], Points | str], excluded: Callable[[str], str] = lambda _: ""
) -> tuple[Pack, dict[str, str]]:
    """Crop the faces in the pictures of `folder`. Returns the pack and, for each picture left out, name -> reason.

    find(name, picture (H, W, 3) RGB uint8) gives the face's points or, as a string, why there are none.
    excluded(name) gives the reason to leave a picture out unread, "" to take it. Raises InputError where no picture
    is left.
    """
    left_out, names, crops = dict[str, str](), list[str](), list[Crop]()
    for path in tqdm(pictures(folder), desc=f"prepare {folder.name}", unit="picture"):
        name = path.relative_to(folder).as_posix()
        if reason := excluded(name):
            left_out[name] = reason
            continue
        picture = read(path)
        points = "cannot be read as a picture" if picture is None else find(name, picture)
        if picture is None or isinstance(points, str):
            left_out[name] = str(points)
            continue
        try:
            crops.append(crop(picture, points))
            names.append(name)
        except ValueError as error:
            left_out[name] = str(error)
    if not crops:
        reasons = ", ".join(f"{n} {why}" for why, n in Counter(left_out.values()).items())
        raise InputError(f"{folder}: no face to pack ({reasons}); check the folder and the landmarks")
    pack = Pack(
        images=np.stack([c.image for c in crops]),
        inside=np.stack([c.inside for c in crops]),
        points={count: np.stack([c.points[count] for c in crops]) for count in crops[0].points},
        names=names,
        sources=[source(name) for name in names],
    )
    return pack, left_out


def pictures(folder: Path) -> list[Path]:
    """The picture files in the folder and below, sorted. Raises InputError where there are none."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name one with pictures in it")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder}: no pictures there ({', '.join(sorted(SUFFIXES))}); name a folder with some")
    return paths


def names_in(file: Path) -> set[str]:
    """A list of picture names, one a line, between which lines may be empty. Raises InputError if it cannot be read."""
    try:
        return set(file.read_text(encoding="utf-8-sig").splitlines()) - {""}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read as a list of names ({error}); check the file") from error


def read(path: Path) -> NDArray[np.uint8] | None:
    """(H, W, 3) RGB, None where it cannot be read."""
    try:
        # imdecode of the bytes: unlike imread it takes any path name and prints no warning of its own
        raw = np.frombuffer(path.read_bytes(), np.uint8)
        bgr = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    except (OSError, cv2.error):  # OpenCV's where it is too large
        return None
    return None if bgr is None else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def crop(picture: NDArray[np.uint8], points: Points) -> Crop:
    """The canonical crop of a picture (H, W, 3) RGB; what lies outside it repeats its border and is marked.

    Raises ValueError where the points are no face within the picture.
    """
    if not np.isfinite(points[5]).all():
        raise ValueError("the five points of a face are not all numbers")
    matrix = framing.framing(points[5], SIZE)
    whole = np.ones(picture.shape[:2], np.uint8)
    inside = cv2.warpAffine(whole, framing.opencv(matrix), (SIZE, SIZE), flags=cv2.INTER_NEAREST)
    if not inside.any():
        raise ValueError("the five points of a face lie outside the picture")
    frame = Frame.from_rgb(picture, pts=None, time_base=Fraction(1), index=0)
    return Crop(
        upright(frame, matrix, SIZE),
        np.asarray(inside, np.uint8),
        {count: framing.apply(matrix, many).astype(np.float32) for count, many in points.items()},
    )


def source(name: str) -> str:
    """The collection: the folder, or else the name without its number ("b/a-001.png" -> "b", "a-001.png" -> "a")."""
    path = Path(name)
    return path.parent.as_posix() if len(path.parts) > 1 else re.sub(r"[-_ ]*\d+$", "", path.stem)
