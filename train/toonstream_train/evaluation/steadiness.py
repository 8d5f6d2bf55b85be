"""Whether toons hold still: under sensor noise on a still face, and along the motion of a clip."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from toonstream_engines.sharpen import sharpened

from toonstream.choose import open_source
from toonstream.faces import framing
from toonstream.faces.crop import crop
from toonstream.faces.face import five_points
from toonstream.faces.framing import half_side
from toonstream.faces.smoothing import OneEuro
from toonstream.frame import Frame
from toonstream.steady import steadied
from toonstream_train.data.landmarks import Points
from toonstream_train.data.pack import Pack

SIGMA = 3.0
"""Of the sensor noise, in steps of 255: an indoor webcam's."""
NOISY = 4
"""Noisy pictures of a still, by which `steadied` has come to rest."""
MOST_FRAMES = 300
"""Ten seconds mostly: people blink every three or four."""

Images = NDArray[np.uint8]
Draw = Callable[[Pack], Images]
"""Faces to their toons (N, H, W, 3)."""


@dataclass(frozen=True)
class Flicker:
    """How much toons change where the face does not; 1 for what passes noise on as it is."""

    frames: float
    """Mean |change| of what is shown over that of the photo, between two noisy frames of a still face."""
    noise: float
    """The same of toons, between a noisy picture and a clean one: also counts how noise moves every frame alike."""


def noisy(photos: Images, seed: int) -> Images:
    """The photos under sensor noise of SIGMA, the same for the same seed."""
    noise = np.random.default_rng(seed).normal(0, SIGMA, photos.shape)
    return np.asarray((photos + noise).round().clip(0, 255), np.uint8)


def flicker(faces: Pack, draw: Draw, detect: Callable[[Images], Points | None], gain: float = 0.0) -> Flicker:
    """How much a generator's toons of still faces flicker, shown with that gain of `sharpened`.

    Landmarks are looked for in the clean crops and in the noisy ones alike: a pack's own were found in whole pictures,
    and lie a little elsewhere.
    """
    clean = found_again(faces, faces.images, detect)
    frames = [found_again(faces, noisy(faces.images, seed), detect) for seed in range(NOISY)]
    drawn = [draw(frame) for frame in frames]
    seen = np.stack([shown(np.stack(each), gain) for each in zip(*drawn, strict=True)], 1)
    return Flicker(
        frames=_change(*seen[-2:]) / _change(*(frame.images for frame in frames[-2:])),
        noise=_change(draw(clean), drawn[0]) / _change(clean.images, frames[0].images),
    )


def shown(toons: Images, gain: float = 0.0) -> Images:
    """One face's toons (T, H, W, 3), frame after frame, as they are shown at run time with that gain of `sharpened`."""
    out: list[NDArray[np.uint8]] = []
    for toon in toons:
        out.append(steadied(toon, out[-1] if out else None))
    return np.stack([sharpened(toon, gain) for toon in out])


def found_again(faces: Pack, images: Images, detect: Callable[[Images], Points | None]) -> Pack:
    """The same faces in other pictures of them, with the landmarks found there, where there are any."""
    points = {count: many.copy() for count, many in faces.points.items()}
    for i, image in enumerate(images):
        if (found := detect(image)) is not None:
            for count in points.keys() & found.keys():
                points[count][i] = found[count]
    return replace(faces, images=images, points=points)


def _change(a: Images, b: Images) -> float:
    return float(cv2.absdiff(a, b).mean())


def crops(clip: Path, size: int, detect: Callable[[Images], Points | None]) -> Pack:
    """The largest face of a clip's first MOST_FRAMES, one crop a frame, with its landmarks in crop pixels.

    Landmarks are smoothed, and the crops follow them, as at run time. Frames without a face take their points from the
    frames around them. Raises InputError where the clip has one frame only, or no face.
    """
    found = [detect(frame.rgb()) for frame in _frames(clip)]
    if len(found) < 2:
        raise InputError(f"{clip}: no clip of at least two frames; give a video with one face")
    at = np.array([i for i, points in enumerate(found) if points is not None])
    if not len(at):
        raise InputError(f"{clip}: no face in its first {len(found)} frames; give a video with one face")
    dense = np.stack([points[478] for points in found if points is not None])
    every = np.arange(len(found))
    tracks = np.stack([np.interp(every, at, track) for track in dense.reshape(len(at), -1).T], 1).reshape(-1, 478, 2)
    smooth, before = OneEuro(), 0.0
    images, meshes = [], []
    for frame, mesh in zip(_frames(clip), tracks, strict=True):
        landmarks = smooth(mesh, frame.seconds - before, 2 * half_side(five_points(mesh)))
        matrix = framing.framing(five_points(landmarks), size)
        images.append(crop(frame, matrix, size))
        meshes.append(framing.apply(matrix, landmarks))
        before = frame.seconds
    placed = np.stack(meshes).astype(np.float32)
    return Pack(
        images=np.stack(images),
        inside=np.ones((len(images), size, size), np.uint8),
        points={5: np.stack([five_points(mesh) for mesh in placed]).astype(np.float32), 478: placed},
        names=[str(i) for i in every],
        sources=[clip.stem] * len(images),
    )


def _frames(clip: Path) -> Iterator[Frame]:
    with open_source(clip) as source:
        yield from islice(source, MOST_FRAMES)


@dataclass(frozen=True)
class Motion:
    """From each frame of a clip to the one before: where its pixels were, and where that can be known."""

    back: NDArray[np.float32]
    """(T - 1, H, W, 2): pixel (x, y) of frame t + 1 was at (x, y) + back[t] in frame t."""
    visible: NDArray[np.bool_]
    """(T - 1, H, W): not occluded, and not at an edge of the motion."""


def motion(frames: Images) -> Motion:
    """By DIS optical flow (Kroeger et al. 2016), both ways; visibility by the two tests of Sundaram et al. 2010."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    backs, visible = [], []
    for before, after in pairwise(grey):
        back, forth = dis.calc(after, before, None), dis.calc(before, after, None)
        again = warped(forth, back)
        squares = [np.square(flow).sum(2) for flow in (back + again, back, again)]
        occluded = squares[0] > 0.01 * (squares[1] + squares[2]) + 0.5
        slope = sum(np.square(part).sum(2) for part in np.gradient(back, axis=(0, 1)))
        backs.append(back)
        visible.append(~occluded & ~(slope > 0.01 * squares[1] + 0.002))
    return Motion(np.stack(backs), np.stack(visible))


def warped(picture: NDArray[np.float32], back: NDArray[np.float32]) -> NDArray[np.float32]:
    """`picture` (H, W, C) fetched along `back` (H, W, 2)."""
    y, x = np.mgrid[0 : back.shape[0], 0 : back.shape[1]].astype(np.float32)
    fetched = cv2.remap(picture, x + back[..., 0], y + back[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(fetched, np.float32)


def warping_error(pictures: Images, moved: Motion) -> float:
    """Mean |difference|, in steps of 255, between each picture and the one before moved along the clip's flow.

    As Lai et al. 2018, on the photos' own flow, so that toons are measured by the motion that there was.
    """
    differences = []
    for before, after, back, visible in zip(pictures, pictures[1:], moved.back, moved.visible, strict=False):
        if visible.any():
            differences.append(np.abs(after - warped(before.astype(np.float32), back))[visible].mean())
    return float(np.mean(differences)) if differences else float("nan")
