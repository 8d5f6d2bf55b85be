"""Whether toons hold still: under sensor noise on a still face, and along the motion of a clip."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import InputError

from toonstream_train.data.landmarks import Points
from toonstream_train.data.prepare import crop

SIGMA = 3.0
"""Of the sensor noise, in steps of 255: an indoor webcam's."""
SMOOTHED_OVER = 5.0
"""Frames, one deviation: so that the crop follows the head and not the landmarks' jitter."""
MOST_FRAMES = 90

Images = NDArray[np.uint8]
Draw = Callable[[Images, NDArray[np.float32]], Images]
"""Pictures (N, H, W, 3) and five points (N, 5, 2) to toons (N, H, W, 3)."""


@dataclass(frozen=True)
class Flicker:
    frames: float
    """Mean |change| of the toon over that of the photo, between two noisy pictures of a still face: what is seen."""
    noise: float
    """The same between a noisy picture and a clean one, which also counts how noise moves every frame alike."""


def noisy(photos: Images, seed: int) -> Images:
    noise = np.random.default_rng(seed).normal(0, SIGMA, photos.shape)
    return np.asarray((photos + noise).round().clip(0, 255), np.uint8)


def flicker(photos: Images, toons: Images, landmarks: NDArray[np.float32], draw: Draw) -> Flicker:
    """Of stills and their toons (N, H, W, 3), with five points (N, 5, 2); 1 for what passes noise on as it is."""
    first, second = noisy(photos, 1), noisy(photos, 2)
    one, two = draw(first, landmarks), draw(second, landmarks)
    return Flicker(
        frames=_change(one, two) / _change(first, second),
        noise=_change(toons, one) / _change(photos, first),
    )


def _change(a: Images, b: Images) -> float:
    return float(cv2.absdiff(a, b).mean())


def crops(clip: Path, detect: Callable[[Images], Points | None]) -> tuple[Images, NDArray[np.float32]]:
    """The largest face of a clip's first MOST_FRAMES: (T, SIZE, SIZE, 3), and its five points (T, 5, 2) in crop pixels.

    Frames without a face take their points from the frames around them.
    """
    video = cv2.VideoCapture(str(clip))
    frames: list[Images] = []
    try:
        while len(frames) < MOST_FRAMES and (bgr := video.read()[1]) is not None:
            frames.append(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8))
    finally:
        video.release()
    if len(frames) < 2:
        raise InputError(f"{clip}: no clip of at least two frames; give a video with one face")
    found = [detect(frame) for frame in frames]
    at = np.array([i for i, points in enumerate(found) if points is not None])
    if not len(at):
        raise InputError(f"{clip}: no face in its first {len(frames)} frames; give a video with one face")
    known = np.stack([points[5] for points in found if points is not None]).reshape(len(at), 10)
    tracks = np.stack([np.interp(np.arange(len(frames)), at, known[:, i]) for i in range(10)], 1)
    smooth = cv2.GaussianBlur(tracks, (1, 0), sigmaX=1, sigmaY=SMOOTHED_OVER, borderType=cv2.BORDER_REPLICATE)
    pictures, points = [], []
    for frame, five in zip(frames, smooth.reshape(-1, 5, 2), strict=True):
        cropped = crop(frame, {5: five.astype(np.float32)})
        pictures.append(cropped.image)
        points.append(cropped.points[5])
    return np.stack(pictures), np.stack(points)


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
