"""How a learning rate changes during a stage: from progress, 0 to 1, to a factor of the optimiser's own rate."""

from collections.abc import Callable, Mapping

Schedule = Callable[[float], float]


def constant(progress: float) -> float:
    """The optimiser's own rate throughout."""
    return 1.0


def linear_decay(after: float = 0.0) -> Schedule:
    """Constant until `after`, a share of the stage, then in a straight line to zero."""
    return lambda progress: 1.0 if progress < after else (1 - progress) / (1 - after)


def polynomial_decay(power: float) -> Schedule:
    """(1 - progress) to the `power`."""
    return lambda progress: float((1 - progress) ** power)


def step_decay(factors: Mapping[float, float]) -> Schedule:
    """Multiplied by a factor at each share of the stage: {0.5: 0.1, 0.75: 0.1} is a hundredth for the last quarter."""

    def schedule(progress: float) -> float:
        rate = 1.0
        for share, factor in factors.items():
            rate *= factor if progress >= share else 1.0
        return rate

    return schedule
