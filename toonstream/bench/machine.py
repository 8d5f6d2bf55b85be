"""What the figures are of: the hardware, and the versions of all that does the work."""

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import av
from toonstream_engines import BACKENDS

from toonstream import __version__

PACKAGES = ("av", "numpy", "opencv-contrib-python", "onnxruntime")


def machine() -> dict[str, Any]:
    """Processor, cores that this process may use, memory in GB, GPUs, system; None where it cannot be found out."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": _memory(),
        "gpus": gpus(),
        "system": platform.platform(terse=True),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def versions() -> dict[str, str]:
    """By name of the distribution; FFmpeg's libavcodec besides."""
    backends = metadata.packages_distributions()
    names = [*PACKAGES, *(name for entry in BACKENDS.values() for name in backends.get(entry.needs, [])[:1])]
    found = {"python": platform.python_version(), "toonstream": __version__}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found | {"libavcodec": ".".join(map(str, av.library_versions["libavcodec"]))}


def _processor() -> str:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    with suppress(OSError, subprocess.SubprocessError):  # a Mac's
        return subprocess.check_output(["sysctl", "-n", "machdep.cpu.brand_string"], text=True).strip()
    return platform.processor() or platform.machine()


def _memory() -> float | None:
    with suppress(AttributeError, OSError, ValueError):
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1)
    return None


def gpus() -> list[str]:
    """NVIDIA's, with their drivers."""
    if not (tool := shutil.which("nvidia-smi")):
        return []
    with suppress(OSError, subprocess.SubprocessError):
        command = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
        return subprocess.check_output(command, text=True, timeout=20).splitlines()
    return []
