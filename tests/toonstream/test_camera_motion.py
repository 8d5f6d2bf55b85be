"""A camera that is carried about: nothing is new for that, and who comes is."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from toonstream.frame import Frame
from toonstream.live.camera_motion import camera_motion
from toonstream.live.search import GRID, Search

WIDTH, HEIGHT = 640, 360


def texture(width: int, height: int, cell: float) -> np.ndarray:
    """Soft blobs about so many pixels wide, (height, width) uint8."""
    noise = np.random.default_rng(0).normal(0, 1, (height, width)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), cell)
    return np.asarray((128 + 45 * soft / soft.std()).clip(0, 255), np.uint8)


def shifted(picture: np.ndarray, x: float, y: float, angle: float = 0.0) -> np.ndarray:
    """The picture turned about its middle by degrees, and shifted."""
    matrix = cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), angle, 1.0)
    matrix[:, 2] += (x, y)
    return cv2.warpAffine(picture, matrix, picture.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def test_the_common_motion_is_found_and_people_are_left_out():
    still, nobody = texture(GRID, GRID, 2.0), np.zeros((GRID, GRID), np.uint8)
    assert camera_motion(still, still, nobody) is None
    now = shifted(still, 1.3, -0.7, 2.0)
    person = np.zeros_like(nobody)
    person[16:60, 20:44] = 1
    walking = now.copy()
    walking[16:60, 20:44] = shifted(still, -3, 0)[16:60, 20:44]
    truth = cv2.getRotationMatrix2D((GRID / 2, GRID / 2), 2.0, 1.0)
    truth[:, 2] += (1.3, -0.7)
    for seen, known in ((now, nobody), (walking, person)):
        found = camera_motion(still, seen, known)
        assert found is not None
        corners = np.array([[4, 4, 1], [60, 4, 1], [4, 60, 1], [60, 60, 1]])
        np.testing.assert_allclose(corners @ found.T, corners @ truth.T, atol=0.25)


@pytest.fixture
def carried() -> tuple[Search, list[np.ndarray]]:
    """A search in a room that a camera is carried through, with nothing due; and the next pictures."""
    room = texture(WIDTH, HEIGHT, 12.0)
    pictures = [shifted(room, 9 * np.sin(i / 5), 6 * np.cos(i / 4), 1.5 * np.sin(i / 7)) for i in range(40)]
    search = Search(WIDTH, HEIGHT)
    for index, picture in enumerate(pictures[:30]):
        see(search, picture, index)
        while search.due:
            search.next()
    while search.spot():
        pass
    return search, pictures[30:]


def see(search: Search, picture: np.ndarray, index: int) -> None:
    search.note(Frame.from_rgb(np.dstack([picture] * 3), index, Fraction(1, 30), index), [])


def test_a_moving_camera_shows_nothing_new(carried: tuple[Search, list[np.ndarray]]):
    search, pictures = carried
    for index, picture in enumerate(pictures):
        see(search, picture, 30 + index)
        assert not search.due


def test_who_comes_while_it_moves_is_new(carried: tuple[Search, list[np.ndarray]]):
    search, pictures = carried
    cv2.ellipse(pictures[0], (440, 180), (28, 36), 0, 0, 360, 235, -1)
    see(search, pictures[0], 30)
    assert search.due
    first = search.next()
    assert first.left < 440 < first.right
    assert first.top < 180 < first.bottom
