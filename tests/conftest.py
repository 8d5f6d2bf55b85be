"""What holds for every test, whoever starts them and wherever."""

import signal
from collections.abc import Iterator

import pytest

# A shell that starts pytest in the background has it ignore Ctrl-C, and so would every command that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ENDING_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@pytest.fixture(params=ENDING_SIGNALS)
def ending_signal(request: pytest.FixtureRequest) -> Iterator[int]:
    """A signal that ends a run; what the test starts does not ignore it, even where `nohup` started the tests."""
    before = signal.getsignal(request.param)
    if before is signal.SIG_IGN:
        signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)
