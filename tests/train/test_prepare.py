"""Preparing packs, on pictures made here."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support import CLIP
from support.pictures import POINTS, write_pictures
from toonstream_train.commands import main
from toonstream_train.data import pack
from toonstream_train.data.landmarks import COLUMNS, from_csv
from toonstream_train.data.prepare import crop, source

from toonstream.faces import framing


def test_pack_holds_the_runtimes_own_framing(tmp_path: Path) -> None:
    table = write_pictures(tmp_path / "cartoons", 3)
    assert main(["prepare", str(tmp_path / "cartoons"), str(tmp_path / "p"), "--landmarks", str(table)]) == 0
    made = pack.load(tmp_path / "p")
    assert made.names == ["made-000.png", "made-001.png", "made-002.png"]
    assert made.sources == ["made"] * 3
    expected = framing.apply(framing.framing(POINTS, pack.SIZE), POINTS)
    np.testing.assert_allclose(made.points[5][1], expected, atol=1e-3)
    for x, y in made.points[5][0, :2]:  # the dots are where the points are
        assert made.images[0, int(y), int(x)].max() < 60
    assert set(made.points) == {5}


def test_padding_is_known() -> None:
    made = crop(np.full((128, 128, 3), 200, np.uint8), {5: POINTS - 44})  # a face in the corner
    assert made.inside[0, 0] == 0
    assert made.inside[-1, -1] == 1
    assert (made.image == 200).all()  # the border is repeated


def test_bad_pictures_are_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_pictures(tmp_path / "cartoons", 6)
    (tmp_path / "cartoons/made-001.png").write_bytes(b"no picture")
    (tmp_path / "cartoons/made-002.png").rename(tmp_path / "cartoons/unknown.png")
    (tmp_path / "cartoons/made-003.png").unlink()
    (tmp_path / "cartoons/made-003.png").mkdir()
    rows = table.read_text().splitlines()
    rows[5:] = ["made-004.png" + ",nan" * 10, "made-005.png" + "".join(f",{p + 9000}" for p in POINTS.ravel())]
    table.write_text("\n".join(rows))
    assert main(["prepare", str(tmp_path / "cartoons"), str(tmp_path / "p"), "--landmarks", str(table)]) == 0
    told = capsys.readouterr().out
    assert "made-001.png: left out, cannot be read as a picture" in told
    assert "made-003.png: left out, cannot be read as a picture" in told
    assert "made-004.png: left out, the five points of a face are not all numbers" in told
    assert "made-005.png: left out, the five points of a face lie outside the picture" in told
    assert "unknown.png: left out, no landmarks given" in told
    assert f"{table}: names that no file has: 2, such as made-002.png" in told
    assert "1 of 6 pictures packed, 5 left out (2 cannot be read as a picture, 1 " in told


def test_held_back_pictures_are_left_out_or_packed_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_pictures(tmp_path / "some", 3)
    (tmp_path / "held.txt").write_text("made-001.png\n\nabsent.png\n", encoding="utf-8-sig")

    def packed(*options: str) -> list[str]:
        command = ["prepare", str(tmp_path / "some"), str(tmp_path / "p"), "--landmarks", str(table), *options]
        assert main(command) == 0
        return pack.load(tmp_path / "p").names

    assert packed() == ["made-000.png", "made-001.png", "made-002.png"]
    assert capsys.readouterr().out.endswith("3 of 3 pictures packed, 0 left out\n")
    assert packed("--held-back", str(tmp_path / "held.txt")) == ["made-000.png", "made-002.png"]
    told = capsys.readouterr().out
    assert f"{tmp_path / 'held.txt'}: names that no file has: 1, such as absent.png\n" in told
    assert "made-001.png" not in told  # the user's own choice, of which there may be thousands
    assert "2 of 3 pictures packed, 1 left out (1 held back by" in told
    assert packed("--only", str(tmp_path / "held.txt")) == ["made-001.png"]
    told = capsys.readouterr().out
    assert "1 of 3 pictures packed, 2 left out (2 not in" in told
    assert "made-000.png" not in told


def test_landmarks_as_spreadsheets_save_them(tmp_path: Path) -> None:
    """With a byte-order mark, other columns, and a further set of points."""
    write_pictures(tmp_path / "some", 1)
    more = [f"{axis}{i}" for i in range(68) for axis in "xy"]
    numbers = [*POINTS.ravel(), *range(136)]
    table = tmp_path / "t.csv"
    rows = [",".join(["file", "artist", *COLUMNS, *more]), ",".join(["made-000.png", "me", *map(str, numbers)])]
    table.write_text("\n".join(rows), encoding="utf-8-sig")
    points = from_csv(table)["made-000.png"]
    np.testing.assert_array_equal(points[5], POINTS)
    np.testing.assert_array_equal(points[68], np.arange(136).reshape(68, 2))
    assert main(["prepare", str(tmp_path / "some"), str(tmp_path / "p"), "--landmarks", str(table)]) == 0
    assert pack.load(tmp_path / "p").points[68].shape == (1, 68, 2)


def test_named_columns_are_the_five_points(tmp_path: Path) -> None:
    """Five more that are numbered do not take their place."""
    more = [f"{axis}{i}" for i in range(5) for axis in "xy"]
    rows = [["file", *COLUMNS, *more], ["made-000.png", *map(str, POINTS.ravel()), *map(str, range(10))]]
    (tmp_path / "t.csv").write_text("\n".join(",".join(row) for row in rows))
    points = from_csv(tmp_path / "t.csv")["made-000.png"]
    assert set(points) == {5}
    np.testing.assert_array_equal(points[5], POINTS)


def test_a_row_that_ends_before_the_files_name_is_left_out(tmp_path: Path) -> None:
    rows = [[*COLUMNS, "file"], [*map(str, POINTS.ravel()), "made-000.png"], [*map(str, POINTS.ravel())]]
    (tmp_path / "t.csv").write_text("\n".join(",".join(row) for row in rows))
    assert list(from_csv(tmp_path / "t.csv")) == ["made-000.png"]


def test_photos_without_a_face_are_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos/nobody.png"), np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    assert main(["prepare", str(tmp_path / "photos"), str(tmp_path / "p")]) == 2
    assert "no face to pack (1 no face found); check the folder" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()
    _, head = cv2.VideoCapture(str(CLIP)).read()
    cv2.imwrite(str(tmp_path / "photos/somebody.png"), head)
    assert main(["prepare", str(tmp_path / "photos"), str(tmp_path / "p")]) == 0
    assert "nobody.png: left out, no face found" in capsys.readouterr().out
    made = pack.load(tmp_path / "p")
    assert made.names == ["somebody.png"]
    assert np.isfinite(made.points[478]).all()


@pytest.mark.parametrize("folder", ["absent", "empty"])
def test_no_pictures(tmp_path: Path, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    table = write_pictures(tmp_path / "some", 1)
    assert main(["prepare", str(tmp_path / folder), str(tmp_path / "p"), "--landmarks", str(table)]) == 2
    told = {"absent": "no such folder", "empty": "no pictures there"}[folder]
    assert f"{tmp_path / folder}: {told}" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def test_landmarks_without_their_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pictures(tmp_path / "some", 1)
    (tmp_path / "bad.csv").write_text("file,x\nmade-000.png,3\n")
    assert main(["prepare", str(tmp_path / "some"), str(tmp_path / "p"), "--landmarks", str(tmp_path / "bad.csv")]) == 2
    assert "lacks the columns" in capsys.readouterr().err


def test_only_packs_are_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_pictures(tmp_path / "some", 1)
    text = table.read_text()
    for name in (table, tmp_path / "some"):
        assert main(["prepare", str(tmp_path / "some"), str(name), "--landmarks", str(table)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"toonstream-train: {table}: the file that is there is no pack; delete it, or name another"
    assert told[1].endswith(f"{tmp_path / 'some'}: this is a folder; name the pack's file, such as some.pack")
    assert table.read_text() == text
    for _ in range(2):
        assert main(["prepare", str(tmp_path / "some"), str(tmp_path / "p"), "--landmarks", str(table)]) == 0


def test_a_broken_pack_says_so(tmp_path: Path) -> None:
    from toonstream_engines.errors import InputError

    (tmp_path / "p").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="not a pack"):
        pack.load(tmp_path / "p")


def test_sources() -> None:
    assert [source(n) for n in ("a-b-0001.jpg", "sub/x.png", "photo.png")] == ["a-b", "sub", "photo"]
    assert pack.shared_out(np.arange(5), ["a", "a", "a", "b", "b"]).tolist() == [0, 3, 1, 4, 2]
