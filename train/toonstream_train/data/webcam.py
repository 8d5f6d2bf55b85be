"""Photos as a webcam has them in a room: no black, no white, pale, and with a cast. Portraits are lit better."""

import cv2
import numpy as np
from numpy.typing import NDArray

BLACK, WHITE = (4.0, 30.0), (68.0, 92.0)
"""Lightness, of 100, that black and white become."""
GAMMA = 0.85, 1.2
"""Exponents of lightness: below 1 shadows are lifted."""
PALER = 0.55, 1.0
"""How much of the chroma stays."""
CAST = 3.5
"""Standard deviation of what a and b are off by."""


def webcam(random: np.random.Generator, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An RGB photo (H, W, 3) uint8 in the light of a room, likewise."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    black, white = random.uniform(*BLACK), random.uniform(*WHITE)
    lab[..., 0] = black + (white - black) * (lab[..., 0] / 100) ** random.uniform(*GAMMA)
    lab[..., 1:] = random.uniform(*PALER) * lab[..., 1:] + random.normal(0, CAST, 2)
    return np.asarray((cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB) * 255).round().clip(0, 255), np.uint8)
