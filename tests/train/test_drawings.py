"""Packs and their drawings."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.training import tiny_pack
from toonstream_engines.errors import InputError
from toonstream_train import drawing
from toonstream_train.data import drawings, pack
from toonstream_train.drawing import LOOKS
from toonstream_train.drawing.common.shapes import CANVAS

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


def test_a_pack_says_what_proportions_it_was_drawn_in(tmp_path: Path) -> None:
    """Saved, and in every part of it."""
    photos = tiny_pack(2)
    canvas = np.zeros((CANVAS, CANVAS, 3), np.uint8)
    for image, mesh in zip(photos.images, photos.points[478], strict=True):
        path = tmp_path / f"{drawings.key(image, mesh, 'anime')}.png"
        cv2.imwrite(str(path), canvas)  # drawn before
    drawn = drawings.draw_all(photos, "anime", tmp_path, 1)
    pack.save(drawn, tmp_path / "p")
    part = pack.load(tmp_path / "p").part(np.array([1]))
    assert part.drawn_shape == LOOKS["anime"].shape
    assert part.shape is None


def test_pairs_which_are_in_a_styles_proportions_are_not_drawn(tmp_path: Path) -> None:
    pairs = replace(tiny_pack(1), shape=LOOKS["anime"].shape)
    with pytest.raises(InputError, match="in a style's proportions"):
        drawings.draw_all(pairs, "anime", tmp_path, workers=1)
