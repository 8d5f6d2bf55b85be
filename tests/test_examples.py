"""The examples run as a reader would run them."""

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
CLIP = ROOT / "tests/sample/talking-head.mp4"


@pytest.fixture
def photos(tmp_path):
    """A folder with two frames of the sample."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with av.open(str(CLIP)) as clip:
        for index, frame in enumerate(clip.decode(video=0)):
            if index % 100 == 0:
                frame.to_image().save(folder / f"{index}.png")
    return folder


def run(folder: Path, code: str, *arguments: object) -> str:
    """python, in the folder, on a file or on code; its output."""
    script = [str(ROOT / "examples" / code)] if code.endswith(".py") else ["-c", code]
    path = os.pathsep.join(map(str, (ROOT, ROOT / "engines", ROOT / "train", os.environ.get("PYTHONPATH", ""))))
    done = subprocess.run(
        [sys.executable, *script, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},  # threads on a busy machine wait for one another
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_frame(tmp_path, photos):
    run(tmp_path, "frame.py", photos / "0.png", "cartoon.png")
    photo, cartoon = (np.asarray(Image.open(path), int) for path in (photos / "0.png", tmp_path / "cartoon.png"))
    assert cartoon.shape == photo.shape
    assert abs(cartoon - photo).max() > 50
    assert np.array_equal(cartoon[0], photo[0])  # there is no face at the top edge


def test_a_webcam_with_a_file_as_camera(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    import webcam

    with av.open(str(CLIP)) as clip:
        size = clip.streams.video[0].height, clip.streams.video[0].width, 3
    pictures = webcam.cartoons(str(CLIP), "cel")
    assert [next(pictures).shape for _ in range(3)] == [size] * 3
    pictures.close()


@pytest.mark.slow  # all four steps
def test_a_style_of_ones_own(tmp_path, photos):
    pytest.importorskip("torch", reason="needs the extra train: pip install '.[train]'")
    pytest.importorskip("lightning_fabric", reason="needs the extra train: pip install '.[train]'")
    pytest.importorskip("onnxscript", reason="needs the extra train: pip install '.[train]'")
    run(tmp_path, "own_style.py", photos, "poster", "steps=1", "batch=1", "width=4", "sizes={192=1.0}")
    run(tmp_path, f"from toonstream.commands import main; main([{str(CLIP)!r}, '--style', 'poster', '-o', 'out.mp4'])")
    assert (tmp_path / "out.mp4").stat().st_size > 1000
    assert "eyes = [1.15, 1.25]" in (tmp_path / "poster" / "card.toml").read_text()
