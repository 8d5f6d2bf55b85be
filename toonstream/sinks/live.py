"""Live sinks by what a person calls them."""

from contextlib import ExitStack, closing
from pathlib import Path

from toonstream_engines.errors import InputError

from toonstream.live.controls import Controls
from toonstream.sinks import LiveSink
from toonstream.sources.live import LiveSource


def open_live_sinks(name: str, source: LiveSource, controls: Controls, opened: ExitStack) -> list[LiveSink]:
    """What `toonstream live --to` names, for the source's frames; `opened` closes it.

    virtualcam, or virtualcam:DEVICE. window. http://HOST:PORT: a stream for OBS and the page with it. tcp://HOST:PORT:
    a stream with the source's sound. A file: a recording. Raises UserError where it cannot be had.
    """
    kind, _, device = name.partition(":")
    if kind == "virtualcam" or name.startswith("/dev/"):
        from toonstream.sinks.virtual_camera import VirtualCamera

        path = device or (name if name.startswith("/dev/") else None)
        return [opened.enter_context(VirtualCamera(source.size, source.rate, path))]
    if name == "window":
        from toonstream.sinks.window import Window

        return [opened.enter_context(Window(controls))]
    if kind == "http":
        from toonstream.page.server import PageServer

        server = opened.enter_context(closing(PageServer(name, controls)))
        return [server.stream, server.preview]
    if kind == "tcp":
        from toonstream.sinks.transport import TransportStream

        return [opened.enter_context(TransportStream(name, source.rate, source.listen()))]
    if "://" in name or not Path(name).suffix:
        raise InputError(f"--to {name}: neither virtualcam, window, http://..., tcp://..., nor a file such as a.mp4")
    from toonstream.sinks.recording import Recording

    return [opened.enter_context(Recording(Path(name), source.rate))]
