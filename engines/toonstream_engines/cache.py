"""What this machine has found out before: small files in the user's cache folder, safe to delete at any time."""

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """Where the platform keeps what programs can make again: TOONSTREAM_CACHE goes before it."""
    if chosen := os.environ.get("TOONSTREAM_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "toonstream" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/toonstream"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "toonstream"


def give_matplotlib_a_folder() -> None:
    """Its list of fonts goes into our cache folder, unless the user has set MPLCONFIGDIR. Call before its import."""
    os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))


def recall(name: str) -> Any:
    """What was kept under the name, or None where nothing was, or it is damaged."""
    try:
        return json.loads((cache_folder() / name).read_bytes())
    except (OSError, ValueError, RuntimeError, RecursionError):
        return None


def forget(pattern: str) -> None:
    """What was kept under names like this, as "choice-*"."""
    with contextlib.suppress(OSError, RuntimeError):
        for path in cache_folder().glob(pattern):
            path.unlink(missing_ok=True)


def keep(name: str, value: Any) -> None:
    """Whole or not at all, whoever else writes; where the folder cannot be written, nothing is kept and all works."""
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        file, part = tempfile.mkstemp(dir=folder, prefix=f".{name}.")
        try:
            with os.fdopen(file, "w") as out:
                json.dump(value, out)
            os.replace(part, folder / name)
        except BaseException:
            os.unlink(part)
            raise
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return
