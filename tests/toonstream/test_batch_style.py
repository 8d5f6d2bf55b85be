"""A style on its way to a batch's workers."""

import pytest
from support.tiny_style import save_style
from toonstream_engines import load_style
from toonstream_engines.errors import InputError

from toonstream.batch.style import PackedStyle, unpacked


def test_a_style_is_checked_where_it_comes(tmp_path, monkeypatch):
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path / "cache"))
    packed = PackedStyle.of(load_style(save_style(tmp_path / "tiny")))
    damaged = PackedStyle(packed.name, packed.sha256, {**packed.files, "fp32.onnx": b"other"})
    with pytest.raises(InputError, match="damaged"):
        damaged.unpack()
    packed.unpack()
    damaged.unpack()  # it is there: nothing is taken
    folder = unpacked(packed.sha256)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == packed.files
    (folder / "fp32.onnx").write_bytes(b"other")
    packed.unpack()
    assert (folder / "fp32.onnx").read_bytes() == packed.files["fp32.onnx"]
    assert list(folder.parent.iterdir()) == [folder]
