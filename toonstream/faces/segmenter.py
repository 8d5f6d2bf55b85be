"""Tells people from the background: MediaPipe's selfie segmentation."""

import numpy as np
from numpy.typing import NDArray

from toonstream.faces.network import open_face_network
from toonstream.frame import Frame, Rect

SIZE = 256
"""Pixels of the side of what the network sees, and of its answer."""


class Segmenter:
    """Says of each place in a part of a frame how likely it belongs to a person. It remembers nothing."""

    def __init__(self) -> None:
        self._network = open_face_network("selfie_segmentation")

    def __call__(self, frame: Frame, rect: Rect) -> NDArray[np.float32]:
        """(SIZE, SIZE), 0 to 1, over the whole of `rect`, which may have any shape.

        For a head, a rectangle around it that reaches one and a half times as far as the framing's crop is best: much
        closer, it cuts the hair; much wider, hair loses its detail and the room leaves ghosts.

        Raises ValueError where the rectangle is empty or leaves the frame.
        """
        mask = self._network.run({"image": frame.rgb(rect, (SIZE, SIZE))[None]})["mask"]
        return np.asarray(mask[0], np.float32)

    def close(self) -> None:
        self._network.close()
