"""What live sessions are tested with: a scripted camera, a sink that keeps what it got, a flat style, a canary."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from toonstream_engines.engine import Engine
from toonstream_engines.errors import InputError
from toonstream_engines.model import Model
from toonstream_engines.style import INPUTS, OUTPUTS

from support import CLIP
from toonstream.frame import Frame
from toonstream.live.session import Session

FLAT = (40, 200, 90)

PATTERN = 1 - 2 * ((np.indices((2000, 2000)) // 2).sum(0) % 2)
"""+1 and -1 in squares of two pixels: the canary. No cartoon here draws it, and no blur leaves it."""


class FlatEngine(Engine):
    """Draws every face as FLAT, or fails, or takes its time."""

    title = "Flat"

    def __init__(self, colour: tuple[int, int, int] = FLAT) -> None:
        super().__init__(Model(Path("flat"), "", (INPUTS["image"],), (OUTPUTS["toon"],)))
        self.colour = colour
        self.fails = False
        self.seconds = 0.0
        self.closed = False

    def _infer(self, inputs):
        time.sleep(self.seconds)
        if self.fails:
            raise RuntimeError("out of order")
        return {"toon": np.full(inputs["image"].shape, self.colour, np.uint8)}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def engines(monkeypatch) -> dict[str, FlatEngine]:
    """What styles are opened as: by name; a name that is not here fails to load."""
    there = {"flat": FlatEngine(), "other": FlatEngine((90, 40, 200))}

    def open_engine(style, backend):
        if style not in there:
            raise InputError(f"{style}: damaged")
        return there[style]

    monkeypatch.setattr("toonstream.live.session.END_SECONDS", 10)  # on a busy machine all is to end for the next test
    for module in ("toonstream.toonifier", "toonstream.live.style_loader"):
        monkeypatch.setattr(f"{module}.load_style", lambda style: style)
        monkeypatch.setattr(f"{module}.open_engine", open_engine)
    return there


class Collector:
    """A sink; each frame that it gets goes to `tell`."""

    description = "collector"

    def __init__(self, tell: Callable[[Frame], None] | None = None, private: bool = False) -> None:
        self.frames: list[Frame] = []
        self.private = private
        self.watched = True
        self._tell = tell or self.frames.append

    def write(self, frame: Frame) -> None:
        self._tell(frame)

    def close(self) -> None: ...

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None: ...


class Script:
    """A camera whose frames a generator makes, with a clock of its own: RGB pictures, or None where one does not come.

    It hands out the next one once the last one was put out (`done`), or after five seconds.
    """

    rate = Fraction(30)
    description = "script"
    problem = None

    def __init__(self, pictures: Iterable[np.ndarray | None], size: tuple[int, int], step: float = 1 / 30) -> None:
        self.size = size
        self.clock = 1000.0
        self.reads = self.skips = self.closes = 0
        self.ended = threading.Event()
        self._step = step
        self._pictures: Iterator[np.ndarray | None] = iter(pictures)
        self._out = threading.Semaphore(1)

    def read(self) -> Frame | None:
        self._out.acquire(timeout=5)
        self.reads += 1
        try:
            picture = next(self._pictures)
        except StopIteration:
            self.ended.set()
            self.done()  # nobody waits for what does not come
            return None
        if picture is None:
            self.done()
            return None
        self.clock += self._step
        return Frame.from_rgb(picture, round(self.clock * 1e6), Fraction(1, 1_000_000), self.reads)

    def done(self) -> None:
        self._out.release()

    def skip(self) -> None:
        self.skips += 1
        time.sleep(0.02)

    def close(self) -> None:
        self.closes += 1


def run_until(session: Session, source, sinks, ended: Callable[[], bool], seconds: float = 300) -> None:
    """Runs the session until `ended`; fails where that takes too long."""
    end = time.monotonic() + seconds

    def tell() -> None:
        if ended():
            raise KeyboardInterrupt
        assert time.monotonic() < end, session.figures()

    with session, pytest.raises(KeyboardInterrupt):
        session.run(source, sinks, tell)


def sample_head() -> np.ndarray:
    """A head on its background, RGB 320x320; from brow to chin it takes half of that."""
    with av.open(CLIP) as clip:
        picture = next(clip.decode(video=0)).to_ndarray(format="rgb24")
    return np.ascontiguousarray(picture[40:360, 160:480])


def hidden(head: np.ndarray) -> np.ndarray:
    """The head as no detector knows it: its face smeared out."""
    smeared = head.copy()
    smeared[60:260, 70:250] = cv2.blur(head, (201, 201))[60:260, 70:250]
    return smeared


def scene(*heads: tuple[np.ndarray, float, float, float], canary: bool = True, size=(480, 320)) -> np.ndarray:
    """Heads on grey, each at x, y (its centre, pixels) and a scale of its 320 pixels, with a canary on their faces."""
    width, height = size
    picture = np.full((height, width, 3), 128, np.uint8)
    for head, x, y, scale in heads:
        small = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        left, top = round(x - small.shape[1] / 2), round(y - small.shape[0] / 2)
        inside = picture[max(0, top) : top + small.shape[0], max(0, left) : left + small.shape[1]]
        inside[:] = small[max(0, -top) :, max(0, -left) :][: inside.shape[0], : inside.shape[1]]
        if canary:
            paint(picture, x, y, 45 * scale)
    return picture


def paint(picture: np.ndarray, x: float, y: float, radius: float) -> None:
    """The canary, on a disc: red up and green down, red down and green up, in squares of two pixels."""
    height, width = picture.shape[:2]
    disc = (np.arange(width) + 0.5 - x) ** 2 + (np.arange(height)[:, None] + 0.5 - y) ** 2 < radius**2
    change = PATTERN[:height, :width][disc][:, None] * np.array([45, -45, 0])
    picture[disc] = np.clip(picture[disc] + change, 0, 255).astype(np.uint8)


def canary(picture: np.ndarray) -> float:
    """How much of the canary shows, at most, in any place of 12x12 pixels: 0 to 90 (what was painted on mid tones)."""
    height, width = picture.shape[:2]
    colour = picture[..., 0].astype(np.float32) - picture[..., 1]
    shifted = [PATTERN[:height, shift : width + shift].astype(np.float32) for shift in range(2)]
    return max(float(np.abs(cv2.blur(colour * pattern, (12, 12))).max()) for pattern in shifted)
