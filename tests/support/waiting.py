"""Waiting for what has to happen, however busy the machine is: deadlines are for what would hang, not for the slow."""

import threading
import time
from collections.abc import Callable

DEADLINE_SECONDS = 60.0


def wait_until(condition: Callable[[], bool]) -> None:
    """Fails where it never comes true."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def returns(work: Callable[[], None]) -> None:
    """Does the work; fails where it does not come back, so that what it waits for has to take far longer."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive(), "it did not come back"
    if failed:
        raise failed[0]
