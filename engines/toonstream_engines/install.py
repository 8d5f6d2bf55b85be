"""How to get the optional dependencies."""

import json
from contextlib import suppress
from importlib import metadata
from urllib.parse import urlsplit
from urllib.request import url2pathname

DISTRIBUTION = "toonstream-video"
"""Our name for pip: `toonstream` on PyPI is another project."""


def install_extra(name: str) -> str:
    """The command that installs an extra of pyproject.toml, as "camera"."""
    return f"pip install '{_source()}[{name}]'"


def _source() -> str:
    """The folder that pip installed ToonStream from (PEP 610); "." where that is not known."""
    with suppress(metadata.PackageNotFoundError):
        origin = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
        url = urlsplit(origin.get("url", ""))
        if url.scheme == "file":
            return url2pathname(url.path)
    return "."
