"""Whether anything grows over thousands of frames: python benchmarks/soak.py file|live [--frames N]

file: a video of so many frames, converted as `toonstream` does. live: a clip of ten seconds in a loop, at 30 frames a
second, as `toonstream live --to http://...` does it, with one reader of the stream.

Every thousand frames it prints what the process holds, and at the end what is left once all is closed. The exit status
is 1 where memory has grown by more than 2 % since frame 2,000, or a thread or a file is left. Linux with glibc only.

"in use" is what was allocated and is not freed; the allocator keeps more, and its share rises for a while until it has
room for whatever comes together. So a leak shows as a steady rise of what is in use, by more than a frame or two, which
come and go. A single step is the network's memory, when more or larger faces are drawn together than ever before.
"""

import argparse
import ctypes
import os
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import av
import cv2
import numpy as np
from toonstream_engines.style import DEFAULT

from toonstream import pipeline
from toonstream.bench.clip import RATE, make_clip
from toonstream.choose import open_live_sinks, open_live_source, open_sink, open_source
from toonstream.live.measures import Measures
from toonstream.live.session import Session
from toonstream.sources import CaptureRequest
from toonstream.toonifier import Toonifier

EVERY, SETTLED = 1000, 2000
"""Frames between two lines, and after which memory may not grow any more."""

MOST_GROWTH = 0.02
SIZES = {"file": (320, 240), "live": (640, 480)}
CLIP_FRAMES = 10 * RATE


def memory() -> float:
    """What the process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


class Mallinfo2(ctypes.Structure):
    """What glibc's function of that name tells, in bytes; only two of its figures are of use here."""

    _fields_ = [
        ("before", 4 * ctypes.c_size_t),
        ("mapped", ctypes.c_size_t),
        ("between", 2 * ctypes.c_size_t),
        ("in_use", ctypes.c_size_t),
        ("after", 2 * ctypes.c_size_t),
    ]


mallinfo2 = ctypes.CDLL(None).mallinfo2
mallinfo2.restype = Mallinfo2


def in_use() -> float:
    """What of it was allocated and is not freed, in MB; without Python's small objects, which it keeps by itself."""
    info = mallinfo2()
    return float(info.in_use + info.mapped) / (1 << 20)


def handles() -> tuple[int, int]:
    """Threads, those of the libraries too, and open files."""
    return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))


class Log:
    """Prints a line every thousand frames, and keeps what memory was then, in MB."""

    def __init__(self) -> None:
        self.frames = 0
        self.memory: dict[int, float] = {}
        self._taken: list[float] = []
        self._cpu = time.process_time()
        print(" frames      MB  in use threads files  CPU ms/frame  p50 ms  p95 ms  p99 ms", flush=True)

    def frame(self, seconds: float) -> None:
        """One more frame, which took so long: in files since the one before, live from the camera to the sinks."""
        self.frames += 1
        self._taken.append(1000 * seconds)
        if self.frames % EVERY:
            return
        held, used = memory(), in_use()
        self.memory[self.frames] = held
        threads, files = handles()
        cpu, self._cpu = self._cpu, time.process_time()
        p50, p95, p99 = np.percentile(self._taken, [50, 95, 99])
        self._taken.clear()
        print(
            f"{self.frames:7d} {held:7.1f} {used:7.1f} {threads:7d} {files:5d} {1000 * (self._cpu - cpu) / EVERY:13.1f}"
            f" {p50:7.1f} {p95:7.1f} {p99:7.1f}",
            flush=True,
        )


def repeat(clip: Path, whole: Path, frames: int) -> None:
    """Writes the clip several times in a row and four times as fast, so that fewer frames need a look of their own."""
    with av.open(str(whole), "w") as output:
        copied = None
        for start in range(0, frames, CLIP_FRAMES):
            with av.open(str(clip)) as once:
                video = once.streams.video[0]
                copied = copied or output.add_stream_from_template(video)
                tick = 1 / (4 * RATE * video.time_base)
                for packet in once.demux(video):
                    if packet.size:
                        packet.pts = round(packet.pts / 4 + start * tick)
                        packet.dts = round(packet.dts / 4 + start * tick)
                        packet.duration = round(tick)
                        packet.stream = copied
                        output.mux(packet)


def soak_file(clip: Path, options: argparse.Namespace, log: Log) -> None:
    whole = clip.with_name("whole.mp4")
    repeat(clip, whole, options.frames)
    with (
        Toonifier(options.style, options.backend) as toonifier,
        open_source(whole) as source,
        open_sink(clip.with_name("out.mp4"), source) as sink,
    ):
        last = time.perf_counter()

        def tell(_: object) -> None:
            nonlocal last
            before, last = last, time.perf_counter()
            log.frame(last - before)

        pipeline.run(source, toonifier, sink, tell)


class Delays(Measures):
    """Those of a session, which it also logs."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def output(self, captured: float) -> None:
        super().output(captured)
        self._log.frame(time.monotonic() - captured)


def soak_live(clip: Path, options: argparse.Namespace, log: Log) -> None:
    with ExitStack() as opened:
        source = opened.enter_context(open_live_source(str(clip), CaptureRequest()))
        session = opened.enter_context(Session(options.style, options.backend))
        session.measures = Delays(log)
        sinks = open_live_sinks("http://127.0.0.1:0", source, session, opened)
        address = sinks[0].description.split()[-1]
        reader = threading.Thread(target=read, args=(address,))
        reader.start()
        session.run(source, sinks, lambda: session.stop() if log.frames >= options.frames else None)
    reader.join()


def read(address: str) -> None:
    with urllib.request.urlopen(address) as stream:
        while stream.read(1 << 16):
            pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=SIZES)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--style", default=DEFAULT)
    parser.add_argument("--backend", default="onnxruntime")
    options = parser.parse_args()
    if options.frames <= SETTLED:
        parser.error(f"--frames: more than {SETTLED}")
    cv2.setNumThreads(1)  # as the converter does
    before = threading.active_count(), handles()[1]
    log = Log()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        make_clip(clip, *SIZES[options.kind], 1, CLIP_FRAMES)
        (soak_live if options.kind == "live" else soak_file)(clip, options, log)
    threads, files = threading.active_count() - before[0], handles()[1] - before[1]
    growth = list(log.memory.values())[-1] / log.memory[SETTLED] - 1
    print(f"memory: {100 * growth:+.1f} % since frame {SETTLED}; left open: {threads} threads, {files} files")
    return int(growth > MOST_GROWTH or threads > 0 or files > 0)


if __name__ == "__main__":
    sys.exit(main())
