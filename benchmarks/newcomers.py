"""How long newcomers show in a live session, and what it costs to search: python benchmarks/newcomers.py [CLIP]

CLIP: a video with a face; without one, the clip that `toonstream bench` makes, all of which moves. A head is pasted
beside its face after ten frames, in turn at several places inside the picture and cut in half at each border. It prints
for how many of the next 26 frames the head's face was bare, the least and the most over the places, and then the
processor time of the search in CLIP itself. With the tests' own rig: PYTHONPATH has to name the folder `tests`.
"""

import argparse
import tempfile
import time
from fractions import Fraction
from itertools import islice, product
from pathlib import Path

import av
import cv2
import numpy as np
from support.bare import Pixels, Show, laid
from support.live_rig import sample_head

from toonstream.bench.clip import RATE, make_clip
from toonstream.frame import Frame

SIZES, TURNS = (30, 60, 112), {"upright": 0, "upside down": 2}
"""Of the pasted face: pixels from brow to chin, and quarter turns."""

PLACES = {
    "inside": [(0.12, 0.21), (0.12, 0.72), (0.79, 0.17), (0.88, 0.46), (0.79, 0.78), (0.26, 0.125)],
    "at a border": [(0, 0.42), (1, 0.42), (0.78, 0), (0.16, 1)],
}
"""In shares of the picture's width and height."""

BEFORE, AFTER = 10, 26
"""Frames without and with the newcomer."""

STEADY, MEASURED = 100, 150
"""Frames until the search has come to rest, and those whose search is timed."""


def bare_frames(pictures: list[Pixels], head: Pixels, x: float, y: float, side: float) -> int:
    """In how many pictures the face of a head that is pasted at x, y is bare."""
    show = Show()
    for picture in pictures[:BEFORE]:
        show(picture.copy())
    came = [laid(picture, head, x, y, side) for picture in pictures[BEFORE:]]
    return sum(show.bare(picture, picture.copy(), x, y, side) for picture in came)


def search_ms(pictures: list[Pixels]) -> tuple[float, float]:
    """Processor time a frame, in milliseconds: for the faces that are known, and for newcomers."""
    show, known, newcomers = Show(), 0.0, 0.0
    for index, picture in enumerate(pictures):
        frame = Frame.from_rgb(picture, index, Fraction(1, RATE), index)
        start = time.thread_time()
        observation = show.tracker(frame)
        middle = time.thread_time()
        show.tracker.others(frame, observation)
        if index >= STEADY:
            known += middle - start
            newcomers += time.thread_time() - middle
    count = len(pictures) - STEADY
    return 1000 * known / count, 1000 * newcomers / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", nargs="?", type=Path, metavar="CLIP")
    options = parser.parse_args()
    cv2.setNumThreads(1)  # as a session does
    with tempfile.TemporaryDirectory() as folder:
        clip = options.clip or Path(folder) / "clip.mp4"
        if options.clip is None:
            make_clip(clip, 1280, 720, 1, 10 * RATE)
        with av.open(str(clip)) as video:
            pictures = [frame.to_ndarray(format="rgb24") for frame in islice(video.decode(video=0), STEADY + MEASURED)]
    if len(pictures) <= STEADY:
        parser.error(f"{clip}: more than {STEADY} frames are needed")
    height, width = pictures[0].shape[:2]
    for size, (turn, quarters), (where, places) in product(SIZES, TURNS.items(), PLACES.items()):
        head = np.ascontiguousarray(np.rot90(sample_head(), quarters))
        bare = [
            bare_frames(pictures[: BEFORE + AFTER], head, x * width, y * height, 2 * size)  # of which a face takes half
            for x, y in places
        ]
        print(
            f"{size:4d} pixels, {turn:11}, {where:11}: bare in {min(bare)} to {max(bare)} of {AFTER} frames", flush=True
        )
    known, newcomers = search_ms(pictures)
    print(f"search: {known:.1f} ms a frame for known faces, {newcomers:.1f} for newcomers")


if __name__ == "__main__":
    main()
