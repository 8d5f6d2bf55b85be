"""Cartoons are calmed from frame to frame: noise, but nothing that moves."""

import numpy as np
import pytest
from numpy.typing import NDArray

from toonstream.steady import MOTION, NOISE, SHARE, steadied


def grey(value: int, size: int = 32) -> NDArray[np.uint8]:
    return np.full((size, size, 3), value, np.uint8)


def test_faint_changes_come_slowly_and_great_ones_at_once() -> None:
    assert np.array_equal(steadied(grey(100 + NOISE), grey(100)), grey(100 + round(SHARE * NOISE)))
    assert np.array_equal(steadied(grey(100 + MOTION), grey(100)), grey(100 + MOTION))
    assert np.array_equal(steadied(grey(100), grey(100)), grey(100))
    between = int(steadied(grey(100 + (NOISE + MOTION) // 2), grey(100))[0, 0, 0])
    assert 100 + round(SHARE * NOISE) < between < 100 + (NOISE + MOTION) // 2


def test_what_moves_leaves_no_trace() -> None:
    before, after = grey(200), grey(200)
    before[8:16, 8:16], after[8:16, 16:24] = 40, 40
    assert np.array_equal(steadied(after, before), after)


def test_a_first_cartoon_or_one_of_another_size_is_shown_as_it_is() -> None:
    assert np.array_equal(steadied(grey(100), None), grey(100))
    assert np.array_equal(steadied(grey(100), grey(98, 64)), grey(100))


def test_noise_becomes_less() -> None:
    random = np.random.default_rng(0)
    frames = (128 + random.normal(0, 2, (8, 64, 64, 3))).round().astype(np.uint8)
    shown = [frames[0]]
    for frame in frames[1:]:
        shown.append(steadied(frame, shown[-1]))
    change, seen = (np.abs(np.diff(np.stack(each[-3:]).astype(int), axis=0)).mean() for each in (frames, shown))
    assert seen == pytest.approx((SHARE**2 / (2 - SHARE)) ** 0.5 * change, rel=0.2)  # of a filter of the first order
