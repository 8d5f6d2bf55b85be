"""A webcam in a loop of your own: python examples/webcam.py [CAMERA] [STYLE]

CAMERA is what `toonstream live --from` takes: 0, a part of a camera's name, or a video file, which is played in a loop.
Press q to quit.

In such a loop a face that is lost shows. `toonstream live` blurs it: use its Session (toonstream/live/session.py) where
nobody's real face may be seen.
"""

import sys
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream import Toonifier
from toonstream.choose import open_live_source
from toonstream.sources import CaptureRequest


def cartoons(camera: str, style: str) -> Iterator[NDArray[np.uint8]]:
    """RGB uint8 (height, width, 3), one for each frame of the camera."""
    request = CaptureRequest(size=(1280, 720), rate=30)
    with open_live_source(camera, request) as source, Toonifier(style, faces=1) as toonifier:
        while True:
            frame = source.read()
            if frame is not None:  # none yet, or the camera is away: source.problem tells
                yield toonifier(frame).rgb()


def main(camera: str = "0", style: str = "film") -> None:
    for picture in cartoons(camera, style):
        cv2.imshow("cartoon", picture[:, :, ::-1])
        if cv2.waitKey(1) == ord("q"):
            break


if __name__ == "__main__":
    main(*sys.argv[1:])
