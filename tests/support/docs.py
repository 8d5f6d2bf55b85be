"""What the pages in docs/ show, for tests that run it."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, title: str) -> str:
    """The code of a page's block with that title."""
    found = re.search(rf'^```\w+ title="{re.escape(title)}"\n(.*?)^```$', (DOCS / page).read_text(), re.M | re.S)
    assert found, f"{page} has no block {title}"
    return found[1]
