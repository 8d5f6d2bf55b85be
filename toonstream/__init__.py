"""Turns the faces in live video into cartoons.

from toonstream import Toonifier
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toonstream.toonifier import Toonifier

__all__ = ["Toonifier", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # On demand: the commands import this package too, and most need none of what a Toonifier does.
    if name == "Toonifier":
        from toonstream.toonifier import Toonifier

        return Toonifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
