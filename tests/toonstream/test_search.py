"""Every face, wherever it lies, stands whole in some square of fitting size."""

import pytest

from toonstream.faces.search import FOUND_FROM, SMALLEST, SMALLEST_SHARE, squares

SIZES = [(1280, 720), (720, 1280), (640, 480), (480, 270), (64, 48), (3840, 2160)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_squares_may_reach_beyond_the_picture(width, height):
    for level in squares(width, height, beyond=0.25):
        margin = round(level[0].width / 4)
        assert min(square.left for square in level) == min(square.top for square in level) == -margin
        assert max(square.right for square in level) == width + margin
        assert max(square.bottom for square in level) == height + margin


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_squares_cover_the_picture(width, height):
    levels = squares(width, height)
    for level in levels:
        assert all(0 <= s.left and s.right <= width and 0 <= s.top and s.bottom <= height for s in level)
        side = level[0].right - level[0].left
        face = side // 4
        for x in range(0, width - face, max(1, face // 2)):
            for y in range(0, height - face, max(1, face // 2)):
                assert any(s.left <= x and x + face <= s.right and s.top <= y and y + face <= s.bottom for s in level)
    assert side <= round(max(SMALLEST, SMALLEST_SHARE * min(width, height)) / FOUND_FROM) or side == min(width, height)
