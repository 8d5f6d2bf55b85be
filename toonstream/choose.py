"""Which source or sink a path, an address or a device's name means; other packages can add theirs.

They register functions as entry points, in the groups SOURCES and SINKS. An entry point's name is a file's suffix with
its dot, or for live video a scheme, which is what a person writes before the first colon:

    group     name      called as                      returns
    SOURCES   ".xyz"    open(path)                     Source
    SOURCES   "xyz"     open(name, request)            LiveSource
    SINKS     ".xyz"    open(path, source, overwrite)  Sink
    SINKS     "xyz"     open(name, source, controls)   LiveSink

Built-in ones take precedence. These functions raise UserError for what a user can fix.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import lru_cache
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Any

from toonstream_engines.errors import InputError, UserError
from toonstream_engines.part import with_mark

from toonstream.controls import Controls
from toonstream.orientation import Rect
from toonstream.sinks import LiveSink, Sink
from toonstream.sinks.containers import SUFFIXES as WRITTEN
from toonstream.sinks.containers import output_suffix
from toonstream.sinks.output import check_output
from toonstream.sources import PHOTOS, SUFFIXES, CaptureRequest, LiveSource, Source, photo_suffix

SOURCES, SINKS = "toonstream.sources", "toonstream.sinks"

_MADE_HERE = re.compile(r"\.toon(\.part(-\d+)?)?$")


def open_source(path: Path) -> Source:
    """The file as a source, by what is in it rather than by its name. Raises InputError where it is none."""
    if path.is_dir():
        raise InputError(f"{path}: this is a folder, not a file")
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: a pipe or a device, not a file; save its content to a file first")
    try:
        with path.open("rb") as file:
            start = file.read(12)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    if not start:
        raise InputError(f"{path}: the file is empty")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES and (registered := _registered(SOURCES, suffix)):
        source: Source = registered(path)
        return source
    if photo_suffix(path):
        from toonstream.sources.photo import PhotoSource

        return PhotoSource(path)
    from toonstream.sources.video import VideoSource

    return VideoSource(path)


def open_live_source(name: str, request: CaptureRequest) -> LiveSource:
    """A source by what a person calls it, as in `toonstream live --from`:

    0, 1, ... or a part of its name or its path: a camera. screen, or screen:LEFT,TOP,WIDTHxHEIGHT: what is on the
    screen. An address with ://: a stream. A file: a video, played in a loop. Raises UserError where it does not open.
    """
    scheme, colon, _ = name.partition(":")
    if scheme == "screen":
        from toonstream.sources.screen import open_screen

        return open_screen(_region(name), request)
    if colon and (registered := _registered(SOURCES, scheme)):
        source: LiveSource = registered(name, request)
        return source
    if "://" in name:
        from toonstream.sources.stream import open_stream

        return open_stream(name)
    path = Path(name)
    if os.path.isfile(path):  # of a name that no file can have, Path.is_file raises
        from toonstream.sources.looping import LoopingSource
        from toonstream.sources.video import VideoSource

        with open_source(path) as file:
            if not isinstance(file, VideoSource):
                raise InputError(
                    f"{path}: not a video; a live source is a video file, a camera, the screen or a stream"
                )
        return LoopingSource(path)
    from toonstream.sources.camera import open_camera

    return open_camera(name, request)


def _region(name: str) -> Rect | None:
    if name == "screen":
        return None
    numbers = re.fullmatch(r"screen:(\d+),(\d+),(\d+)x(\d+)", name)
    if not numbers:
        raise InputError(f"{name}: write a region of the screen as screen:LEFT,TOP,WIDTHxHEIGHT, in pixels")
    left, top, width, height = map(int, numbers.groups())
    if not width or not height:
        raise InputError(f"{name}: the region is empty; width and height are at least 1")
    return Rect(left, top, left + width, top + height)


def open_sink(path: Path, source: Source, encoder: str | None = None, overwrite: bool = False) -> Sink:
    """A file for the cartoon of `source`, with all else that the source's own file holds.

    Raises InputError for a file that is there already (unless `overwrite`), a suffix that does not do, or an unknown
    encoder.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITTEN and (registered := _registered(SINKS, suffix)):
        sink: Sink = registered(path, source, overwrite)
        return sink
    from toonstream.sources.photo import PhotoSource

    if isinstance(source, PhotoSource):
        from toonstream.sinks.photo import PhotoSink

        return PhotoSink(path, original=source.path, tags=source.tags, alpha=source.alpha, overwrite=overwrite)
    from toonstream.sinks.video import VideoSink

    original = getattr(source, "path", None)
    return VideoSink(path, rate=source.rate, original=original, encoder=encoder, overwrite=overwrite)


