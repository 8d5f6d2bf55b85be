"""`toonstream devices`: what there is to read from, to write to and to run on, and how to get what is missing."""

import os
import sys
from pathlib import Path

from toonstream_engines import BACKENDS
from toonstream_engines.backends import is_there
from toonstream_engines.errors import UserError

from toonstream.commands.parser import Parser
from toonstream.sinks.virtual_camera import SETUP, load, loopback_devices
from toonstream.sources.camera import cameras


def run(arguments: list[str]) -> int:
    Parser(
        prog="toonstream devices",
        description="List cameras, virtual cameras and backends, and what is missing.",
        examples=("toonstream devices",),
    ).parse_args(arguments)
    for title, lines in (("Cameras", _cameras()), ("Virtual cameras", _virtual()), ("Backends", _backends())):
        print(f"{title}:")
        for line in lines:
            print(f"  {line}")
    return 0


def _cameras() -> list[str]:
    found = [title if device == title else f"{title} ({device})" for device, title in cameras()]
    return found or [missing_camera()]


def missing_camera() -> str:
    """What to do where no camera is found."""
    closed = [str(path) for path in Path("/dev").glob("video*") if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        return f"none that you may open, but {', '.join(closed)}; log in again after: sudo usermod -a -G video $USER"
    return "none; plug one in"


def virtual_cameras() -> tuple[list[str], str]:
    """Those that there are, and where there are none what to do."""
    try:
        pyvirtualcam = load()
    except UserError as error:
        return [], str(error)
    if sys.platform == "linux":
        return loopback_devices(), f"none; {SETUP}"
    try:
        with pyvirtualcam.Camera(640, 480, 30) as camera:
            return [camera.device], ""
    except RuntimeError as error:
        return [], f"none ({' '.join(str(error).split())}); {SETUP}"


def _virtual() -> list[str]:
    found, missing = virtual_cameras()
    return found or [missing]


def _backends() -> list[str]:
    return [
        backend.title if is_there(backend) else f"{backend.title}: not installed; {backend.install}"
        for backend in BACKENDS.values()
    ]
