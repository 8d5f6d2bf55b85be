"""A style on its way to a batch's workers."""

import hashlib

import pytest
from support.tiny_style import save_style
from toonstream_engines import Model, load_style
from toonstream_engines.errors import InputError

from toonstream.batch.style import PackedStyle, unpacked


def test_a_style_that_changes_while_it_is_packed_goes_as_it_was_checked(tmp_path, monkeypatch):
    style, read = load_style(save_style(tmp_path / "tiny")), Model.read

    def change(model: Model) -> bytes:
        data = read(model)
        model.path.write_bytes(b"trained further")
        return data

    monkeypatch.setattr(Model, "read", change)
    [model] = style.models.values()
    assert hashlib.sha256(PackedStyle.of(style).files[model.path.name]).hexdigest() == model.sha256


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
