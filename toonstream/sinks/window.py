"""A window on the desktop, with a few keys."""

import os
import subprocess
import sys

import cv2
from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import InputError, UserError

from toonstream.controls import Controls
from toonstream.frame import Frame

TITLE = "ToonStream"
KEYS = "m mirror, s before/after, space pause, n next style, q quit"


class ClosedError(UserError):
    """The user closed it, which is no failure."""

    status = 0


class Window(Closeable):
    """Shows frames, and passes keys on to `controls`. Raises InputError where there is no desktop.

    To be used by the main thread only, as desktops have it. The rest is LiveSink's.
    """

    private = True
    watched = True
    description = f"window ({KEYS})"

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        if sys.platform == "linux" and not _opens():
            display = os.environ.get("DISPLAY")
            why = f"the display {display} cannot be opened" if display else "DISPLAY is not set"
            raise InputError(f"window: there is no desktop here ({why}); choose another --to")
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise InputError("window: this OpenCV has no windows; choose another --to") from error
        self._sized = False

    def write(self, frame: Frame) -> None:
        if not self._sized:
            cv2.resizeWindow(TITLE, frame.width, frame.height)
            self._sized = True
        cv2.imshow(TITLE, frame.rgb()[:, :, ::-1])
        self._obey(cv2.pollKey())
        if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            raise ClosedError("the window was closed")

    def close(self) -> None:
        if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 0:
            cv2.destroyWindow(TITLE)

    def _obey(self, key: int) -> None:
        controls = self._controls
        match chr(key & 0xFF) if key >= 0 else "":
            case "m":
                controls.mirror = not controls.mirror
            case "s":
                controls.split = not controls.split
            case " ":
                controls.paused = not controls.paused
            case "n":
                styles, last = controls.styles, controls.figures()["loading"] or controls.style
                index = styles.index(last) if last in styles else -1  # an engine of one's own is none of them
                controls.choose(styles[(index + 1) % len(styles)])
            case "q" | "\x1b":
                raise KeyboardInterrupt


def _opens() -> bool:
    """Whether windows can be had here, tried in another process: where they cannot, Qt aborts the one that asks."""
    code = f"import cv2; cv2.namedWindow({TITLE!r}, cv2.WINDOW_NORMAL)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
