"""OBS Studio without a screen: software OpenGL under Xvfb, a home of its own, its websocket with a password."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "a test's"
HERE = bool(shutil.which("obs") and shutil.which("xvfb-run"))
"""Whether there is one to start: Debian's obs-studio, xvfb and xauth."""

START_SECONDS = 90


@contextmanager
def running_obs(home: Path) -> Iterator[str]:
    """Starts it; yields its websocket's address. home: an empty folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = home / ".config" / "obs-studio"
    (config / "plugin_config" / "obs-websocket").mkdir(parents=True)
    (home / "run").mkdir(mode=0o700)
    (config / "global.ini").write_text(
        f"""[General]
FirstRun=true
LastVersion=486539266
EnableAutoUpdates=false

[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort={port}
AlertsEnabled=false
AuthRequired=true
ServerPassword={PASSWORD}
"""
    )
    (config / "plugin_config" / "obs-websocket" / "config.json").write_text(  # where OBS 31 looks
        json.dumps(
            {
                "first_load": False,
                "server_enabled": True,
                "server_port": port,
                "alerts_enabled": False,
                "auth_required": True,
                "server_password": PASSWORD,
            }
        )
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}  # OpenCV sets some
    environment |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "GALLIUM_DRIVER": "llvmpipe",
        "QT_QPA_PLATFORM": "xcb",
    }
    command = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24 +extension GLX", "obs"]
    command += ["--multi", "--disable-updater", "--disable-shutdown-check", "--minimize-to-tray"]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(port, process, home / "log")
        yield f"ws://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
