"""The chart: planes drawn at a face's landmarks, which show a generator where lids, irises and lips lie.

The heat maps of Landmark-assisted CycleGAN (section 3.1), made dense. Training and the camera draw it by this code.
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from toonstream.faces.mesh import BROWS, EYES, IRISES, MOUTH, MOUTH_INSIDE, NOSTRILS, OVAL, UPPER_LIDS

PLANES = ("face and brows", "eyes", "lids, nose and catch lights", "mouth", "across an eye", "down an eye")
EMPTY = (0, 0, 0, 0, 128, 128)
"""Values of the planes away from the features."""
FACE, OPENING, IRIS, LIPS = 128, 96, 176, 128
"""Values of the shapes with others within, which are 255: brows, pupils, the inside of the mouth."""
REACH = 1.5
PUPIL = 0.45  # radius, in radii of the iris
LID_WIDTH, NOSE_WIDTH = 0.07, 0.05  # of strokes, in widths of an eye
BITS = 4  # fractional bits of OpenCV's coordinates
SMOOTH = 4  # points of a curve for each of its landmarks
CATCH_LIGHTS = ((-0.384, -0.432, 0.30), (0.456, 0.504, 0.144))
"""Where the lights in an eye stand: across and down from the centre of the iris, and radius, in radii of the iris."""
BELOW_LID = 0.384
"""How far the first of them stays below the upper lid, likewise."""


def chart(landmarks: NDArray[np.floating], size: int) -> NDArray[np.uint8]:
    """The planes of one face, (size / 2, size / 2, 6) uint8, in the order of `PLANES`; each nests its shapes by value.

    Face 128, which fades out from the brows to the top, and brows 255; the openings of the eyes 96, irises 176 and
    pupils 255, cut by the lids; strokes along the upper lids and below the nose 255, as the lights in open eyes; lips
    128 and the inside of the mouth 255. The last two are coordinates within an eye, along its corners and down: 128 at
    the iris' centre, 1 and 255 at REACH of its radii either way.
    Half the crop's resolution is enough: edges are exact to a fraction of a pixel.

    landmarks: (478, 2) in pixels of the crop of `size` pixels a side, pixel centres at +0.5.
    """
    if landmarks.shape != (478, 2):
        raise ValueError(f"a chart needs 478 landmarks, not {landmarks.shape}")
    points = np.asarray(landmarks, np.float32)
    face, eyes, lines, mouth = planes = np.zeros((4, size, size), np.uint8)
    _fill(face, points[OVAL], FACE)
    _fade(face, float(points[OVAL, 1].min()), float(points[np.concatenate(BROWS), 1].mean()))
    balls, lights = np.zeros((2, size, size), np.uint8)
    widths = []
    for eye, iris, lid, brow in zip(EYES, IRISES, UPPER_LIDS, BROWS, strict=True):
        _fill(face, _curve(points[brow], closed=True), 255)
        _fill(eyes, _curve(points[eye], closed=True), 255)
        centre = points[iris[0]]
        radius = float(np.hypot(*(points[iris[1:]] - centre).T).mean())
        _disc(balls, centre, radius, IRIS)
        _disc(balls, centre, PUPIL * radius, 255)
        for light in catch_lights(points[iris], points[lid]):
            _disc(lights, light[:2], float(light[2]), 255)
        widths.append(float(np.hypot(*(points[lid[0]] - points[lid[-1]]))))
        _stroke(lines, _curve(points[lid]), LID_WIDTH * widths[-1])
    cv2.max(lines, cv2.min(lights, cv2.convertScaleAbs(eyes, alpha=255 / OPENING)), dst=lines)
    cv2.min(eyes, cv2.max(balls, OPENING), dst=eyes)
    _stroke(lines, _curve(points[NOSTRILS]), NOSE_WIDTH * max(widths))
    _fill(mouth, _curve(points[MOUTH], closed=True), LIPS)
    _fill(mouth, _curve(points[MOUTH_INSIDE], closed=True), 255)
    half = [cv2.resize(plane, (size // 2, size // 2), interpolation=cv2.INTER_AREA) for plane in planes]
    across, down = np.full((2, size // 2, size // 2), EMPTY[4], np.uint8)
    for eye, iris in zip(EYES, IRISES, strict=True):
        _places(across, down, half[1], points[eye] * np.float32(0.5), points[iris] * np.float32(0.5))
    return np.asarray(cv2.merge([*half, across, down]), np.uint8)


def catch_lights(iris: NDArray[np.float32], lid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where the lights in an eye stand: centre and radius, (2, 3), the large one first, which keeps below the lid.

    iris: (5, 2), its centre first; lid: (N, 2), the upper one. Teachers draw them there, so that the chart can tell.
    """
    centre = iris[0]
    radius = np.hypot(*(iris[1:] - centre).T).mean()
    lights: NDArray[np.float32] = np.array(CATCH_LIGHTS, np.float32) * radius
    lights[:, :2] += centre
    order = np.argsort(lid[:, 0])
    edge = np.interp(centre[0], lid[order, 0], lid[order, 1])
    lights[0, 1] = max(lights[0, 1], edge + BELOW_LID * radius)
    return lights


