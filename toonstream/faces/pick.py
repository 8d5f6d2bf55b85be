"""Who is drawn where there are more faces than wanted: the largest at first, and from then on the same people."""

import math
from numbers import Integral

from toonstream.faces.face import Face

PATIENCE_SECONDS = 2.0
"""How long a place is kept for somebody who is not there; a tracker gives a later face a new identity anyway."""


class Pick:
    """Picks at most `most` faces of each frame, for the frames of one video in order; None picks all.

    Raises ValueError where `most` is anything but None or a number from 1.
    """

    def __init__(self, most: int | None) -> None:
        if most is not None and (isinstance(most, bool) or not isinstance(most, Integral) or most < 1):
            raise ValueError(f"faces={most!r}: a whole number from 1, or None for all of them")
        self.most = most
        self._places = math.inf if most is None else most
        self._absent: dict[int, float] = {}  # identity of whoever is picked -> seconds since last there

    def __call__(self, faces: list[Face], seconds: float) -> list[Face]:
        """Of a frame's faces, the largest first, those picked. seconds: since the frame before."""
        there = [face.identity for face in faces]
        absent = {one: 0.0 if one in there else away + seconds for one, away in self._absent.items()}
        self._absent = {one: away for one, away in absent.items() if away < PATIENCE_SECONDS}
        for one in there:
            if len(self._absent) < self._places:
                self._absent.setdefault(one, 0.0)
        return [face for face in faces if face.identity in self._absent]

    def cut(self) -> None:
        """The next frame shows another scene: no place is kept for anybody who is not in it."""
        self._absent = dict.fromkeys(self._absent, math.inf)
