"""Turns the faces in live video into cartoons.

from toonstream import Toonifier
"""

import ctypes
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toonstream.toonifier import Toonifier

__all__ = ["Toonifier", "__version__"]

__version__ = "0.1.0"

if sys.platform == "linux" and os.environ.get("DISPLAY"):
    # OpenCV and PyAV bring a libxcb-shm of the same name each, of which the first to be loaded serves both; yet each
    # goes with another libxcb, so that capturing the screen or opening a window crashed. All take the system's instead.
    with suppress(OSError):  # there is none
        ctypes.CDLL("libxcb.so.1", ctypes.RTLD_GLOBAL)


def __getattr__(name: str) -> Any:
    # On demand: the commands import this package too, and most need none of what a Toonifier does.
    if name == "Toonifier":
        from toonstream.toonifier import Toonifier

        return Toonifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
