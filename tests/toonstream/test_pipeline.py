"""Stages that prefetch: order, errors, and an end that leaves no thread behind."""

import threading
import time

import pytest
from support.waiting import wait_until

from toonstream.pipeline import PREFETCH, prefetch


def test_keeps_the_order():
    assert list(prefetch(range(100))) == list(range(100))


def test_works_ahead_but_not_far():
    made = []
    items = prefetch(made.append(i) or i for i in range(100))
    next(items)
    wait_until(lambda: len(made) == PREFETCH + 2)
    time.sleep(0.3)
    assert len(made) == PREFETCH + 2
    items.close()


def test_an_error_in_a_stage_is_raised_after_what_came_before():
    def failing():
        yield 1
        raise ValueError("no more")

    items = prefetch(prefetch(failing()))
    assert next(items) == 1
    with pytest.raises(ValueError, match="no more"):
        next(items)


def test_closing_ends_every_stage():
    before = threading.active_count()
    first = prefetch(iter(int, 1))  # without end
    second = prefetch(first)
    assert next(second) == 0
    second.close()
    first.close()
    assert threading.active_count() == before
