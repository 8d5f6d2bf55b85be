"""What is on the screen, or on a part of it."""

import os
import sys

import av
from av.container import InputContainer
from av.error import FFmpegError
from toonstream_engines.errors import InputError

from toonstream.orientation import Rect
from toonstream.sources import CaptureRequest
from toonstream.sources.capture import CaptureSource

USUAL_RATE = 30


def open_screen(region: Rect | None, request: CaptureRequest) -> CaptureSource:
    """region: in pixels of the screen; None takes all of it. Raises InputError where it cannot be captured."""
    name = f"screen from {region.left},{region.top}" if region else "screen"
    url, system, options = _system(region)
    options |= {"framerate": str(request.rate or USUAL_RATE)}
    hint = "the part has to lie on the screen" if region else "run this from the desktop's own terminal"

    def open() -> InputContainer:
        try:
            return av.open(url, format=system, options=options)
        except (FFmpegError, ValueError) as error:
            raise InputError(f"{name}: cannot be captured ({getattr(error, 'strerror', error)}); {hint}") from error

    return CaptureSource(name, open)


def _system(region: Rect | None) -> tuple[str, str, dict[str, str]]:
    """What FFmpeg calls the screen here: URL, format, options."""
    size = {"video_size": f"{region.width}x{region.height}"} if region else {}
    if sys.platform == "win32":
        return (
            "desktop",
            "gdigrab",
            size | ({"offset_x": str(region.left), "offset_y": str(region.top)} if region else {}),
        )
    if sys.platform == "darwin":
        if region:
            raise InputError("screen: macOS gives the whole screen only; use --from screen")
        return "Capture screen 0", "avfoundation", {"capture_cursor": "1"}
    display = os.environ.get("DISPLAY")
    if not display:
        raise InputError("screen: no X display (DISPLAY is not set); run this from the desktop's own terminal")
    if os.environ.get("WAYLAND_DISPLAY"):
        raise InputError("screen: Wayland lets no program capture the screen like this; use an X session, or OBS")
    return display, "x11grab", size | ({"grab_x": str(region.left), "grab_y": str(region.top)} if region else {})
