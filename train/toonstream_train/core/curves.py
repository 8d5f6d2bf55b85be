"""The curves of a run: written for TensorBoard, and read back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from toonstream_engines.errors import UserError

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


@contextmanager
def write_curves(folder: Path) -> "Iterator[SummaryWriter]":
    """A writer for TensorBoard. Raises UserError where it, or what runs meanwhile, cannot write to `folder`."""
    from torch.utils.tensorboard import SummaryWriter

    def quiet(thrown: threading.ExceptHookArgs) -> None:
        if not isinstance(thrown.exc_value, OSError):  # the writer's thread; its next call raises the same
            before(thrown)

    before, threading.excepthook = threading.excepthook, quiet
    try:
        with SummaryWriter(str(folder)) as writer:
            yield writer
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror or error}); what is there is kept; "
            "free some space, the same command goes on"
        ) from error
    finally:
        threading.excepthook = before


def read_curves(run: Path) -> dict[str, dict[int, float]]:
    """By name, step -> value; none where the folder has none. A resumed run repeats some steps: the last counts."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not run.is_dir():
        return {}
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    return {
        name: dict(sorted((point.step, point.value) for point in events.Scalars(name)))
        for name in events.Tags()["scalars"]
    }
