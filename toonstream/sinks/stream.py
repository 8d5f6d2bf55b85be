"""A stream of JPEG pictures that readers ask for, each as quickly as it can: what the HTTP server passes on."""

import threading
import time
from collections import deque
from typing import NamedTuple

import cv2
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter
from toonstream_engines.closeable import Closeable

from toonstream.frame import Frame
from toonstream.picture import full_or_limited, matrix, planes

QUALITY = 85
"""Of the JPEGs, as libjpeg counts: flat colours stay flat, and 1280x720 comes to some 70 KB."""

LINGER_SECONDS = 1.0
"""A reader that has just got a picture will want the next: so long does its interest last."""


class Picture(NamedTuple):
    number: int
    jpeg: bytes
    size: tuple[int, int]


class Encoder:
    """Frames to JPEG; a frame that several streams carry is encoded once. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: deque[tuple[Frame, bytes]] = deque(maxlen=2)
        self._reformatter = VideoReformatter()  # a picture's own must not be used by two threads

    def __call__(self, frame: Frame) -> bytes:
        with self._lock:
            for known, data in self._made:
                if known is frame:
                    return data
            data = self._encode(frame)
            self._made.append((frame, data))
            return data

    def _encode(self, frame: Frame) -> bytes:
        # swscale's quick way to RGB, a level darker than frame.rgb() at a tenth of its time; a picture on its way
        # through JPEG and a video call can do with it.
        picture = self._reformatter.reformat(
            frame.picture,
            format="bgr24",
            src_colorspace=matrix(frame.picture),
            src_color_range=full_or_limited(frame.picture),
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )
        upright = np.ascontiguousarray(frame.orientation.upright(planes(picture)[0]))
        _, data = cv2.imencode(".jpg", upright, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return bytes(data)


class Stream(Closeable):
    """Holds the newest frame for any number of readers; the reader who asks first has it encoded, in its own thread.

    The rest is LiveSink's.
    """

    def __init__(self, description: str, private: bool, encoder: Encoder) -> None:
        self.description = description
        self.private = private
        self._encoder = encoder
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self.number = 0
        """Of the newest picture."""
        self._waiting = 0
        self._read_at = float("-inf")
        self.closed = False

    @property
    def watched(self) -> bool:
        """A reader waits for a picture, or got one a moment ago; one that stopped reading does not count."""
        return self._waiting > 0 or time.monotonic() - self._read_at < LINGER_SECONDS

    def write(self, frame: Frame) -> None:
        with self._changed:
            self._frame = frame
            self.number += 1
            self._changed.notify_all()

    @property
    def newest(self) -> Frame | None:
        return self._frame

    def next(self, after: int, seconds: float) -> Picture | None:
        """The newest picture, once there is another than the one of that number; None where none came in that time."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self.closed or (self._frame and self.number != after), seconds)
            finally:
                self._waiting -= 1
            frame, number = self._frame, self.number
        if self.closed or frame is None or number == after:
            return None
        self._read_at = time.monotonic()
        return Picture(number, self._encoder(frame), (frame.width, frame.height))

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()
