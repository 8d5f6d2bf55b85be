"""Picture grids: a row for each name, a column for each face."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from toonstream_engines.part import whole
from torch import Tensor

COLUMNS = 8


def grid(rows: Mapping[str, Tensor]) -> NDArray[np.uint8]:
    """name -> (B, 3, H, W) in [-1, 1], to one picture (H * rows, W * columns, 3) RGB."""
    return np.vstack([np.hstack(list(to_uint8(pictures[:COLUMNS]))) for pictures in rows.values()])


def to_uint8(pictures: Tensor) -> NDArray[np.uint8]:
    """(B, 3, H, W) in [-1, 1] -> (B, H, W, 3) uint8, rounded as an exported model rounds."""
    scaled = ((pictures.detach().float().clamp(-1, 1) + 1) * 127.5).round()
    out: NDArray[np.uint8] = scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return out


def write(picture: NDArray[np.uint8], path: Path) -> None:
    """Whole or not at all. Raises OSError, which imwrite would not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        part.write_bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())
