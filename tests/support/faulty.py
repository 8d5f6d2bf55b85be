"""Clips that misbehave while they are read, by their suffix: an mp4 under another name. Workers import this."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from support.clips import make_clip
from toonstream.frame import Frame
from toonstream.sources.video import VideoSource

AT = 5
"""The frame at which it happens."""


class Kills(VideoSource):
    """Kills whoever reads it, and keeps count."""

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            if frame.index == AT:
                self.happens()
            yield frame

    def happens(self) -> None:
        note(self.path, "killed")
        os.kill(os.getpid(), signal.SIGKILL)


class KillsOnce(Kills):
    def happens(self) -> None:
        if not noted(self.path, "killed"):
            super().happens()


class Waits(Kills):
    """Waits until it is told to go on."""

    def happens(self) -> None:
        note(self.path, "waiting")
        while not noted(self.path, "go"):
            time.sleep(0.01)


class Fails(Kills):
    """Fails the first two times as a disk may."""

    def happens(self) -> None:
        if len(noted(self.path, "failed")) < 2:
            note(self.path, "failed")
            raise OSError(5, "Input/output error")


def note(path: Path, what: str) -> None:
    """That it happened once more."""
    with path.with_suffix(f".{what}").open("a") as file:
        file.write(f"{os.getpid()}\n")


def noted(path: Path, what: str) -> list[int]:
    """The processes that it happened in."""
    try:
        return [int(line) for line in path.with_suffix(f".{what}").read_text().split()]
    except FileNotFoundError:
        return []


def make_faulty(path: Path) -> Path:
    """A clip that misbehaves as its suffix says; its cartoon is of kind .mkv."""
    return make_clip(path.with_suffix(".mp4")).rename(path)


def register(folder: Path) -> None:
    """Makes the suffixes known to whoever has `folder` in sys.path, as a package that pip installed does."""
    information = folder / "faulty-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    names = {"kills": "Kills", "kills-once": "KillsOnce", "waits": "Waits", "fails": "Fails"}
    lines = [f".{suffix} = support.faulty:{name}\n" for suffix, name in names.items()]
    (information / "entry_points.txt").write_text("[toonstream.sources]\n" + "".join(lines))


def silent(frames: int, length: int | None) -> None:
    """Progress that nobody reads; workers import it from here, since they know no test by name."""
