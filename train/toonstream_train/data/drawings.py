"""Running a drawing teacher over a pack, in several processes and resumable."""

import hashlib
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, reduce
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from toonstream_engines.part import whole
from tqdm import tqdm

import toonstream
from toonstream.faces.network import SHA256
from toonstream_train import drawing
from toonstream_train.data.expression import eye_opening
from toonstream_train.data.pack import Pack, shared_out
from toonstream_train.data.webcam import webcam
from toonstream_train.drawing import LOOKS, draw, wears_glasses
from toonstream_train.drawing.common.shapes import CANVAS
from toonstream_train.drawing.features.lids import blinked

LIDS = (1.0, 0.6, 1.0, 0.8)
"""How far down the lids of those who blink are, in turns."""
OPEN = 0.2
"""The gap between open lids, in widths of the eye."""
USED = (
    "composite.py",
    "frame.py",
    "picture.py",
    *(f"faces/{name}.py" for name in ("chart", "crop", "framing", "mesh", "segmenter", "shape")),
)
"""What the teachers use of the code that runs before a camera, in `toonstream`."""


def draw_all(
    pack: Pack, look: str, folder: Path, workers: int, most: int | None = None, blinks: int = 0, webcams: int = 0
) -> Pack:
    """The crops that have dense landmarks, or `most` of them, with their drawings in a look of `drawing.LOOKS`.

    blinks, webcams: so many of them come once more, with their lids drawn down, or as a webcam has them. folder: keeps
    the drawings as PNGs, named by crop, landmarks and the teacher's code, so that an interrupted run goes on and a
    changed teacher draws again. Raises InputError where the pack's faces cannot be drawn, or the folder be written.
    """
    from multiprocessing import get_context

    if pack.shape:
        raise InputError("the pack's photos are in a style's proportions, as pair makes them; draw those from prepare")
    dense = pack.points.get(478, np.full((len(pack), 478, 2), np.nan, np.float32))
    known = shared_out(np.flatnonzero(np.isfinite(dense).all((1, 2))), pack.sources)[:most]
    if not len(known):
        raise InputError("the pack has no 478 landmarks to draw from; prepare photos without --landmarks")
    pack = pack.part(known)
    more = [make(pack, count) for make, count in ((blinking, blinks), (in_rooms, webcams)) if count]
    pack = reduce(joined, more, pack)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); name another --folder") from error
    faces = zip(pack.images, pack.points[478], strict=True)
    paths = [folder / f"{key(image, mesh, look)}.png" for image, mesh in faces]
    missing = [i for i, path in enumerate(paths) if not path.is_file()]
    # spawn: a forked child would inherit OpenCV's thread pool in whatever state it is
    with ProcessPoolExecutor(workers, get_context("spawn"), leave_interrupts) as pool:
        tasks = [pool.submit(draw_one, pack.images[i], pack.points[478][i], look, paths[i]) for i in missing]
        try:
            for task in tqdm(tasks, desc=f"draw {look}", unit="drawing"):
                task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # else it would draw all the rest first
            raise
    drawings = np.empty((len(pack), CANVAS, CANVAS, 3), np.uint8)
    for path, into in zip(paths, drawings, strict=True):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None or picture.shape != into.shape:
            raise InputError(f"{path}: not a drawing of {CANVAS} pixels; delete it and draw again")
        cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=into)
    return replace(pack, drawings=drawings, drawn_shape=LOOKS[look].shape)


def leave_interrupts() -> None:
    """A worker leaves Ctrl-C to the process that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def key(image: NDArray[np.uint8], mesh: NDArray[np.float32], look: str) -> str:
    """Of all that a drawing depends on."""
    digest = hashlib.sha256(f"{look} {teachers_version()}".encode())
    for array in (image, mesh):
        digest.update(array.tobytes())
    return digest.hexdigest()[:32]


@cache
def teachers_version() -> str:
    """Of the code that draws, of what it uses of the camera's, and of the network that tells it where people are."""
    used = (Path(toonstream.__path__[0]) / name for name in USED)
    files = [*sorted(Path(drawing.__path__[0]).rglob("*.py")), *used]
    digest = hashlib.sha256(SHA256["selfie_segmentation"].encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


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


def in_rooms(pack: Pack, count: int) -> Pack:
    """The last `count` crops, as a webcam has them."""
    part = pack.part(np.arange(len(pack))[-count:])
    for k, image in enumerate(part.images):
        part.images[k] = webcam(np.random.default_rng((1, k)), image)
    return replace(part, names=[f"webcam/{name}" for name in part.names])


def joined(first: Pack, second: Pack) -> Pack:
    """The crops of both, without what was drawn of them."""
    return Pack(
        images=np.concatenate([first.images, second.images]),
        inside=np.concatenate([first.inside, second.inside]),
        points={count: np.concatenate([first.points[count], second.points[count]]) for count in first.points},
        names=first.names + second.names,
        sources=first.sources + second.sources,
    )


def draw_one(image: NDArray[np.uint8], dense: NDArray[np.float32], look: str, path: Path) -> None:
    """Draw one crop (S, S, 3) RGB into a PNG of CANVAS pixels, whole or not at all. Raises InputError."""
    cv2.setNumThreads(1)
    picture = cv2.cvtColor(draw(image, dense, look, CANVAS), cv2.COLOR_RGB2BGR)
    try:
        with whole(path) as part:
            if not cv2.imwrite(str(part), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
                raise OSError
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be written; free some space or name another --folder") from error
