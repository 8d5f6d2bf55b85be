"""How long a face takes."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from toonstream_engines.engine import Engine

WARM_UP, ROUNDS = 2, 25


def milliseconds(engines: Mapping[str, tuple[Engine, Mapping[str, NDArray[Any]]]]) -> dict[str, float]:
    """Median of each engine, given with the inputs of one face; from its arrays to its toon's.

    They take turns, so that what else the machine does falls on all of them alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(WARM_UP + ROUNDS):
        for name, (engine, inputs) in engines.items():
            start = time.perf_counter()
            engine.run(inputs)
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * float(np.median(times[WARM_UP:])) for name, times in seconds.items()}
