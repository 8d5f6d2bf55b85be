"""What a live session is measured by: frames a second, delay, what was left out, time of each stage."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

WINDOW_SECONDS = 5.0
"""Figures are of the last seconds."""

LATE_SECONDS = 0.5
"""How long after the last frame the rate begins to fall."""

HANGING_SECONDS = 3.0
"""How long a stage may take for one frame before it is said to hang."""

STAGES = ("see", "search", "draw", "show")
"""`search` is done while `draw` is."""


class Measures:
    """Any thread may add to them and read them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: dict[str, float] = {}  # since when
        self._outputs: deque[tuple[float, float]] = deque()  # (when, delay), seconds
        self._stages: dict[str, deque[tuple[float, float]]] = {name: deque() for name in STAGES}  # (when, how long)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times what is done inside; name: one of STAGES."""
        start = self._busy[name] = time.perf_counter()
        try:
            yield
        finally:
            self._busy.pop(name)
        self._add(self._stages[name], time.perf_counter() - start)

    def hanging(self) -> str | None:
        """A stage that has been at one frame for HANGING_SECONDS."""
        late = time.perf_counter() - HANGING_SECONDS
        return next((name for name, start in tuple(self._busy.items()) if start < late), None)

    def output(self, captured: float) -> None:
        """A frame captured then, in seconds of time.monotonic, has reached all sinks now."""
        self._add(self._outputs, time.monotonic() - captured)

    @property
    def fps(self) -> float:
        """Frames a second put out lately."""
        with self._lock:
            times = [when for when, _ in self._recent(self._outputs)]
        if len(times) < 2:
            return 0.0
        return (len(times) - 1) / (max(times[-1], time.monotonic() - LATE_SECONDS) - times[0])

    def delay_ms(self, percentile: float) -> float | None:
        """From capture to output."""
        with self._lock:
            delays = [delay for _, delay in self._recent(self._outputs)]
        return round(1000 * float(np.percentile(delays, percentile)), 1) if delays else None

    def stages_ms(self) -> dict[str, float]:
        """Mean time of each stage."""
        with self._lock:
            recent = {name: [spent for _, spent in self._recent(entries)] for name, entries in self._stages.items()}
        return {name: round(1000 * sum(spent) / len(spent), 1) for name, spent in recent.items() if spent}

    def _add(self, entries: deque[tuple[float, float]], value: float) -> None:
        with self._lock:
            entries.append((time.monotonic(), value))
            self._recent(entries)

    @staticmethod
    def _recent(entries: deque[tuple[float, float]]) -> deque[tuple[float, float]]:
        oldest = time.monotonic() - WINDOW_SECONDS
        while entries and entries[0][0] < oldest:
            entries.popleft()
        return entries
