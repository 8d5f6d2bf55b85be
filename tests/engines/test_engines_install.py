"""The command that gets an optional dependency."""

from importlib.metadata import PackageNotFoundError

import pytest
from toonstream_engines import install


class Distribution:
    def __init__(self, told: str | None) -> None:
        self._told = told

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._told


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ('{"dir_info": {"editable": true}, "url": "file:///home/me/My%20Toons"}', "/home/me/My Toons"),
        ('{"url": "https://example.org/toonstream.git", "vcs_info": {"vcs": "git"}}', "."),
        (None, "."),
    ],
)
def test_extras_come_from_where_it_was_installed_from(monkeypatch, told, source):
    monkeypatch.setattr(install.metadata, "distribution", lambda name: Distribution(told))
    monkeypatch.setattr(install, "url2pathname", lambda path: path.replace("%20", " "))  # as on Linux
    assert install.install_extra("camera") == f"pip install '{source}[camera]'"


def test_where_it_was_not_installed(monkeypatch):
    def distribution(name: str) -> Distribution:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(install.metadata, "distribution", distribution)
    assert install.install_extra("obs") == "pip install '.[obs]'"
