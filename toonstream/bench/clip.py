"""The clip that everybody measures with: a photograph of one person, in a window each, who move about as on a call."""

import hashlib
import math
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

from toonstream.picture import AVERAGED, planes

RATE = 30  # frames a second
FACE = 112.5, 176.0  # the face's middle in the photograph: down, across
FACE_SIDE = 128.0  # and the side of its framing there
SHARE = 0.53  # of the window's shorter side, in the clip
GRAIN = 1.0  # sigma of the sensor's noise, in steps of 255
ENCODER = {"preset": "veryfast", "crf": "18", "threads": "4"}

Pixels = NDArray[np.uint8]


def photograph() -> Pixels:
    """The person, (352, 352, 3) uint8 RGB."""
    with Image.open(Path(__file__).with_name("face.jpg")) as image:
        return np.asarray(image.convert("RGB"))


def make_clip(path: Path, width: int, height: int, faces: int, frames: int) -> str:
    """Write an H.264 clip of that size, both sides even, without sound, that goes on at its end as it began.

    Returns the SHA-256 of its pictures. That of the file differs: x264 gives other bits on other processors, and with
    AVX-512 at times from one run to the next.
    """
    photo, drawn = photograph(), hashlib.sha256()
    rng = np.random.default_rng(0)
    grains = [rng.normal(0, GRAIN, (height, width)).round().astype(np.int8) for _ in range(8)]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", RATE, width=width, height=height, pix_fmt="yuv420p", options=ENCODER)
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        for index in range(frames):
            picture = np.empty((height, width, 3), np.uint8)
            for face, (left, top, right, bottom) in enumerate(windows(width, height, faces)):
                picture[top:bottom, left:right] = portrait(photo, right - left, bottom - top, index, frames, face)
            drawn.update(picture.data)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                interpolation=AVERAGED,
            )
            luma = planes(frame)[0]
            cv2.add(luma, grains[index % len(grains)], dst=luma, dtype=cv2.CV_8U)
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return drawn.hexdigest()


def windows(width: int, height: int, count: int) -> list[tuple[int, int, int, int]]:
    """Where each person's window is: left, top, right, bottom."""
    rows = math.ceil(count / math.ceil(math.sqrt(count * width / height)))
    found = []
    for row in range(rows):
        top, bottom = height * row // rows, height * (row + 1) // rows
        people = count * (row + 1) // rows - count * row // rows
        found += [(width * i // people, top, width * (i + 1) // people, bottom) for i in range(people)]
    return found


def portrait(photo: Pixels, width: int, height: int, index: int, frames: int, person: int) -> Pixels:
    """Somebody's window in one of so many frames: a head that sways, nods, tilts and leans, calm at one time, lively at
    another. Every second person is the mirror image."""

    def wave(speed: float, phase: float) -> float:
        """About so many radians a second, but whole periods in a clip."""
        periods = max(1, round(speed * frames / RATE / math.tau))
        return math.sin(math.tau * periods * index / frames + phase)

    phase = 2.4 * person  # nobody moves in step
    scale = SHARE * min(width, height) / FACE_SIDE * (1 + 0.05 * wave(0.9, phase))
    roll = 0.12 * wave(1.3, phase)
    across = width / 2 + 0.12 * SHARE * min(width, height) * wave(1.7, 2 * phase)
    down = 0.42 * height + 0.05 * SHARE * min(width, height) * wave(2.3, phase)
    turn = scale * np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])
    middle = np.array([FACE[1] if person % 2 == 0 else photo.shape[1] - FACE[1], FACE[0]])
    matrix = np.hstack([turn, (np.array([across, down]) - turn @ middle)[:, None]])
    shown = photo if person % 2 == 0 else photo[:, ::-1]
    window: Pixels = cv2.warpAffine(
        np.ascontiguousarray(shown), matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return window
