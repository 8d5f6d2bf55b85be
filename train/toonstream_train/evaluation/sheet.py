"""An evaluation's pictures, a row of each photo: the photo, the teacher's drawing, what each generator made."""

import numpy as np

from toonstream_train.data.pack import Pack, shared_out
from toonstream_train.evaluation.cells import Image, cell
from toonstream_train.evaluation.evaluation import Evaluation

MOST = 40
SIDE = 192
MOST_BYTES = 1_500_000
"""Of the file: small enough to commit."""


def rows(evaluation: Evaluation, photos: Pack) -> list[list[Image]]:
    """Cells of MOST photos, shared out over the sources, and of what was made of each, in the evaluation's order."""
    return [
        [
            cell(pictures[i], photos.names[i] if name == "photo" else name, SIDE)
            for name, pictures in evaluation.toons.items()
        ]
        for i in shared_out(np.arange(len(photos)), photos.sources)[:MOST]
    ]
