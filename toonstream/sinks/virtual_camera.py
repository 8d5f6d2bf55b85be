"""A virtual camera, which other programs take for a webcam: v4l2loopback on Linux, OBS's elsewhere."""

import os
import sys
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from engines.errors import InputError, UserError
from toonstream.frame import Frame
from toonstream.picture import AVERAGED, full_or_limited, matrix, planes

USUAL_RATE = Fraction(30)

MODULE = Path("/sys/module/v4l2loopback")

INSTALL = "pip install 'toonstream[camera]'"
SETUP = {
    "linux": "sudo apt install v4l2loopback-dkms && "
    "sudo modprobe v4l2loopback exclusive_caps=1 card_label=ToonStream (devices=2 for two)",
    "win32": "install OBS Studio (obsproject.com), which brings one along",
    "darwin": "install OBS Studio (obsproject.com), and start and stop its virtual camera once",
}.get(sys.platform, "see pyvirtualcam's documentation")
"""What to do where there is no virtual camera."""


class VirtualCamera:
    """Sends frames of one size. device: as the system calls it; None takes the first that is free. Raises UserError.

    The rest is LiveSink's; where the system does not tell whether anybody watches, somebody is taken to.
    """

    private = False

    def __init__(self, size: tuple[int, int], rate: Fraction | None, device: str | None) -> None:
        pyvirtualcam = load()
        # Coarse chroma comes in even sizes only.
        self._width, self._height = size[0] // 2 * 2, size[1] // 2 * 2
        if not self._width or not self._height:
            raise InputError(f"virtual camera: no picture of {size[0]}x{size[1]} can be sent to it")
        try:
            self._camera = pyvirtualcam.Camera(
                self._width,
                self._height,
                float(rate or USUAL_RATE),
                fmt=pyvirtualcam.PixelFormat.I420,
                device=device,
            )
        except (RuntimeError, ValueError) as error:
            raise UserError(f"virtual camera{f' {device}' if device else ''}: {_reason(error)}") from error
        self._reformatter = VideoReformatter()  # a picture's own must not be used by two threads
        self.description = f"virtual camera {self._camera.device}, {self._width}x{self._height}"

    @property
    def watched(self) -> bool:
        return readers() != 0

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

    def close(self) -> None:
        self._camera.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load() -> Any:
    """pyvirtualcam, which is an extra. Raises InputError where it is missing."""
    try:
        import pyvirtualcam
    except ImportError as error:
        raise InputError(f"a virtual camera needs pyvirtualcam: {INSTALL}") from error
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
    return max(0, users - sum(_is_loopback(file) for file in _own_files()))


def loopback_devices() -> list[str]:
    """The paths of all v4l2loopback devices, as /dev/video10."""
    folders = Path("/sys/devices/virtual/video4linux").glob("video*/max_openers")
    return sorted(f"/dev/{path.parent.name}" for path in folders)


def _own_files() -> list[str]:
    files = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            files.append(os.readlink(f"/proc/self/fd/{entry}"))
        except OSError:  # closed meanwhile
            continue
    return files


def _is_loopback(path: str) -> bool:
    return path.startswith("/dev/video") and Path(f"/sys/devices/virtual/video4linux/{path[5:]}/max_openers").exists()


def _reason(error: Exception) -> str:
    told = " ".join(str(error).replace(" See also pyvirtualcam's documentation.", "").split())
    return f"none is free ({told}); {SETUP}" if "No v4l2" in told else f"{told.rstrip('.')}; {SETUP}"
