"""Live sinks by what a person calls them."""

from fractions import Fraction
from pathlib import Path

from engines.errors import InputError
from toonstream.live.controls import Controls
from toonstream.sinks import LiveSink


def open_live_sink(name: str, size: tuple[int, int], rate: Fraction | None, controls: Controls) -> LiveSink:
    """A sink as in `toonstream live --to`, for frames of that size (width, height) and nominal rate:

    virtualcam, or virtualcam:DEVICE. window. A file: a recording. Raises UserError where it cannot be had.
    """
    kind, _, device = name.partition(":")
    if kind == "virtualcam" or name.startswith("/dev/"):
        from toonstream.sinks.virtual_camera import VirtualCamera

        return VirtualCamera(size, rate, device or (name if name.startswith("/dev/") else None))
    if name == "window":
        from toonstream.sinks.window import Window

        return Window(controls)
    if not Path(name).suffix:
        raise InputError(f"--to {name}: neither virtualcam nor window, nor a file such as talk.mp4")
    from toonstream.sinks.recording import Recording

    return Recording(Path(name), rate)
