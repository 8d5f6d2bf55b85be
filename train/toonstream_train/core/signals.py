"""Ctrl-C and SIGTERM as a note to end soon, for loops that save first."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that fills when Ctrl-C or SIGTERM comes, so that the step at hand can end and be saved."""
    stop: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        stop.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
