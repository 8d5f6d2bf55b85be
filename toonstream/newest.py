"""Between two stages of a live session: a place for one item."""

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Newest(Generic[Item]):
    """Holds the newest item; one that comes while another waits takes its place. dropped: how many went that way."""

    def __init__(self) -> None:
        self._filled = threading.Condition()
        self._item: Item | None = None
        self.dropped = 0

    def put(self, item: Item) -> None:
        with self._filled:
            self.dropped += self._item is not None
            self._item = item
            self._filled.notify()

    def take(self, seconds: float) -> Item | None:
        """The item, which is gone then; None where none came in that time."""
        with self._filled:
            self._filled.wait_for(lambda: self._item is not None, seconds)
            item, self._item = self._item, None
            return item
