"""Faces to cartoons, a frame at a time: see the faces, draw them, put them back."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines import Engine, Port, load_style, open_engine
from toonstream_engines.closeable import Closeable
from toonstream_engines.errors import InputError
from toonstream_engines.sharpen import sharpened
from toonstream_engines.style import DEFAULT

from toonstream.composite import CHEEKS, MATTE_SIZE, Toon, composite, outline
from toonstream.faces import framing
from toonstream.faces.chart import chart
from toonstream.faces.crop import crop, resample
from toonstream.faces.face import Face, five_points
from toonstream.faces.follow import follow
from toonstream.faces.framing import half_side
from toonstream.faces.learned_shape import proportions
from toonstream.faces.mesh import CHIN
from toonstream.faces.person import Mask, PersonMasks
from toonstream.faces.shape import Proportions, moved
from toonstream.faces.square import Square
from toonstream.faces.tracker import Tracker
from toonstream.frame import Frame, check_rgb
from toonstream.steady import steadied

SHARPNESS = 2 / 3
"""Crop pixels for each pixel of the frame: flat colours and clean lines still look crisp, at half the cost of 1."""

SMALLEST_CROP, LARGEST_CROP, STEP = 256, 512, 32


@dataclass(frozen=True)
class Crop:
    """A style's input: one face of a frame, through the matrix (2, 3) into a square of `size` pixels."""

    frame: Frame
    matrix: NDArray[np.float64]
    size: int
    displacements: NDArray[np.float32]
    """Of the style's shape, as `Proportions.displacements` gives them."""
    landmarks: NDArray[np.float32]
    """(478, 2) in crop pixels, where the shape moves them."""

    @classmethod
    def of(cls, frame: Frame, face: Face, size: int, shape: Proportions) -> "Crop":
        """The crop of a face, `size` pixels a side, in the style's proportions."""
        matrix = framing.with_chin(framing.framing(face.points, size), face.landmarks[CHIN], size)
        landmarks = framing.apply(matrix, face.landmarks)
        field = shape.displacements(landmarks, size)
        return cls(frame, matrix, size, field, moved(landmarks, field, size))

    def person(self, mask: Mask) -> NDArray[np.uint8]:
        """How likely the cartoon shows a person at each place, as in Toon, or hides a cheek that it makes slimmer."""
        scale = MATTE_SIZE / self.size
        photo = mask.through(self.matrix * scale, MATTE_SIZE)
        if not self.displacements.any():
            return photo
        shown = resample(photo, np.eye(2, 3), MATTE_SIZE, self.displacements * np.float32(scale))
        cheeks = cv2.dilate(photo, np.ones((3, 3), np.uint8)) * outline(self.landmarks / self.size, CHEEKS)
        both: NDArray[np.uint8] = np.maximum(shown, cheeks.astype(np.uint8))
        return both


def _landmarks(face_crop: Crop, port: Port) -> NDArray[np.float32]:
    """The five points or all 478, as many as the network wants."""
    five = port.shape[1] == 5
    return five_points(face_crop.landmarks).astype(np.float32) if five else face_crop.landmarks


INPUTS: dict[str, Callable[[Crop, Port], NDArray[Any]]] = {
    "image": lambda one, _: crop(one.frame, one.matrix, one.size, one.displacements),
    "chart": lambda one, _: chart(one.landmarks, one.size),
    "landmarks": _landmarks,
}
"""What a style's network may want, by name: each without the batch dimension, as the port describes it."""


def shape_of(engine: Engine) -> Proportions:
    """The proportions of the engine's style. Raises InputError where its card is wrong about them."""
    try:
        return proportions(engine.model)
    except ValueError as error:
        raise InputError(f"{engine.model.path.with_name('card.toml')}: {error}") from error


