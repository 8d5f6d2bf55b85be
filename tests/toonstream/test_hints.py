"""What messages tell to paste into a shell, a shell takes."""

import subprocess
import sys

import pytest
from toonstream_engines import BACKENDS

from toonstream.sinks import virtual_camera

COMMANDS = [virtual_camera.AGAIN, virtual_camera.SETUP, *(backend.install for backend in BACKENDS.values())]


@pytest.mark.skipif(sys.platform != "linux", reason="the hint elsewhere is to get OBS")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_hint_can_be_pasted(command):
    subprocess.run(["bash", "-n", "-c", command], check=True)
