"""What is measured, a function a family: each gives the measures of those generators that it applies to, by name.

"photo" and "teacher" stand beside the generators, for the photos themselves and their drawings. Where something cannot
be measured, as without drawings or a clip, a function gives nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.engine import Arrays, Engine
from tqdm import tqdm

from toonstream.faces import learned_shape
from toonstream_train.data.landmarks import Points
from toonstream_train.data.pack import Pack, spread
from toonstream_train.evaluation import colour, distances, faces, steadiness
from toonstream_train.evaluation.face_shapes import shape_distances
from toonstream_train.evaluation.features import EfficientNetLite0, FeatureNetwork
from toonstream_train.evaluation.generators import inputs, painted, sized, toons
from toonstream_train.evaluation.speed import milliseconds

STILLS = 40
"""Photos that flicker is measured on, spread over all: each is drawn once more, and under noise."""

Images = NDArray[np.uint8]
Detect = Callable[[Images], Points | None]
Engines = Mapping[str, Engine]
Measures = dict[str, Any]
"""Name of a measure -> a number, or by group a dict of them; NaN where nothing could be measured."""


@dataclass(frozen=True)
class Drawn:
    """The same faces, drawn: pictures (N, H, W, 3), and the landmarks found in them, (N, 478, 2), NaN where none."""

    pictures: Images
    points: NDArray[np.float32]


def draw(photos: Pack, engines: Engines, detect: Detect) -> dict[str, Drawn]:
    """The photos themselves, their drawings where there are any, and each generator's toons."""
    pictures = {"photo": photos.images}
    if photos.drawings is not None:
        pictures["teacher"] = reduced(photos.drawings, photos.images.shape[1])
    for name, engine in tqdm(engines.items(), desc="draw", unit="generator"):
        pictures[name] = toons(engine, photos)
    return {name: Drawn(images, faces.find(images, detect)) for name, images in pictures.items()}


def against_cartoons(
    drawn: Mapping[str, Drawn], cartoons: Pack, networks: Mapping[str, FeatureNetwork]
) -> dict[str, Measures]:
    """How far each set of pictures is from the target's as a whole, and how alike its own are."""
    target = cartoons.images if cartoons.drawings is None else reduced(cartoons.drawings, cartoons.images.shape[1])
    aims = {prefix: network.pooled(target) for prefix, network in networks.items()}
    out: dict[str, Measures] = {name: {} for name in drawn}
    for name, one in drawn.items():
        for prefix, network in networks.items():
            features = network.pooled(one.pictures)
            mean, deviation = distances.kernel_distance(features, aims[prefix])
            out[name] |= {prefix + "kernel_distance": mean, prefix + "kernel_deviation": deviation}
            out[name][prefix + "frechet_distance"] = distances.frechet_distance(features, aims[prefix])
        out[name]["similarity"] = distances.similarity_between(one.pictures)
    return out


def against_photos(drawn: Mapping[str, Drawn], network: EfficientNetLite0) -> dict[str, Measures]:
    """How far each picture is from its photo: contents, colours, geometry, expression."""
    photo, out = drawn["photo"], dict[str, Measures]()
    for name, one in drawn.items():
        if one is photo:
            continue
        lightness, chroma, counts = colour.skin_change(photo.pictures, one.pictures, photo.points, one.points)
        hues = [colour.hue_distance(a, b) for a, b in zip(photo.pictures, one.pictures, strict=True)]
        kept = faces.expression(photo.points, one.points)
        out[name] = {
            "perceptual_distance": distances.perceptual_distance(network, photo.pictures, one.pictures),
            "hue_distance": float(np.mean(hues)),
            "lightness_change": lightness,
            "chroma_change": chroma,
            "skin_photos": counts,
            **asdict(faces.geometry(photo.points, one.points)),
            **{key: each.correlation for key, each in kept.items()},
        }
    return out


def flicker(photos: Pack, engines: Engines, detect: Detect) -> dict[str, Measures]:
    """How much what is shown of a still face changes with a sensor's noise."""
    index = spread(len(photos), STILLS)
    out = {}
    for name, engine in engines.items():
        steady = steadiness.flicker(photos.part(index), partial(painted, engine), detect, engine.model.sharpen)
        out[name] = {"flicker": steady.frames, "noise_response": steady.noise}
    return out


