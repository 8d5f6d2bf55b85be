"""Webcams: found by number, name or path, and asked for a size and a rate that they may not have."""

import errno
import sys
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from toonstream_engines.errors import InputError, UserError

from toonstream.sources import CaptureRequest
from toonstream.sources.capture import CaptureSource

SYSTEM = {"linux": "v4l2", "win32": "dshow", "darwin": "avfoundation"}.get(sys.platform, "v4l2")
"""FFmpeg's name for how this system captures."""

USUAL = CaptureRequest((1280, 720), 30)


def cameras() -> list[tuple[str, str]]:
    """(what it is opened by, name) of every camera there is, in the system's order."""
    try:
        devices = av.enumerate_input_devices(SYSTEM)
    except (FFmpegError, OSError, ValueError):
        return []
    return [(d.name, d.description or d.name) for d in devices if not d.media_types or "video" in d.media_types]


def open_camera(name: str, request: CaptureRequest) -> CaptureSource:
    """The camera of that number, path, or part of a name. Raises UserError where it is not there or busy."""
    _, title = _find(name)
    return CaptureSource(title, lambda: _open(*_find(name), request))  # one that was away may come back at another path


def _find(name: str) -> tuple[str, str]:
    there = cameras()
    if name.isdecimal():
        path = f"/dev/video{name}"
        if SYSTEM == "v4l2":
            name = path
        elif int(name) < len(there):
            return there[int(name)]
    for device, title in there:
        if name == device:
            return device, f"{title} ({device})"
    matches = [(device, title) for device, title in there if name.lower() in title.lower()]
    if len(matches) == 1:
        return matches[0]
    if SYSTEM == "v4l2" and name.startswith("/dev/") and Path(name).exists():
        return name, name
    listed = ", ".join(title if title == device else f"{title} ({device})" for device, title in matches or there)
    if matches:
        raise InputError(f"{name}: several cameras match: {listed}; give one's path or number")
    raise InputError(f"{name}: no such camera, file or address; cameras here: {listed or 'none'}")


def _open(device: str, title: str, request: CaptureRequest) -> InputContainer:
    """Compressed where it can be, since many cameras send large pictures raw at a few frames a second only."""
    size, rate = request.size or USUAL.size, request.rate or USUAL.rate
    assert size is not None
    wanted = {"video_size": "{}x{}".format(*size), "framerate": str(rate)}
    tries = [wanted, {"video_size": wanted["video_size"]}, {}]
    if SYSTEM == "v4l2":
        tries.insert(0, wanted | {"input_format": "mjpeg"})
    url = f"video={device}" if SYSTEM == "dshow" else device
    for options in tries:
        try:
            return av.open(url, format=SYSTEM, options=options)
        except FFmpegError as error:
            failure = error
            if error.errno in _REASONS:
                break
    raise _failure(title, failure)


_REASONS = {
    errno.EBUSY: "in use by another program; close that, or its camera",
    errno.EACCES: "you may not open it; on Linux: sudo usermod -a -G video $USER, then log in again",
    errno.EPERM: "you may not open it; allow this program the camera in the system's settings",
    errno.ENOENT: "it is not there; plug it in, or see: toonstream devices",
    errno.ENODEV: "it gives no picture; it is unplugged, or no camera; see: toonstream devices",
}


def _failure(title: str, error: FFmpegError) -> UserError:
    why = _REASONS.get(error.errno or 0, f"cannot be opened ({error.strerror}); see: toonstream devices")
    return UserError(f"camera {title}: {why}")
