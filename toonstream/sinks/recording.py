"""A recording: live frames into a video file, in a thread of its own, so that an encoder holds up nobody."""

import queue
import threading
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import UserError

from toonstream.frame import Frame
from toonstream.picture import copy
from toonstream.sinks.video import VideoSink

WAITING = 8
"""Frames that may wait for the encoder before some are left out."""


class Recording(Closeable):
    """Records into a file, whole once it is closed. Raises InputError as VideoSink does. The rest is LiveSink's."""

    private = False
    watched = True

    def __init__(self, path: Path, rate: Fraction | None, overwrite: bool = False) -> None:
        self.description = f"recording {path}"
        self._sink = VideoSink(path, rate=rate, overwrite=overwrite, live=True)
        self._frames: queue.Queue[Frame | None] = queue.Queue(WAITING)
        self._error: UserError | None = None
        self._thread = threading.Thread(target=self._record, name="recording", daemon=True)
        self._thread.start()

    def write(self, frame: Frame) -> None:
        self._tell()
        with suppress(queue.Full):  # the file's time stamps show where one is missing
            self._frames.put_nowait(frame)

    def close(self) -> None:
        while self._thread.is_alive():
            with suppress(queue.Full):
                self._frames.put(None, timeout=0.1)
                self._thread.join()
        self._tell()

    def _record(self) -> None:
        start = None
        try:
            with self._sink:
                while frame := self._frames.get():
                    start = frame.pts if start is None else start
                    picture = copy(frame.picture)
                    pts = (frame.pts or 0) - (start or 0)
                    picture.pts = pts
                    self._sink.write(replace(frame, picture=picture, pts=pts))
        except Exception as error:
            fault = f"{self.description}: {type(error).__name__}: {error}; please report this"
            message = str(error) if isinstance(error, UserError) else fault
            self._error = UserError("; ".join([message, *self._sink.notices]))

    def _tell(self) -> None:
        """Raises what ended the recording, once."""
        error, self._error = self._error, None
        if error:
            raise error
