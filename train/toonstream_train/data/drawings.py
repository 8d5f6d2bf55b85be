"""Running the drawing teacher over a pack, in several processes and resumable."""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from tqdm import tqdm

from toonstream_train.data.pack import CELL, SIZE, Pack
from toonstream_train.drawing import draw, drawn_mesh, shifts, wears_glasses
from toonstream_train.drawing.chart import chart
from toonstream_train.drawing.lids import blinked
from toonstream_train.evaluation.faces import eye_opening

CELLS = SIZE // CELL
LIDS = (1.0, 0.6, 1.0, 0.8)
"""How far down the lids of those who blink are, in turns."""
OPEN = 0.2
"""The gap between open lids, in widths of the eye."""


def draw_all(pack: Pack, look: str, folder: Path, workers: int, most: int | None = None, blinks: int = 0) -> Pack:
    """The crops that have dense landmarks, or `most` of them, with their drawings in a look of train.drawing.

    blinks: so many of them come once more, with their lids drawn down. PNGs found in `folder` are taken as they are.
    """
    from multiprocessing import get_context

    dense = pack.points.get(478, np.full((len(pack), 478, 2), np.nan, np.float32))
    known = shared_out(np.flatnonzero(np.isfinite(dense).all((1, 2))), pack.sources)[:most]
    if not len(known):
        raise InputError("the pack has no 478 landmarks to draw from; prepare photos without --landmarks")
    pack = pack.part(known)
    pack = joined(pack, blinking(pack, blinks)) if blinks else pack
    paths = [folder / (Path(name).as_posix().replace("/", "_") + ".png") for name in pack.names]
    missing = [i for i, path in enumerate(paths) if not path.is_file()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); name another --folder") from error
    # spawn: a forked child would inherit OpenCV's thread pool in whatever state it is
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        tasks = (pool.submit(draw_one, pack.images[i], pack.points[478][i], look, paths[i]) for i in missing)
        for task in tqdm(list(tasks), desc="draw", unit="drawing"):
            task.result()
        faces = pack.images, pack.points[478], repeat(look)
        moved = [shift for shift in pool.map(shifts, *faces, repeat(CELLS), chunksize=16) if shift is not None]
        meshes = list(pool.map(drawn_mesh, *faces, chunksize=16))
        mean = np.mean(meshes, axis=0)
        charts = list(pool.map(chart, meshes, repeat(mean), repeat(CELLS), chunksize=16))
    drawings = [cv2.imread(str(path), cv2.IMREAD_COLOR) for path in paths]
    for path, drawing in zip(paths, drawings, strict=True):
        if drawing is None or drawing.shape != pack.images.shape[1:]:
            raise InputError(f"{path}: not a drawing of {pack.images.shape[1]} pixels; delete it and draw again")
    drawn = np.stack([cv2.cvtColor(drawing, cv2.COLOR_BGR2RGB) for drawing in drawings])
    return replace(pack, drawings=drawn, shifts=np.stack(moved) if moved else None, charts=np.stack(charts))


def blinking(pack: Pack, count: int) -> Pack:
    """The first `count` crops whose eyes are open and without glasses, their lids drawn down (`LIDS`)."""
    meshes = pack.points[478]
    opened = np.flatnonzero(eye_opening(meshes) > OPEN)
    bare = (i for i in opened if not wears_glasses(pack.images[i], meshes[i]))
    part = pack.part(np.array(list(islice(bare, count)), int))
    meshes = part.points[478]
    for k in range(len(part)):
        part.images[k], meshes[k] = blinked(part.images[k], meshes[k], LIDS[k % len(LIDS)])
    return replace(part, names=[f"blink/{name}" for name in part.names])


def joined(first: Pack, second: Pack) -> Pack:
    """The crops of both, without what was drawn of them."""
    return Pack(
        images=np.concatenate([first.images, second.images]),
        inside=np.concatenate([first.inside, second.inside]),
        points={count: np.concatenate([first.points[count], second.points[count]]) for count in first.points},
        names=first.names + second.names,
        sources=first.sources + second.sources,
    )


def shared_out(index: NDArray[np.integer], sources: list[str]) -> NDArray[np.integer]:
    """The same, the first of every source first, then the second of each: whatever part is taken has all of them."""
    seen = Counter[str]()
    turns = []
    for i in index:
        turns.append(seen[sources[i]])
        seen[sources[i]] += 1
    return index[np.argsort(turns, kind="stable")]


def draw_one(image: NDArray[np.uint8], dense: NDArray[np.float32], look: str, path: Path) -> None:
    """Draw one crop (SIZE, SIZE, 3) RGB into a PNG, whole or not at all."""
    cv2.setNumThreads(1)
    partial = path.with_suffix(".partial.png")
    if not cv2.imwrite(str(partial), cv2.cvtColor(draw(image, dense, look), cv2.COLOR_RGB2BGR)):
        raise InputError(f"{path.parent}: cannot be written; free some space or name another --folder")
    partial.replace(path)