def _fade(face: NDArray[np.uint8], top: float, brows: float) -> None:
    """Lets the face begin softly, in rows: its outline ends amid the forehead, where nothing must show."""
    last = int(np.clip(brows, 0, len(face)))
    share = ((np.arange(last, dtype=np.float32) + np.float32(0.5) - top) / max(brows - top, 1.0)).clip(0, 1)
    face[:last] = face[:last] * share[:, None]


def _places(
    across: NDArray[np.uint8],
    down: NDArray[np.uint8],
    openings: NDArray[np.uint8],
    eye: NDArray[np.float32],
    iris: NDArray[np.float32],
) -> None:
    """Draws where in an eye each place of its opening lies, into the last two planes."""
    side = openings.shape[0]
    left, top = np.clip(np.floor(eye.min(0)).astype(int) - 1, 0, side)
    right, bottom = np.clip(np.ceil(eye.max(0)).astype(int) + 1, 0, side)
    along = eye[8] - eye[0]
    along = along * np.sign(along[0] or 1) / max(float(np.hypot(*along)), 1e-3)  # to the picture's right
    unit = 127 / (REACH * max(float(np.hypot(*(iris[1:] - iris[0]).T).mean()), 0.5))
    dx = np.arange(left, right, dtype=np.float32) + np.float32(0.5) - iris[0, 0]
    dy = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5) - iris[0, 1])[:, None]
    window = np.s_[top:bottom, left:right]
    cover = np.minimum(openings[window] / np.float32(OPENING), 1) * np.float32(unit)
    for plane, place in ((across, dx * along[0] + dy * along[1]), (down, dy * along[0] - dx * along[1])):
        plane[window] = np.rint(128 + (place * cover).clip(-127, 127))


@cache
def _catmull_rom(count: int, closed: bool) -> NDArray[np.float32]:
    """What takes `count` points to the points of a smooth curve through them, as a matrix."""
    spans = count if closed else count - 1
    at = np.linspace(0, spans, SMOOTH * spans + (not closed), endpoint=not closed)
    first = np.minimum(at.astype(int), spans - 1)
    t = at - first
    weights = 0.5 * np.array([2 * t**2 - t - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2])
    matrix = np.zeros((len(at), count + 2))  # an open curve's ends lie on the lines beyond its first and last spans
    for offset in range(4):
        column = (first + offset - 1) % count if closed else first + offset
        np.add.at(matrix, (np.arange(len(at)), column), weights[offset])
    if closed:
        matrix = matrix[:, :count]
    else:
        before, inner, after = matrix[:, 0], matrix[:, 1:-1].copy(), matrix[:, -1]
        inner[:, :2] += np.outer(before, (2, -1))
        inner[:, -2:] += np.outer(after, (-1, 2))
        matrix = inner
    return matrix.astype(np.float32)


def _curve(points: NDArray[np.float32], closed: bool = False) -> NDArray[np.float32]:
    return _catmull_rom(len(points), closed) @ points


def _fixed(points: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.round((points - 0.5) * (1 << BITS)).astype(np.int32)


def _fill(plane: NDArray[np.uint8], outline: NDArray[np.float32], value: int) -> None:
    cv2.fillPoly(plane, [_fixed(outline)], value, cv2.LINE_AA, BITS)


def _disc(plane: NDArray[np.uint8], centre: NDArray[np.float32], radius: float, value: int) -> None:
    cv2.circle(plane, _fixed(centre).tolist(), round(radius * (1 << BITS)), value, -1, cv2.LINE_AA, BITS)


def _stroke(plane: NDArray[np.uint8], path: NDArray[np.float32], width: float) -> None:
    """A line of even width, at least a pixel."""
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) / np.maximum(np.hypot(*tangent.T), 1e-6)[:, None]
    side = normal * max(width, 1.0) / 2
    _fill(plane, np.concatenate([path + side, (path - side)[::-1]]), 255)
