"""`toonstream doctor`: a page on what works here, what does not, and how to fix it, to paste into a report."""

import getpass
import re
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
from toonstream_engines import BACKENDS, load_style
from toonstream_engines.backends import is_there
from toonstream_engines.cache import cache_folder
from toonstream_engines.errors import UserError
from toonstream_engines.probe import candidates, probe_all
from toonstream_engines.style import DEFAULT

from toonstream import pipeline
from toonstream.bench.machine import machine, versions
from toonstream.commands.devices import missing_camera, virtual_cameras
from toonstream.commands.parser import Parser
from toonstream.frame import Frame
from toonstream.sinks.encoders import find_encoder
from toonstream.sinks.video import VideoSink
from toonstream.sources.camera import cameras
from toonstream.sources.video import VideoSource
from toonstream.toonifier import Toonifier

WORKS, ABSENT, FAILS = "works", "absent", "FAILS"
"""What there is to say of a part; what is absent is needed by some only."""

Finding = tuple[str, str]
_SIDE, _FRAMES = 96, 5


def run(arguments: list[str]) -> int:
    Parser(
        prog="toonstream doctor",
        description="Report what works here, what does not, and how to fix it, on a page to paste into a bug report: "
        "it names neither you nor your cameras.",
        examples=("toonstream doctor",),
    ).parse_args(arguments)
    for line in _machine():
        print(anonymous(line))
    print(flush=True)
    failed = False
    for part, check in CHECKS.items():
        for state, line in _findings(check):
            failed |= state == FAILS
            print(f"{state:7} {part}: {anonymous(line)}", flush=True)
    return int(failed)


def anonymous(text: str) -> str:
    """The text without what tells whose machine this is: names of the user and the machine, the way to their folder."""
    with suppress(RuntimeError):  # there is no home
        home = Path.home()
        if home.parent != home:  # as some containers have it
            text = re.sub(rf"{re.escape(str(home))}(?![\w-])", "~", text)
    with suppress(OSError, KeyError, ImportError):  # there is no such user
        text = re.sub(rf"(?<=[/\\]){re.escape(getpass.getuser())}(?=[/\\]|\b)", "USER", text)
    return re.sub(rf"\b{re.escape(socket.gethostname())}\b", "HOST", text)


def _machine() -> Iterator[str]:
    here = machine()
    yield ", ".join(f"{name} {version}" for name, version in versions().items())
    load = "" if here["load"] is None else f", load {here['load']:.1f}"
    yield f"{here['system']}; {here['processor']}, {here['cores']} cores, {here['memory']} GB{load}"
    yield f"GPUs: {', '.join(here['gpus']) or 'none of NVIDIA'}"


def _findings(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a check finds; the check's own end is a finding as well."""
    try:
        yield from check()
    except UserError as error:
        yield FAILS, str(error)
    except OSError as error:  # the machine's: a full disk, say, or no folder for temporary files
        yield FAILS, error.strerror or str(error)
    except Exception as error:
        yield FAILS, f"{type(error).__name__}: {error}; please report this"


def _files() -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        for suffix, encoder in ((".mp4", "libx264"), (".mkv", "libx265"), (".webm", "libvpx-vp9")):
            find_encoder(encoder)
            path = _write(Path(folder) / f"clip{suffix}", encoder)
            with VideoSource(path) as source:
                count = sum(1 for _ in source)
            if count != _FRAMES:
                yield FAILS, f"{count} of {_FRAMES} frames come back from {suffix} with {encoder}; reinstall av"
            else:
                yield WORKS, f"{suffix} with {encoder}"


def _write(path: Path, encoder: str) -> Path:
    with VideoSink(path, rate=Fraction(25), encoder=encoder) as sink:
        for index in range(_FRAMES):
            gray = np.full((_SIDE, _SIDE, 3), 20 * index, np.uint8)
            sink.write(Frame.from_rgb(gray, index, Fraction(1, 25), index))
    return path


def _backends() -> Iterator[Finding]:
    for backend in BACKENDS.values():
        if not is_there(backend):
            yield ABSENT, f"{backend.title}; {backend.install}"
    tried = probe_all(load_style(DEFAULT), candidates(load_style(DEFAULT)), first_built=True)
    for probe in tried:
        probe.close()
        if probe.seconds:
            yield WORKS, f"{probe.candidate}, {1000 * probe.seconds:.1f} ms for a face"
        elif probe.absent:
            yield ABSENT, f"{probe.candidate}; this machine does not compute in it"
        else:
            yield FAILS, f"{probe.failure}; other backends run instead"


def _whole() -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        path = _write(Path(folder) / "clip.mp4", "libx264")
        drawn = 0

        def tell(toons: object) -> None:
            nonlocal drawn
            drawn += 1

        with VideoSource(path) as source, Toonifier(DEFAULT, "auto", None) as toonifier:
            with VideoSink(path.with_name("toon.mp4"), rate=source.rate, original=path) as sink:
                pipeline.run(source, toonifier, sink, tell)
            yield (WORKS if drawn == _FRAMES else FAILS), f"{drawn} frames by {toonifier.engine.description}"


def _cache() -> Iterator[Finding]:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            yield WORKS, "what is found out here is remembered"
    except OSError as error:
        yield (
            ABSENT,
            f"{folder} cannot be written ({error.strerror}), so each run tries all; set TOONSTREAM_CACHE",
        )


def _cameras() -> Iterator[Finding]:
    found = len(cameras())
    yield (WORKS, f"{found} found; toonstream devices has their names") if found else (ABSENT, missing_camera())


def _virtual() -> Iterator[Finding]:
    found, missing = virtual_cameras()
    yield (WORKS, f"{len(found)} found") if found else (ABSENT, missing)


def _window() -> Iterator[Finding]:
    import cv2

    with suppress(cv2.error):
        if sys.platform != "linux" or cv2.currentUIFramework():
            yield WORKS, cv2.currentUIFramework() or "the system's own"
            return
    yield ABSENT, "OpenCV has none here; --to http://127.0.0.1:8080 shows the picture in a browser"


CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "video files": _files,
    "backend": _backends,
    "a whole conversion": _whole,
    "cache": _cache,
    "cameras": _cameras,
    "virtual cameras": _virtual,
    "window": _window,
}
