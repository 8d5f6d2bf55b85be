"""Packs and their drawings."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from toonstream_train import drawing
from toonstream_train.data import drawings

from toonstream.faces import network


def imported() -> Iterator[Path]:
    """The files of `toonstream` that the teachers import."""
    for path in Path(drawing.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("toonstream."):
                yield Path(str(import_module(str(node.module)).__file__))


def test_teachers_whose_code_or_network_changed_draw_again(monkeypatch: pytest.MonkeyPatch) -> None:
    version, read = drawings.teachers_version.__wrapped__, list[Path]()

    def noting(path: Path) -> bytes:
        read.append(path)
        return b""

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", noting)
        version()
    assert set(imported()) <= set(read)
    before = version()
    monkeypatch.setitem(network.SHA256, "selfie_segmentation", "another")
    assert version() != before
