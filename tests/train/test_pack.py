"""The packed file."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from support.training import tiny_pack
from toonstream_engines.errors import InputError
from toonstream_train.commands import main
from toonstream_train.core import checkpoint
from toonstream_train.data import pack
from toonstream_train.data.pack import Pack


def test_packs_survive_a_round_trip(tmp_path: Path) -> None:
    made = tiny_pack()
    made.points[68] = np.zeros((4, 68, 2), np.float32)
    pack.save(made, tmp_path / "p")
    again = pack.load(tmp_path / "p")
    for field in dataclasses.fields(Pack):
        before, after = getattr(made, field.name), getattr(again, field.name)
        if field.name != "points":
            np.testing.assert_array_equal(before, after)
    assert made.points.keys() == again.points.keys()
    for count, points in made.points.items():
        np.testing.assert_array_equal(points, again.points[count])


def test_a_file_named_like_the_part_is_left_alone(tmp_path: Path) -> None:
    for name in ("p.part.pack", "p.pack.partial", "checkpoint.part.pt", "checkpoint.pt.partial"):
        (tmp_path / name).write_text("mine")
    pack.save(tiny_pack(1), tmp_path / "p.pack")
    checkpoint.save({"recipe": "none"}, tmp_path / "checkpoint.pt")
    others = sorted(tmp_path.glob("*.part*"))
    assert [path.read_text() for path in others] == ["mine"] * 4
    assert len(list(tmp_path.iterdir())) == 6


def test_a_pack_of_another_size() -> None:
    made = tiny_pack(2)
    half = made.resized(128)
    blocks = made.images.reshape(2, 128, 2, 128, 2, 3).astype(float).mean((2, 4))
    assert np.abs(half.images - blocks).max() <= 0.5
    assert half.inside.shape == (2, 128, 128)
    np.testing.assert_array_equal(half.points[5] * 2, made.points[5])


def test_crops_are_picked_by_name_or_spread_over_the_pack() -> None:
    made, path = tiny_pack(5), Path("p.pack")
    made.names = list("abcde")
    assert pack.picked(made, path, "d,a", 3) == [3, 0]
    assert pack.picked(made, path, None, 3) == [0, 2, 4]
    assert pack.picked(made, path, None, 9) == [0, 1, 2, 3, 4]
    with pytest.raises(InputError, match=r"p\.pack: f is not in it"):
        pack.picked(made, path, "a,f", 3)


def test_a_compressed_pack(tmp_path: Path) -> None:
    made = tiny_pack()
    ramp = np.linspace(0, 255, 256).astype(np.uint8)
    made.images = np.stack([np.stack([np.roll(ramp, 40 * i)[:, None] + 0 * ramp] * 3, 2) for i in range(4)])
    made.drawings = made.images[:, :, ::-1].copy()
    pack.save(made, tmp_path / "whole")
    assert main(["compress", str(tmp_path / "whole"), str(tmp_path / "small"), "--most", "3"]) == 0
    assert (tmp_path / "small").stat().st_size < (tmp_path / "whole").stat().st_size / 20
    small = pack.load(tmp_path / "small")
    assert small.names == made.names[:3]
    np.testing.assert_array_equal(small.points[5], made.points[5][:3])
    assert np.abs(small.images.astype(int) - made.images[:3]).mean() < 2
    assert small.drawings is not None
    assert np.abs(small.drawings.astype(int) - made.drawings[:3]).mean() < 2
