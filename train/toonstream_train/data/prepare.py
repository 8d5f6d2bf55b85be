"""From a folder of pictures to a pack: find or look up the points, frame, crop, gather."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from tqdm import tqdm

from toonstream.faces import framing
from toonstream_train.data.landmarks import Points
from toonstream_train.data.pack import SIZE, Pack

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


@dataclass
class Crop:
    image: NDArray[np.uint8]  # (SIZE, SIZE, 3) RGB
    inside: NDArray[np.uint8]  # (SIZE, SIZE) 0 or 1
    landmarks: NDArray[np.float32]  # (5, 2)
    dense: NDArray[np.float32]  # (478, 2), NaN where not known


def prepare(
    folder: Path, find: Callable[[str, NDArray[np.uint8]], Points | str], wanted: Callable[[str], bool]
) -> tuple[Pack, dict[str, str]]:
    """Crop the pictures of `folder` whose names are `wanted`; beside the pack, name -> reason of those left out.

    find(name, picture (H, W, 3) RGB) gives the points or, as a string, why there are none.
    """
    left_out, names, crops = dict[str, str](), list[str](), list[Crop]()
    for name, picture in pictures(folder, wanted):
        points = "unreadable" if picture is None else find(name, picture)
        if picture is None or isinstance(points, str):
            left_out[name] = str(points)
            continue
        try:
            crops.append(crop(picture, *points))
            names.append(name)
        except ValueError as error:
            left_out[name] = str(error)
    if not crops:
        reasons = ", ".join(f"{n} {why}" for why, n in Counter(left_out.values()).items()) or "all are held back"
        raise InputError(f"{folder}: no face to pack ({reasons}); check the folder and the landmarks")
    pack = Pack(
        images=np.stack([c.image for c in crops]),
        inside=np.stack([c.inside for c in crops]),
        landmarks=np.stack([c.landmarks for c in crops]),
        dense=np.stack([c.dense for c in crops]),
        names=names,
        sources=[source(name) for name in names],
    )
    return pack, left_out


def pictures(folder: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, NDArray[np.uint8] | None]]:
    """Names within the folder and pictures (H, W, 3) RGB, None for an unreadable one."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name one with pictures in it")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder}: no pictures there ({', '.join(sorted(SUFFIXES))}); name a folder with some")
    for path in tqdm(paths, desc=f"prepare {folder.name}", unit="picture"):
        name = path.relative_to(folder).as_posix()
        if wanted(name):
            yield name, read(path)


def read(path: Path) -> NDArray[np.uint8] | None:
    """(H, W, 3) RGB, None where it cannot be read."""
    try:
        # imdecode of the bytes: unlike imread it takes any path name and prints no warning of its own
        raw = np.frombuffer(path.read_bytes(), np.uint8)
        bgr = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    except (OSError, cv2.error):  # OpenCV's where it is too large
        return None
    return None if bgr is None else np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def crop(picture: NDArray[np.uint8], five: NDArray[np.float32], dense: NDArray[np.float32] | None) -> Crop:
    """The canonical crop; what lies outside the picture repeats its border and is marked.

    Raises ValueError where the points are no face within the picture.
    """
    if not np.isfinite(five).all():
        raise ValueError("the five points of a face are not all numbers")
    matrix = framing.framing(five, SIZE)
    scale = float(np.hypot(*matrix[0, :2]))
    if scale < 0.7:  # a warp would skip pixels: average them first
        height, width = picture.shape[:2]
        small = max(1, round(width * scale)), max(1, round(height * scale))
        picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.uint8)
        back = np.array([width / small[0], height / small[1]])
        warp = framing.opencv(np.hstack([matrix[:, :2] * back, matrix[:, 2:]]))
    else:
        warp = framing.opencv(matrix)
    size = (SIZE, SIZE)
    image = cv2.warpAffine(picture, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones(picture.shape[:2], np.uint8), warp, size, flags=cv2.INTER_NEAREST)
    if not inside.any():
        raise ValueError("the five points of a face lie outside the picture")
    points = np.full((478, 2), np.nan, np.float32) if dense is None else framing.apply(matrix, dense).astype(np.float32)
    return Crop(
        np.asarray(image, np.uint8),
        np.asarray(inside, np.uint8),
        framing.apply(matrix, five).astype(np.float32),
        points,
    )


def source(name: str) -> str:
    """The collection: the folder, or else the name without its number ("b/a-001.png" -> "b", "a-001.png" -> "a")."""
    path = Path(name)
    return path.parent.as_posix() if len(path.parts) > 1 else re.sub(r"[-_ ]*\d+$", "", path.stem)
