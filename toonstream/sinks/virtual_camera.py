"""A virtual camera, which other programs take for a webcam: v4l2loopback on Linux, OBS's elsewhere."""

import os
import struct
import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.install import install_extra

from toonstream.frame import Frame
from toonstream.picture import AVERAGED, full_or_limited, matrix, planes

USUAL_RATE = Fraction(30)

MODULE = Path("/sys/module/v4l2loopback")

STREAM_ON, OUTPUT = 0x40045612, 2
"""Of V4L2: VIDIOC_STREAMON, and the type of the buffers that a program writes to."""

SETUP = {
    "linux": "sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1 card_label=ToonStream",
    "win32": "install OBS Studio (obsproject.com), which brings one along",
    "darwin": "install OBS Studio (obsproject.com), and start and stop its virtual camera once",
}.get(sys.platform, "see pyvirtualcam's documentation")
"""What to do where there is no virtual camera."""

AGAIN = "sudo modprobe -r v4l2loopback && sudo modprobe v4l2loopback exclusive_caps=1 devices=2"
"""What to do where v4l2loopback has too few."""


class VirtualCamera(Closeable):
    """Sends frames of one size. device: as the system calls it; None takes the first that is free.

    Raises UserError where there is none, or it does not take frames of that size. The rest is LiveSink's; where the
    system does not tell whether anybody watches, somebody is taken to.
    """

    private = False

    def __init__(self, size: tuple[int, int], rate: Fraction | None, device: str | None) -> None:
        pyvirtualcam = load()
        # Coarse chroma comes in even sizes only.
        self._width, self._height = size[0] // 2 * 2, size[1] // 2 * 2
        if not self._width or not self._height:
            raise InputError(f"virtual camera: it takes no frames of {size[0]}x{size[1]} pixels; try another --size")
        try:
            self._camera = pyvirtualcam.Camera(
                self._width,
                self._height,
                float(rate or USUAL_RATE),
                fmt=pyvirtualcam.PixelFormat.I420,
                device=device,
            )
        except (RuntimeError, ValueError) as error:
            raise UserError(f"virtual camera{f' {device}' if device else ''}: {_reason(error, device)}") from error
        _tell_that_we_write(self._camera.device)
        self._written = False
        self._reformatter = VideoReformatter()  # a picture's own must not be used by two threads
        self.description = f"virtual camera {self._camera.device}, {self._width}x{self._height}"

    @property
    def watched(self) -> bool:
        # Before their first picture, many virtual cameras are none for those who might read them.
        return not self._written or readers() != 0

    def write(self, frame: Frame) -> None:
        # No camera says which colours it has; programs take these.
        picture = self._reformatter.reformat(
            frame.picture,
            self._width,
            self._height,
            "yuv420p",
            src_colorspace=matrix(frame.picture),
            src_color_range=full_or_limited(frame.picture),
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            interpolation=AVERAGED,
            threads=1,
        )
        self._camera.send(np.concatenate([plane.reshape(-1) for plane in planes(picture)]))
        self._written = True

    def close(self) -> None:
        self._camera.close()


def load() -> Any:
    """pyvirtualcam, which is an extra. Raises InputError where it is missing."""
    try:
        import pyvirtualcam
    except ImportError as error:
        raise InputError(f"a virtual camera needs pyvirtualcam: {install_extra('camera')}") from error
    return pyvirtualcam


def readers() -> int | None:
    """How many other programs have a v4l2loopback device open; None where nobody knows.

    The kernel counts who uses the module, so this takes in other users and containers; with several devices, whoever
    reads any of them.
    """
    try:
        users = int((MODULE / "refcnt").read_text())
    except (OSError, ValueError):
        return None
    return max(0, users - sum(_is_loopback(file) for file in _own_files().values()))


def loopback_devices() -> list[str]:
    """The paths of all v4l2loopback devices, as /dev/video10."""
    folders = Path("/sys/devices/virtual/video4linux").glob("video*/max_openers")
    return sorted(f"/dev/{path.parent.name}" for path in folders)


def _tell_that_we_write(device: str) -> None:
    """Else v4l2loopback before 0.14 does not notice that we end, and nobody can write to the device ever again."""
    if sys.platform == "linux":
        import fcntl

        for descriptor, path in _own_files().items():
            if path == os.path.realpath(device):
                with suppress(OSError):  # later ones need it not, and refuse
                    fcntl.ioctl(descriptor, STREAM_ON, struct.pack("i", OUTPUT))


def _own_files() -> dict[int, str]:
    """The paths of what this process has open, by descriptor."""
    files = {}
    for entry in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # closed meanwhile
            files[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
    return files


def _is_loopback(path: str) -> bool:
    return path.startswith("/dev/video") and Path(f"/sys/devices/virtual/video4linux/{path[5:]}/max_openers").exists()


def _reason(error: Exception, device: str | None) -> str:
    message = " ".join(str(error).replace(" See also pyvirtualcam's documentation.", "").split()).rstrip(".")
    there = loopback_devices()
    if there and device not in (None, *there):
        return f"not a virtual camera; available: {', '.join(there)}"
    if there and any(sign in message for sign in ("No v4l2", "not a video output", "already in use")):
        which = "it is in use" if device else f"none is free; {', '.join(there)} in use"
        return f"{which}, by another program or twice by this one; for more of them: {AGAIN}"
    return f"none is free ({message}); {SETUP}" if "No v4l2" in message else f"{message}; {SETUP}"
