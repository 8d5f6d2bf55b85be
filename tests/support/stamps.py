"""Numbers drawn into pictures as squares of black and white, which survive whatever video does to them."""

import time

import numpy as np

BITS = 24
ROW = 16
"""The row of squares is a sixteenth of the picture's height."""


def moment() -> int:
    """Milliseconds, as far as they fit into a stamp."""
    return time.monotonic_ns() // 1_000_000 % 2**BITS


def draw(rgb: np.ndarray, number: int | None = None) -> None:
    """Stamps a number, or else this moment, onto the top of an RGB uint8 picture (h, w, 3)."""
    number = moment() if number is None else number
    height, width = rgb.shape[0] // ROW, rgb.shape[1] // BITS
    for bit in range(BITS):
        rgb[:height, bit * width : (bit + 1) * width] = 255 * (number >> bit & 1)


def read(rgb: np.ndarray) -> int | None:
    """The number on a picture (h, w, 3) of any size; None where there is no stamp on it."""
    height, width = rgb.shape[0] / ROW, rgb.shape[1] / BITS
    levels = [int(rgb[round(height / 2), round((bit + 0.5) * width)].mean()) for bit in range(BITS)]
    if any(60 < level < 195 for level in levels):
        return None
    return sum((level > 127) << bit for bit, level in enumerate(levels))


def age(rgb: np.ndarray) -> int | None:
    """Milliseconds since the picture (h, w, 3), of any size, was stamped; None where there is no stamp on it."""
    stamp = read(rgb)
    return None if stamp is None else (moment() - stamp) % 2**BITS
