"""Live sinks by what a person calls them."""

from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path

from engines.errors import InputError
from toonstream.live.controls import Controls
from toonstream.sinks import LiveSink


def open_live_sinks(
    name: str, size: tuple[int, int], rate: Fraction | None, controls: Controls, opened: ExitStack
) -> list[LiveSink]:
    """What `toonstream live --to` names, for frames of that size (width, height) and nominal rate; `opened` closes it.

    virtualcam, or virtualcam:DEVICE. window. http://HOST:PORT: a stream for OBS and the page with it. A file: a
    recording. Raises UserError where it cannot be had.
    """
    kind, _, device = name.partition(":")
    if kind == "virtualcam" or name.startswith("/dev/"):
        from toonstream.sinks.virtual_camera import VirtualCamera

        path = device or (name if name.startswith("/dev/") else None)
        return [opened.enter_context(VirtualCamera(size, rate, path))]
    if name == "window":
        from toonstream.sinks.window import Window

        return [opened.enter_context(Window(controls))]
    if kind == "http":
        from toonstream.page.server import PageServer

        server = opened.enter_context(closing(PageServer(name, controls)))
        return [server.stream, server.preview]
    if "://" in name or not Path(name).suffix:
        raise InputError(f"--to {name}: neither virtualcam, window, nor http://..., nor a file such as talk.mp4")
    from toonstream.sinks.recording import Recording

    return [opened.enter_context(Recording(Path(name), rate))]