class Toonifier(Closeable):
    """Turns the faces of one video's frames, given in order, into cartoons.

        with Toonifier(style="film") as toonifier:
            for frame in frames:
                cartoon = toonifier(frame)

    style: the name of a shipped style, a style's folder, or an engine that is open already, which is then closed with
    this. backend: "auto" or one of engines.BACKENDS. faces: draw only so many: the largest at first, and then the same
    people as long as they are there; None draws all. Raises UserError where style or backend do not open, ValueError
    where `faces` is below 1.
    """

    def __init__(self, style: str | Path | Engine = DEFAULT, backend: str = "auto", faces: int | None = None) -> None:
        self._tracker = Tracker(faces)  # checks `faces`, before an engine is open
        self._masks = PersonMasks()
        self._engine = style if isinstance(style, Engine) else open_engine(load_style(style), backend)
        self.shape = shape_of(self._engine)
        self._sizes: dict[int, int] = {}
        self._before: dict[int, NDArray[np.uint8]] = {}  # each face's last cartoon, not sharpened

    @property
    def engine(self) -> Engine:
        """The engine in use; its `description` names backend, device and precision."""
        return self._engine

    @overload
    def __call__(self, frame: Frame) -> Frame: ...

    @overload
    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]: ...

    def __call__(self, frame: Frame | NDArray[np.uint8]) -> Frame | NDArray[np.uint8]:
        """The frame with its faces as cartoons; of an RGB picture, (H, W, 3) uint8, a new RGB picture.

        Raises ValueError where it is anything else, such as RGBA, grey or float.
        """
        if isinstance(frame, Frame):
            return self.composite(frame, self.draw(frame, self.see(frame)))
        check_rgb(frame, "Toonifier")
        return self(Frame.from_rgb(frame, pts=None, time_base=Fraction(1, 30), index=0)).rgb()

    def see(self, frame: Frame, search: bool = True) -> list[Face]:
        """The frame's faces that are to be drawn, the largest first. Call it for every frame, in order.

        search: for newcomers too, where some faces are known already; otherwise `meet` them.
        """
        return self._tracker(frame, search)

    def meet(self, frame: Frame, square: Square) -> None:
        """Have the next `see` know a face that was found elsewhere, in this or the last frame, if it is one."""
        self._tracker.meet(frame, square)

    def follow(self, frames: Iterable[Frame], rate: Fraction | None) -> Iterator[tuple[Frame, list[Face]]]:
        """Every frame of a file with its faces; `rate` in frames a second. Reads ahead, to detect in fewer frames."""
        return follow(self._tracker, frames, rate)

    def draw(self, frame: Frame, faces: list[Face]) -> list[Toon]:
        """A cartoon of each face, in any order; those of one size go through the network together."""
        masks = self._masks(frame, faces)
        same_size: dict[int, list[tuple[Face, Mask]]] = defaultdict(list)
        for face, mask in zip(faces, masks, strict=True):
            same_size[self._size(face)].append((face, mask))
        self._sizes = {face.identity: size for size, group in same_size.items() for face, _ in group}
        toons, before, gain = [], self._before, self._engine.model.sharpen
        self._before = {}
        for size, group in same_size.items():
            crops = [Crop.of(frame, face, size, self.shape) for face, _ in group]
            inputs = {
                port.name: np.stack([INPUTS[port.name](face_crop, port) for face_crop in crops])
                for port in self._engine.model.inputs
            }
            outputs = self._engine.run(inputs)
            mattes = outputs.get("matte", [None] * len(group))
            for (face, mask), face_crop, drawn, matte in zip(group, crops, outputs["toon"], mattes, strict=True):
                calm = steadied(drawn, before.get(face.identity))
                self._before[face.identity] = calm
                toons.append(Toon(face, face_crop.matrix, sharpened(calm, gain), matte, face_crop.person(mask)))
        return toons

    def renew(self, frame: Frame, faces: list[Face]) -> None:
        """After a `draw`, with the same: does ahead some of the next one's work, where there is time to spare."""
        self._masks.renew(frame, faces)

    def composite(self, frame: Frame, toons: list[Toon]) -> Frame:
        """The frame with the cartoons in place."""
        return composite(frame, toons)

    def _size(self, face: Face) -> int:
        """Pixels of the side of a face's crop. A face between two sizes keeps its own: a change of size would show."""
        if side := self._engine.model.side:
            return side
        wanted = float(np.clip(2 * half_side(face.points) * SHARPNESS, SMALLEST_CROP, LARGEST_CROP))
        size = self._sizes.get(face.identity)
        if size is None or abs(size - wanted) > STEP:
            size = round(wanted / STEP) * STEP
        return size

    def restyle(self, engine: Engine) -> None:
        """Draws with another engine, opened elsewhere, from the next call on, and closes the one before.

        Raises TypeError where it is no engine, and goes on with the one before.
        """
        if not isinstance(engine, Engine):
            raise TypeError(f"restyle needs an Engine, as open_engine gives it; got {type(engine).__name__}")
        self.shape = shape_of(engine)
        self._before = {}
        self._engine, before = engine, self._engine
        before.close()

    def cut(self) -> None:
        """The next frame shows another scene, or comes after a pause: search all of it for faces."""
        self._tracker.cut()

    def reset(self) -> None:
        """Drop all tracked faces: what comes next is another video or another photo."""
        self._tracker.forget()
        self._masks.forget()
        self._sizes, self._before = {}, {}

    def close(self) -> None:
        """Frees the networks; may be called twice."""
        self._tracker.close()
        self._masks.close()
        self._engine.close()
