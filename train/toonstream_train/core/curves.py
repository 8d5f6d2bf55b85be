"""The curves that a run wrote for TensorBoard, read back."""

from pathlib import Path


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
