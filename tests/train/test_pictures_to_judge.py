"""The pictures that styles are judged by: sheets of photos, frames of clips."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from support import clips
from support.tiny_style import save_style
from support.training import disk_for
from toonstream_engines.errors import InputError, UserError
from toonstream_train.commands import main
from toonstream_train.data.pack import Pack
from toonstream_train.evaluation import cells, frames, sheet
from toonstream_train.evaluation.evaluation import Evaluation

from toonstream.faces.face import Face
from toonstream.faces.framing import half_side
from toonstream.frame import Frame, Rect


def test_a_cell_keeps_proportions_and_has_its_label() -> None:
    made = cells.cell(np.zeros((100, 200, 3), np.uint8), "", 80)
    assert made.shape == (80, 80, 3)
    assert (made[20:60] == 0).all()
    assert (made[:20] == 255).all()
    assert (made[64:] == 255).all()
    labelled = cells.cell(np.zeros((80, 80, 3), np.uint8), "cel", 80)
    assert (labelled[: 80 - cells.STRIP] == 0).all()
    assert (labelled[-cells.STRIP :, :30] > 200).any()


def test_a_jpeg_is_as_good_as_its_size_allows(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    cells.write_jpeg([[noise]], tmp_path / "a/large.jpg")
    large = (tmp_path / "a/large.jpg").stat().st_size
    cells.write_jpeg([[noise]], tmp_path / "small.jpg", large - 1)
    assert (tmp_path / "small.jpg").stat().st_size < large
    with pytest.raises(UserError, match="another --out"):
        cells.write_jpeg([[noise]], tmp_path / "small.jpg/b.jpg")
    before = (tmp_path / "small.jpg").read_bytes()
    with disk_for(1000), pytest.raises(UserError, match="File too large"):
        cells.write_jpeg([[noise]], tmp_path / "small.jpg")
    assert (tmp_path / "small.jpg").read_bytes() == before
    with pytest.raises(InputError, match="too many"):
        cells.write_jpeg([[np.zeros((cells.LONGEST + 1, 1, 3), np.uint8)]], tmp_path / "long.jpg")


def test_a_sheet_has_photos_of_every_source() -> None:
    count = sheet.MOST + 20
    shades = np.arange(count, dtype=np.uint8)[:, None, None, None]
    photos = Pack(
        images=np.broadcast_to(shades, (count, 32, 32, 3)).copy(),
        inside=np.ones((count, 32, 32), np.uint8),
        points={5: np.zeros((count, 5, 2), np.float32)},
        names=[str(i) for i in range(count)],
        sources=["many"] * (count - 1) + ["one"],
    )
    rows = sheet.rows(Evaluation({}, {}, {"photo": photos.images, "style": photos.images + 100}), photos)
    assert [len(row) for row in rows] == [2] * sheet.MOST
    shown = [(int(photo[0, 0, 0]), int(toon[0, 0, 0])) for photo, toon in rows]
    assert all(toon == photo + 100 for photo, toon in shown)
    assert count - 1 in [photo for photo, _ in shown]


def picture(width: int, height: int) -> Frame:
    return Frame.from_rgb(np.zeros((height, width, 3), np.uint8), None, Fraction(1), 0)


def test_the_face_of_a_large_frame_is_shown() -> None:
    landmarks = np.random.default_rng(0).uniform(-20, 20, (478, 2)).astype(np.float32)
    landmarks[[61, 291]] = [[-20, 60], [20, 60]]
    face = Face(1, landmarks + 400)
    shown = frames.view(picture(1000, 800), [face])
    assert shown.width == shown.height == round(2 * frames.AROUND * half_side(face.points))
    middle = face.points.mean(0)
    assert np.abs(middle - [(shown.left + shown.right) / 2, (shown.top + shown.bottom) / 2]).max() <= 1
    at_the_edge = frames.view(picture(1000, 800), [Face(1, landmarks)])
    assert at_the_edge[:2] == (0, 0)
    assert frames.view(picture(1000, 800), []) == Rect(0, 0, 1000, 800)
    assert frames.view(picture(300, 200), [face]) == Rect(0, 0, 300, 200)


def test_frames_of_a_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clips.make_clip(tmp_path / "clip.mp4")  # of 0.8 seconds
    styles = [str(save_style(tmp_path / name)) for name in ("one", "two")]
    out = tmp_path / "frames.jpg"
    assert main(["frames", str(clip), "--styles", *styles, "--every", "0.2", "--out", str(out)]) == 0
    made = cv2.imread(str(out))
    assert made.shape == (4 * frames.SIDE, 3 * frames.SIDE, 3)
    monkeypatch.setattr(frames, "_moments", lambda *_: pytest.fail("it draws"))
    assert main(["frames", str(clip), "--styles", styles[0], "no-such-style", "--out", str(out)]) == 2
    assert main(["frames", str(clip), str(tmp_path / "absent.mp4"), "--styles", *styles, "--out", str(out)]) == 2
    with pytest.raises(SystemExit):
        main(["frames", str(clip), "--styles", *styles, "--every", "0", "--out", str(out)])
    assert "above 0" in capsys.readouterr().err
