"""A recording of what everybody is shown, which the user starts and stops on the page."""

import threading
from datetime import datetime
from fractions import Fraction
from itertools import count
from pathlib import Path

from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import UserError

from toonstream.frame import Frame
from toonstream.sinks.recording import Recording


class Recorder(Closeable):
    """Records into new files of `folder`, named by date and time. Any thread may start and stop it, repeatedly.

    rate: the frames' nominal one. message: where it records or has recorded, or why not, for a person to read.
    The rest is LiveSink's; a recording that fails ends, and the session goes on.
    """

    private = False

    def __init__(self, folder: Path, rate: Fraction | None) -> None:
        self.message: str | None = None
        self.description = f"recordings in {folder}, started on the page"
        self._folder = folder
        self._rate = rate
        self._lock = threading.Lock()
        self._recording: Recording | None = None
        self._path = folder

    @property
    def on(self) -> bool:
        return self._recording is not None

    @property
    def watched(self) -> bool:
        return self.on

    def start(self) -> None:
        """Does nothing where it records already. Raises UserError where the folder is gone."""
        with self._lock:
            if self._recording is None:
                self._path = self._free_path()
                self._recording = Recording(self._path, self._rate)
                self.message = f"Recording into {self._path}, without sound"

    def stop(self) -> None:
        """Waits until the file is complete; `message` then says what became of it."""
        with self._lock:
            recording, self._recording = self._recording, None
            path = self._path
        if recording is None:
            return
        try:
            recording.close()
            self.message = f"Recorded: {path}" if path.exists() else "Nothing was recorded: no picture came"
        except UserError as error:
            self.message = str(error)

    def write(self, frame: Frame) -> None:
        with self._lock:
            try:
                if self._recording:
                    self._recording.write(frame)
            except UserError as error:
                self._recording = None
                self.message = str(error)

    def close(self) -> None:
        self.stop()

    def _free_path(self) -> Path:
        name = f"toonstream-{datetime.now():%Y%m%d-%H%M%S}"
        paths = (self._folder / f"{name}{f'-{number}' if number > 1 else ''}.mp4" for number in count(1))
        return next(path for path in paths if not path.exists())
