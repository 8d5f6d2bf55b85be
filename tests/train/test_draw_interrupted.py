"""`toonstream-train draw` stopped amid its work: nobody goes on, and what was drawn is kept."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.drawn_face import SIDE, SKINS, face
from support.waiting import DEADLINE_SECONDS, wait_until
from toonstream_train.data import pack

from toonstream.faces.face import five_points

COUNT = 20


@pytest.mark.skipif(os.name != "posix", reason="has no groups of processes")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_its_workers_end_with_it(tmp_path: Path, number: signal.Signals) -> None:
    picture, mesh = face(SKINS["brown"])
    images = np.stack([np.roll(picture, i, 1) for i in range(COUNT)])
    points = {5: np.stack([five_points(mesh)] * COUNT).astype(np.float32), 478: np.stack([mesh] * COUNT)}
    names = [f"{i}.png" for i in range(COUNT)]
    inside = np.ones((COUNT, SIDE, SIDE), np.uint8)
    pack.save(pack.Pack(images, inside, points, names, ["a"] * COUNT), tmp_path / "photos.pack")
    command = [
        sys.executable,
        "-m",
        "toonstream_train",
        "draw",
        "photos.pack",
        "--folder",
        "drawings",
        "--workers",
        "1",
    ]
    with subprocess.Popen(command, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: len(list((tmp_path / "drawings").glob("*.png"))) >= 1)
        process.send_signal(number)
        _, told = process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 130
    assert "Traceback" not in told

    def all_gone() -> bool:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(all_gone)
    drawn = list((tmp_path / "drawings").glob("*.png"))
    assert 1 <= len(drawn) < COUNT
    assert not [path for path in drawn if path.name.endswith(".partial.png")]
