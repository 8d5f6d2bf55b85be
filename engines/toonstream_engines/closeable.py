"""Context managers that close when they are left."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closeable(ABC):
    """Holds something that has to be freed: `with` closes it, however the block ends."""

    @abstractmethod
    def close(self) -> None:
        """Frees it; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
