"""The loop: frames flow from a source, through faces, to a sink."""

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import TypeVar

from toonstream.composite import Toon
from toonstream.sinks import Sink
from toonstream.sources import Source
from toonstream.toonifier import Toonifier

Item = TypeVar("Item")

PREFETCH = 4
"""Frames that a stage may be ahead of the next: enough to even out slow ones, few enough to keep memory small."""


def run(source: Source, toonifier: Toonifier, sink: Sink, tell: Callable[[list[Toon]], None]) -> None:
    """Every frame of the source, in order, none dropped, with its faces as cartoons, to the sink.

    Each stage works on one frame while the stage before it works on the next. `tell` is given the cartoons of each
    frame written.
    """
    with (
        closing(prefetch(source)) as frames,
        closing(prefetch(toonifier.follow(frames, source.rate))) as seen,
        closing(prefetch((frame, toonifier.draw(frame, faces)) for frame, faces in seen)) as drawn,
        closing(prefetch((toonifier.composite(frame, toons), toons) for frame, toons in drawn)) as done,
    ):
        for frame, toons in done:
            sink.write(frame)
            tell(toons)


def prefetch(items: Iterable[Item]) -> Generator[Item]:
    """The same items, made ahead in a thread; what the maker raises is raised here. Closing it ends the thread."""
    made: queue.Queue[tuple[Item | None, BaseException | None, bool]] = queue.Queue(PREFETCH)
    stop = threading.Event()

    def hand(entry: tuple[Item | None, BaseException | None, bool]) -> bool:
        while not stop.is_set():
            try:
                made.put(entry, timeout=0.1)
                return True
            except queue.Full:
                pass
        return False

    def work() -> None:
        try:
            for item in items:
                if not hand((item, None, False)):
                    return
            hand((None, None, True))
        except BaseException as error:
            hand((None, error, True))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error, last = made.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]  # only the last entry has no item
    finally:
        stop.set()
        _join(thread)


def _join(thread: threading.Thread) -> None:
    """Waits for the thread's end, through interrupts too: what it works with is about to be closed."""
    interrupt = None
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt:
        raise interrupt
