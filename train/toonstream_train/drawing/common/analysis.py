"""What the teachers of `anime` and `cel` read off a photo before they paint."""

from dataclasses import dataclass

from toonstream_train.drawing.common import toned_skin
from toonstream_train.drawing.common.painting import ramp
from toonstream_train.drawing.common.seen import eyes_seen
from toonstream_train.drawing.common.shapes import Points
from toonstream_train.drawing.common.smoothing import Floats, Flow, calm_neighbour, flow


@dataclass(frozen=True)
class Analysis:
    """Pictures are in LAB (H, W, 3)."""

    trusts: tuple[float, float]
    """How far each eye is drawn, 0 to 1; the picture's left first."""
    contours: Flow
    combed: Floats
    """The photo, smoothed along its contours."""
    calm: Floats
    """The same without texture."""
    skin: toned_skin.Skin


def analyse(photo: Floats, mesh: Points, radii: tuple[int, int]) -> Analysis:
    """Of a photo in LAB (H, W, 3) with its mesh (478, 2); radii: of the two `calm_neighbour` filters in a row."""
    # An eye is drawn or it is not: half of one would be a ghost.
    left, right = eyes_seen(photo, mesh)
    contours = flow(photo, steps=4, length=2.2)
    combed = contours.along(photo, 3.0)
    calm = calm_neighbour(calm_neighbour(combed, radii[0]), radii[1])
    trusts = ramp(left, 0.15, 0.5), ramp(right, 0.15, 0.5)
    return Analysis(trusts, contours, combed, calm, toned_skin.find(calm, mesh))
