"""Published generators of any layout and range, as engines."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.tiny_style import save_style, write_external
from toonstream_engines import BACKENDS, load_style, probe
from toonstream_engines.backends import is_there
from toonstream_engines.errors import InputError
from toonstream_engines.external import open_external

RANDOM = np.random.default_rng(0)
PHOTOS = cv2.GaussianBlur(RANDOM.integers(0, 256, (4, 64, 64 * 3), np.uint8).transpose(1, 2, 0), (9, 9), 0)
PHOTOS = np.ascontiguousarray(PHOTOS.transpose(2, 0, 1).reshape(4, 64, 64, 3))


@pytest.mark.parametrize("planes_first", [True, False])
@pytest.mark.parametrize(("name", "low", "scale"), [("-1..1", -1, 2 / 255), ("0..1", 0, 1 / 255), ("0..255", 0, 1)])
def test_external_models_are_found_out(tmp_path: Path, planes_first: bool, name: str, low: float, scale: float) -> None:
    path = write_external(tmp_path / "external.onnx", planes_first, low, scale)
    for words in ("", ":bgr", f":{name}"):
        with open_external(f"{path}{words}", PHOTOS) as external:
            if words or name != "0..1":  # -1..1 passes what 0..1 clips, and 0..1 what -1..1 takes
                assert np.abs(external.run({"image": PHOTOS})["toon"].astype(int) - PHOTOS).max() <= 1
            assert external.interface.split()[1] == ("NCHW" if planes_first else "NHWC")


def test_external_models_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("nothing of the kind")
    for path in (tmp_path / "absent.onnx", tmp_path / "text.onnx", save_style(tmp_path / "style") / "fp32.onnx"):
        with pytest.raises(InputError, match=path.name):
            open_external(str(path), PHOTOS)


def has(precision: str, backend: str, folder: Path) -> bool:
    model = load_style(save_style(folder / "tiny")).model
    engine = probe.open_candidate(probe.Candidate(backend, model, precision), model.read())
    return engine is not None


def test_external_models_on_other_backends(tmp_path: Path) -> None:
    """On each that is there, in each precision that this machine has, the same within what that precision allows."""
    path = write_external(tmp_path / "external.onnx", True, -1, 2 / 255)
    there = [name for name in ("onnxruntime", "openvino") if is_there(BACKENDS[name])]
    for backend, precision in [way for name in there for way in probe.ways({"fp32"}, name)]:
        if precision != "fp32" and not has(precision, backend, tmp_path):
            with pytest.raises(InputError, match=f"this machine does not compute in {precision}"):
                open_external(str(path), PHOTOS, backend, precision)
            continue
        with open_external(f"{path}:-1..1", PHOTOS, backend, precision) as external:
            assert external.description == f"{BACKENDS[backend].title}, CPU, {precision}"
            assert external.model.side == 64
            assert np.abs(external.run({"image": PHOTOS})["toon"].astype(int) - PHOTOS).max() <= (
                1 if precision == "fp32" else 3
            )
    with pytest.raises(InputError, match=r"external\.onnx: .* does not run on \(1, 32, 32, 3\)"):
        open_external(str(path), PHOTOS[:1, :32, :32])
