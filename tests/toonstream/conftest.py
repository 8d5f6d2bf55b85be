"""A page's server with controls that note what they are told, for the tests of the page."""

from contextlib import closing

import pytest
from support.fake_controls import SOURCE, FakeControls

from toonstream.page.server import PageServer


@pytest.fixture(autouse=True)
def _close_at_once(monkeypatch):
    """The tests close more than a hundred servers."""
    monkeypatch.setattr("toonstream.page.server.LOOK_SECONDS", 0.01)


@pytest.fixture
def controls():
    return FakeControls(["cel", "/no/such/style"])


@pytest.fixture
def server(controls):
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        yield server
