"""How far a batch is, in one line."""

import sys
import time
from collections.abc import Sequence
from threading import Lock

from toonstream.batch.inputs import Job
from toonstream.batch.task import Outcome


class Progress:
    """A bar over the bytes of all inputs, since their frames are known only once they are open.

    It is shown on a terminal only. Workers' words come in a thread of their own.
    """

    def __init__(self, jobs: Sequence[Job], quiet: bool) -> None:
        from tqdm import tqdm

        self._sizes = {job.output: _size(job) for job in jobs}
        self._under_way: dict[str, tuple[int, float]] = {}
        """By output: frames, and the share of the file that is done."""
        self._heard: set[str] = set()
        self._lock = Lock()
        self._start = time.monotonic()
        self._ended = self._frames = self._bytes = 0
        self._workers = 0
        self._bar = tqdm(
            total=sum(self._sizes.values()),
            bar_format="{desc} {percentage:3.0f}%|{bar}| {remaining} left{postfix}",
            smoothing=0,  # what is left follows from all that is done
            disable=quiet or None,
            leave=False,
            delay=1e-3,  # the first look is that of the first tick
        )

    def hear(self, message: str | tuple[str, int, int | None]) -> None:
        """What a worker says, as tries.Hear."""
        if isinstance(message, str):
            if message not in self._heard:
                self._heard.add(message)
                self.say(message)
            return
        output, frames, length = message
        with self._lock:
            if output in self._sizes:
                self._under_way[output] = frames, min(frames / length, 1.0) if length else 0.0

    def tick(self, workers: int) -> None:
        self._workers = workers
        self._show()

    def end(self, job: Job, outcome: Outcome) -> None:
        with self._lock:
            self._under_way.pop(job.output, None)
            self._bytes += self._sizes.pop(job.output)
            self._ended += 1
            self._frames += outcome.record["frames"] if outcome.record else 0
        self._show()

    def say(self, line: str) -> None:
        """A line above the bar, to standard error."""
        self._bar.write(f"toonstream: {line}", file=sys.stderr)

    def close(self) -> None:
        self._bar.close()

    def _show(self) -> None:
        with self._lock:
            frames = self._frames + sum(frames for frames, _ in self._under_way.values())
            part = sum(share * self._sizes[output] for output, (_, share) in self._under_way.items())
            total = self._ended + len(self._sizes)
        rate = frames / (time.monotonic() - self._start)
        self._bar.set_description_str(f"{self._ended} of {total} files", refresh=False)
        self._bar.set_postfix_str(f"{rate:.1f} frames/s on {self._workers} workers", refresh=False)
        self._bar.n = int(self._bytes + part)
        self._bar.refresh()


def _size(job: Job) -> int:
    try:
        return max(job.source.stat().st_size, 1)
    except OSError:
        return 1