def against_teacher(drawn: Mapping[str, Drawn], photos: Pack, engines: Engines) -> dict[str, Measures]:
    """How far each toon is from what the teacher drew: landmarks, skin, eyes."""
    if "teacher" not in drawn:
        return {}
    teacher, out = drawn["teacher"], dict[str, Measures]()
    colours, sharpness = (of(teacher.pictures, teacher.points) for of in (colour.iris_chroma, faces.eye_sharpness))
    for name, engine in engines.items():
        toon = drawn[name]
        given = inputs(engine, photos).get("image", photos.images)
        left = faces.left_to_draw(given, toon.pictures, teacher.pictures, teacher.points, faces.people(given))
        sharp = faces.eye_sharpness(toon.pictures, teacher.points) / sharpness
        out[name] = {
            "teacher_landmark_error": faces.geometry(teacher.points, toon.points).landmark_error,
            **{f"left_{part}": share for part, share in left.items()},
            "iris_colour": colour.chroma_slope(colours, colour.iris_chroma(toon.pictures, teacher.points)),
            "eye_sharpness": float(np.nanmedian(sharp)) if np.isfinite(sharp).any() else float("nan"),
        }
    return out


def identity(drawn: Mapping[str, Drawn]) -> dict[str, Measures]:
    """Whether a face recognition network takes each toon for the person of its photo."""
    network = faces.identity_network()
    if network is None:
        return {}
    who = {name: network.descriptors(one.pictures, one.points) for name, one in drawn.items() if name != "teacher"}
    photos = who.pop("photo")
    return {name: {"identity_distance": network.distance(photos, toons)} for name, toons in who.items()}


def along_clip(film: Pack | None, engines: Engines, detect: Detect) -> dict[str, Measures]:
    """What is kept of the expression along a clip, and how steady its pictures are along the clip's motion."""
    if film is None:
        return {}
    filmed = faces.find(film.images, detect)
    out: dict[str, Measures] = {
        "photo": {"warping_error": steadiness.warping_error(film.images, steadiness.motion(film.images))}
    }
    for name, engine in engines.items():
        moving, kept = steadiness.shown(painted(engine, film), engine.model.sharpen), dict[str, float]()
        for key, each in faces.expression(filmed, faces.find(moving, detect)).items():
            kept |= {f"clip_{key}": each.correlation, f"clip_{key}_slope": each.slope}
        given = inputs(engine, film).get("image", film.images)
        moved = steadiness.motion(given)  # in the style's own proportions the photo, too, moves otherwise
        error = steadiness.warping_error(moving, moved)
        ratio = error / steadiness.warping_error(given, moved)
        out[name] = kept | {"warping_error": error, "warping_ratio": ratio}
    return out


def proportions(photos: Pack, cartoons: Pack, engines: Engines) -> dict[str, Measures]:
    """How far contours in each style's proportions are from the cartoons' (PDA, table 3)."""
    if cartoons.drawings is not None:  # landmarks are of pictures, not of drawings
        return {}
    shapes = {name: learned_shape.proportions(engine.model) for name, engine in engines.items()}
    found = shape_distances(photos, cartoons, shapes)
    return {name: {"landmark_discrepancy": distance} for name, distance in found.items()}


def speed(photos: Pack, engines: Engines) -> dict[str, Measures]:
    """How long one face takes, at the size that a generator learned on, and twice as large where it takes that."""
    face = photos.part(np.array([0]))
    given = {name: (engine, inputs(engine, sized(engine, face))) for name, engine in engines.items()}
    large = {name: (engine, doubled(one)) for name, (engine, one) in given.items() if engine.model.side is None}
    out: dict[str, Measures] = {name: {"milliseconds": taken} for name, taken in milliseconds(given).items()}
    for name, taken in milliseconds(large).items():
        out[name]["milliseconds_512"] = taken
    return out


def reduced(pictures: Images, size: int) -> Images:
    """(N, S, S, 3) to (N, size, size, 3)."""
    if pictures.shape[1] == size:
        return pictures
    return np.stack([cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture in pictures])


def doubled(given: Arrays) -> Arrays:
    """The inputs of a face twice as large."""
    return {name: 2 * x if name == "landmarks" else x.repeat(2, 1).repeat(2, 2) for name, x in given.items()}
