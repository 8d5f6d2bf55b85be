"""Another program that reads a webcam: read_camera.py opencv|ffmpeg DEVICE COUNT FILE.

FILE becomes an array of COUNT RGB pictures, each unlike the one before.
"""

import sys
from collections.abc import Iterator

import numpy as np


def opencv(device: str) -> Iterator[np.ndarray]:
    import cv2

    camera = cv2.VideoCapture(device, cv2.CAP_V4L2)
    while True:
        yield camera.read()[1][:, :, ::-1].copy()


def ffmpeg(device: str) -> Iterator[np.ndarray]:
    import av

    with av.open(device, format="v4l2") as camera:
        for picture in camera.decode(video=0):
            yield picture.to_ndarray(format="rgb24")


if __name__ == "__main__":
    program, device, count, file = sys.argv[1:]
    pictures: list[np.ndarray] = []
    for picture in {"opencv": opencv, "ffmpeg": ffmpeg}[program](device):
        if not pictures or not np.array_equal(picture, pictures[-1]):
            pictures.append(picture)
        if len(pictures) == int(count):
            break
    np.save(file, pictures)
