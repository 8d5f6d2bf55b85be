"""What every teacher reads off a photo before it paints: eyes, contours, and the skin, relit and smooth."""

from dataclasses import dataclass, replace

import numpy as np

from toonstream_train.drawing.common.beards import beard
from toonstream_train.drawing.common.complexion import complexion
from toonstream_train.drawing.common.glasses import wires, worn
from toonstream_train.drawing.common.hair import hair
from toonstream_train.drawing.common.lit_skin import base_tone, brightened, face_chroma, healthier, relighting
from toonstream_train.drawing.common.painting import ramp, weighted
from toonstream_train.drawing.common.seen import eyes_seen
from toonstream_train.drawing.common.shapes import Points
from toonstream_train.drawing.common.skin import Skin, find
from toonstream_train.drawing.common.smoothing import Floats, Flow, flow
from toonstream_train.drawing.common.tones import skin_light

LEAST_RED = 5.0
"""How much redder than the skin lips are at least, however hazy the photo."""
GLASSES = (0.04, 0.15)
"""From the first value of `worn` to the second glasses are drawn."""


@dataclass(frozen=True)
class Analysis:
    """Pictures are in LAB (H, W, 3), masks (H, W) from 0 to 1."""

    eyes: tuple[float, float]
    """How far each eye is seen, 0 to 1; the picture's left first."""
    contours: Flow
    photo: Floats
    """Relit."""
    combed: Floats
    """The same, smoothed along its contours."""
    skin: Skin
    wire: Floats
    """Where the frames of glasses are, or rings below the eyes that are as clear."""
    glasses: float
    """How surely glasses are worn, 0 to 1."""
    whiskers: Floats
    """Where a beard grows."""
    face: Floats
    """The photo with smooth skin."""
    base: float
    """The lightness of the lit skin on the combed photo."""

    @property
    def drawn(self) -> tuple[float, float]:
        """How far each eye is drawn, in ink: it is or it is not, half of one would be a ghost."""
        left, right = self.eyes
        return ramp(left, 0.15, 0.5), ramp(right, 0.15, 0.5)


def warm(picture: Floats, skin: Skin) -> None:
    """Gives the lips of a picture (H, W, 3), in place, the light that the skin gets, and at least a hint of red."""
    lips = weighted(picture, skin.lips)[1:]
    added = healthier(skin.chroma, skin)
    red = float(face_chroma(skin.chroma, skin)[0]) + LEAST_RED * skin.contrast
    added[0] += max(red - float(lips[0]), 0.0)
    picture[..., 1:] += skin.lips[..., None] * added


def analyse(photo: Floats, mesh: Points, person: Floats) -> Analysis:
    """Of a warped photo in LAB (H, W, 3) with its moved mesh (478, 2); person: (H, W), where one is, 0 to 1."""
    eyes, tone = eyes_seen(photo, mesh), skin_light(photo, mesh)
    contours = flow(photo, steps=6, length=1.8)
    combed = contours.along(photo, 3.0)
    sure = worn(photo, mesh)
    wire = wires(photo, contours, mesh, tone, sure)
    skin = find(combed, mesh, max(eyes), hair(combed, person, mesh))
    gain = relighting(combed[..., 0], skin, mesh)
    photo, combed, skin = brightened(photo, gain), brightened(combed, gain), replace(skin, form=gain * skin.form)
    for picture in (photo, combed):
        warm(picture, skin)
    base = base_tone(combed[..., 0], skin)
    whiskers = beard(combed, skin, base, mesh)
    face = complexion(combed, skin, mesh, np.maximum(wire, whiskers))
    return Analysis(eyes, contours, photo, combed, skin, wire, ramp(sure, *GLASSES), whiskers, face, base)
