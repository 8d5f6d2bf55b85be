"""How long a face takes."""

import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from toonstream_engines.engine import Engine

WARM_UP, ROUNDS = 2, 25


def milliseconds(
    engines: Mapping[str, Engine], photo: NDArray[np.uint8], landmarks: NDArray[np.float32]
) -> dict[str, float]:
    """Median, from a uint8 crop (1, 256, 256, 3) with points (1, 5, 2) to a uint8 toon.

    They take turns, so that what else the machine does falls on all of them alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(WARM_UP + ROUNDS):
        for name, engine in engines.items():
            start = time.perf_counter()
            engine.run({"image": photo, "landmarks": landmarks})
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * float(np.median(times[WARM_UP:])) for name, times in seconds.items()}
