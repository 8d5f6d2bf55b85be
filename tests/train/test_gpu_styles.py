"""What a CUDA machine does in one command, here on the CPU and for seconds."""

import sys
from pathlib import Path

import numpy as np
import pytest
from support.training import tiny_pack
from toonstream_train import gpu_styles
from toonstream_train.data import pack
from toonstream_train.drawing import LOOKS
from toonstream_train.recipes.registry import trained


@pytest.mark.slow
def test_photos_become_a_trained_style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack.save(tiny_pack().part(np.arange(2)), tmp_path / "photos.pack", quality=85)
    options = ["--minutes", "0.1", "--looks", "cel", "--batch", "1", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["gpu_styles", str(tmp_path / "photos.pack"), str(tmp_path / "out"), *options])
    gpu_styles.main()
    made = trained(tmp_path / "out/cel")
    assert made.state["step"] >= 1
    assert made.recipe.card()["shape"]["eyes"] == LOOKS["cel"].shape.eyes
    drawings = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/drawings-cel").glob("*.png")}
    assert len(drawings) == 2

    options[1] = "0"
    monkeypatch.setattr(sys, "argv", [*sys.argv[:3], *options])
    gpu_styles.main()
    assert trained(tmp_path / "out/cel").state["step"] > made.state["step"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out/drawings-cel").glob("*.png")} == drawings
