"""A live session as the page sees it, without one."""

import threading
import time
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np

from toonstream.frame import Frame

SOURCE = SimpleNamespace(rate=Fraction(30))
"""What the page needs of a live source."""


class FakeControls:
    """Obeys at once, but for a style, which takes `load_seconds`."""

    def __init__(self, styles: list[str], load_seconds: float = 0.0) -> None:
        self.styles = styles
        self.style = styles[0]
        self.effect = True
        self.faces: int | None = None
        self.mirror = self.split = self.paused = False
        self.fps = 30.0
        self._load_seconds = load_seconds
        self._loading: str | None = None

    def choose(self, style: str) -> None:
        self._loading = style
        threading.Timer(self._load_seconds, self._swap, [style]).start() if self._load_seconds else self._swap(style)

    def _swap(self, style: str) -> None:
        self.style, self._loading = style, None

    def figures(self) -> dict[str, Any]:
        return {
            "fps": self.fps,
            "delay_ms": {"p50": 21.0, "p95": 30.5},
            "dropped": 2,
            "stages_ms": {"see": 4.2, "draw": 9.1, "show": 3.0},
            "backend": "ONNX Runtime, CPU, fp32",
            "style": self.style,
            "loading": self._loading,
            "faces": 1,
            "state": "running",
            "picture": "paused" if self.paused else "live" if self.effect else "bare",
            "size": [1280, 720],
            "message": None,
        }


def picture(rgb: np.ndarray | tuple[int, int, int], index: int = 0) -> Frame:
    """A frame captured now, of an RGB picture or of one colour."""
    if isinstance(rgb, tuple):
        rgb = np.full((180, 320, 3), rgb, np.uint8)
    return Frame.from_rgb(rgb, time.monotonic_ns() // 1000, Fraction(1, 1_000_000), index)


def decode(jpeg: bytes) -> np.ndarray:
    """RGB uint8 (h, w, 3)."""
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