def default_output(path: Path) -> Path:
    """NAME.toon.EXT beside the input; another EXT only where we do not write the input's kind of file under that."""
    if _registered(SINKS, path.suffix.lower()):
        return with_mark(path, ".toon")
    suffix = output_suffix(path.suffix)
    if path.is_file():
        try:
            photo = photo_suffix(path)
        except (OSError, InputError):  # reported when it is opened
            photo = None
        if bool(photo) != (path.suffix.lower() in PHOTOS):
            suffix = photo or ".mp4"
    return with_mark(path.with_suffix(suffix), ".toon")


def made_here(path: Path) -> bool:
    """Whether the name is one that `default_output` gives, or a part of such a file's."""
    return bool(_MADE_HERE.search(path.stem))


def open_live_sinks(
    name: str, source: LiveSource, controls: Controls, opened: ExitStack, overwrite: bool = False
) -> list[LiveSink]:
    """What `toonstream live --to` names, for the source's frames; `opened` closes it.

    virtualcam, or virtualcam:DEVICE. window. http://HOST:PORT: a stream for OBS and the page with it. tcp://HOST:PORT:
    a stream with the source's sound. A file: a recording, which replaces another only with `overwrite`. Raises
    UserError where it cannot be opened.
    """
    scheme, colon, device = name.partition(":")
    if scheme == "virtualcam" or name.startswith("/dev/"):
        from toonstream.sinks.virtual_camera import VirtualCamera

        path = device or (name if name.startswith("/dev/") else None)
        return [opened.enter_context(VirtualCamera(source.size, source.rate, path))]
    if name == "window":
        from toonstream.sinks.window import Window

        return [opened.enter_context(Window(controls))]
    if scheme == "http":
        from toonstream.page.server import PageServer

        server = opened.enter_context(closing(PageServer(name, controls, source)))
        return [server.stream, server.preview, server.recorder]
    if scheme == "tcp":
        from toonstream.sinks.transport import TransportStream

        return [opened.enter_context(TransportStream(name, source.rate, source.listen()))]
    if colon and (registered := _registered(SINKS, scheme)):
        sink: LiveSink = registered(name, source, controls)
        return [opened.enter_context(sink)]
    if "://" in name or not Path(name).suffix:
        raise InputError(f"--to {name}: neither virtualcam, window, http://..., tcp://..., nor a file such as a.mp4")
    from toonstream.sinks.recording import Recording

    file = Path(name)
    check_output(file, getattr(source, "path", None), overwrite)
    return [opened.enter_context(Recording(file, source.rate, overwrite))]


@lru_cache
def _entry_points(group: str, name: str, path: tuple[str, ...]) -> EntryPoints:
    """Looked for once in a `sys.path`: that reads a file of every package that is installed."""
    return entry_points(group=group, name=name)


def _registered(group: str, name: str) -> Callable[..., Any] | None:
    """The function that another package registered for that suffix or scheme. Raises UserError where it won't load."""
    for point in _entry_points(group, name, tuple(sys.path)) if name else ():
        try:
            function: Callable[..., Any] = point.load()
        except (ImportError, AttributeError) as error:
            package = point.dist.name if point.dist else point.module
            raise UserError(f"{name}: {package}, which handles it, does not load ({error}); reinstall it") from error
        return function
    return None
