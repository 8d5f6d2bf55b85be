"""Photos as a webcam in a room has them, which the teachers draw besides."""

from pathlib import Path

import cv2
import numpy as np
from support.drawn_face import SKINS, face
from support.drawn_pack import drawn_pack
from toonstream_train.commands import main
from toonstream_train.data import pack
from toonstream_train.data.webcam import BLACK, PALER, WHITE, webcam


def test_a_room_has_neither_black_nor_white_and_less_colour() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 20:40], picture[:, 40:] = 255, (255, 0, 0)
    for seed in range(5):
        shown = webcam(np.random.default_rng(seed), picture)
        assert np.array_equal(shown, webcam(np.random.default_rng(seed), picture))
        lab = cv2.cvtColor(shown.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        black, white, red = (lab[20, column] for column in (10, 30, 50))
        assert BLACK[0] - 1 < black[0] < BLACK[1] + 1
        assert WHITE[0] - 1 < white[0] < WHITE[1] + 1
        assert np.hypot(*(red - white)[1:]) < PALER[1] * 105  # of pure red


def test_the_last_crops_are_drawn_once_more_as_a_webcam_has_them(tmp_path: Path) -> None:
    photos = drawn_pack(first=face(SKINS["brown"]), last=face(SKINS["pale"]))
    pack.save(photos, tmp_path / "photos.pack")
    command = ["draw", str(tmp_path / "photos.pack"), "--look", "cel", "--webcams", "1", "--workers", "1"]
    assert main(command) == 2  # more crops than before: they need another pack
    assert main([*command, "--out", str(tmp_path / "drawn.pack")]) == 0
    drawn = pack.load(tmp_path / "drawn.pack")
    assert drawn.names == ["first.png", "last.png", "webcam/last.png"]
    assert np.array_equal(drawn.images[1], photos.images[1])
    assert np.array_equal(drawn.images[2], webcam(np.random.default_rng((1, 0)), photos.images[1]))
    assert drawn.drawings is not None
    assert np.abs(drawn.drawings[2].astype(int) - drawn.drawings[1]).mean() > 3
