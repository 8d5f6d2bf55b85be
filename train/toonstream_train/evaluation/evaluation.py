"""All measures of all generators, on the same photos in one run."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.engine import Arrays, Engine
from torch import Tensor
from tqdm import tqdm

from toonstream.faces.learned_shape import proportions
from toonstream_train.data.landmarks import detector
from toonstream_train.data.pack import Pack
from toonstream_train.evaluation import colour, distances, faces, speed, steadiness
from toonstream_train.evaluation.face_shapes import shape_distances
from toonstream_train.evaluation.features import EfficientNetLite0, FeatureNetwork, Inception
from toonstream_train.evaluation.generators import inputs, interface, sized, toons

STILLS = 40
"""Photos that flicker is measured on, spread over all: each of them is drawn twice more."""

Images = NDArray[np.uint8]
Measures = dict[str, Any]
"""Name of a measure -> a number, or by group a dict of them; NaN where nothing could be measured."""


@dataclass(frozen=True)
class Evaluation:
    setting: dict[str, Any]
    """On what it was measured, and how."""
    measures: dict[str, Measures]
    """By generator; first the photos themselves, "photo", and their drawings, "teacher", with what can be measured."""
    toons: dict[str, Images]
    """(N, H, W, 3) by generator, the photos first."""


def evaluate(
    photos: Pack,
    engines: Mapping[str, Engine],
    cartoons: Pack,
    clip: Path | None = None,
    inception: Path | None = None,
) -> Evaluation:
    """cartoons: what the styles aim at, its drawings where it has them, else its pictures.

    clip: a video with one face. inception: see `Inception`.
    """
    network = EfficientNetLite0()
    networks: dict[str, FeatureNetwork] = {"": network}
    if inception is not None:
        networks["inception_"] = Inception(inception)
    target = cartoons.images if cartoons.drawings is None else reduced(cartoons.drawings, cartoons.images.shape[1])
    aims = {key: one.pooled(target) for key, one in networks.items()}
    identities = faces.identity_network()
    stills = photos.part(np.linspace(0, len(photos) - 1, min(STILLS, len(photos))).astype(int))
    with detector() as detect:
        film = steadiness.crops(clip, photos.images.shape[1], detect) if clip else None
        filmed = None if film is None else faces.find(film.images, detect)
        points = faces.find(photos.images, detect)
        known = None if identities is None else identities.descriptors(photos.images, points)
        teacher = None if photos.drawings is None else reduced(photos.drawings, photos.images.shape[1])
        taught = None if teacher is None else faces.find(teacher, detect)

        drawn = {"photo": photos.images}
        measures = {"photo": _of_set(photos.images, networks, aims)}
        if film is not None:
            measures["photo"]["warping_error"] = steadiness.warping_error(film.images, steadiness.motion(film.images))
        if teacher is not None and taught is not None:
            drawn["teacher"] = teacher
            measures["teacher"] = {
                **_of_set(teacher, networks, aims),
                **_of_pairs(photos.images, teacher, points, taught, network),
            }
        for name, engine in tqdm(engines.items(), desc="evaluate", unit="generator"):
            made = drawn[name] = toons(engine, photos)
            found = faces.find(made, detect)
            steady = steadiness.flicker(stills, toons(engine, stills), partial(toons, engine), detect)
            measures[name] = {
                **_of_set(made, networks, aims),
                **_of_pairs(photos.images, made, points, found, network),
                "flicker": steady.frames,
                "noise_response": steady.noise,
            }
            if teacher is not None and taught is not None:
                measures[name]["teacher_landmark_error"] = faces.geometry(taught, found).landmark_error
                sharp = faces.eye_sharpness(made, taught) / faces.eye_sharpness(teacher, taught)
                given = inputs(engine, photos).get("image", photos.images)
                left = faces.left_to_draw(given, made, teacher, taught, faces.people(given))
                measures[name] |= {f"left_{part}": share for part, share in left.items()}
                irises = (colour.iris_chroma(pictures, taught) for pictures in (teacher, made))
                measures[name]["iris_colour"] = colour.chroma_slope(*irises)
                found_any = np.isfinite(sharp).any()
                measures[name]["eye_sharpness"] = float(np.nanmedian(sharp)) if found_any else float("nan")
            if identities is not None and known is not None:
                who = identities.descriptors(made, found)
                measures[name]["identity_distance"] = identities.distance(known, who)
            if film is not None and filmed is not None:
                moving = toons(engine, film)
                for key, kept in faces.expression(filmed, faces.find(moving, detect)).items():
                    measures[name] |= {f"clip_{key}": kept.correlation, f"clip_{key}_slope": kept.slope}
                shown = inputs(engine, film).get("image", film.images)
                moved = steadiness.motion(shown)  # in the style's own proportions the photo, too, moves otherwise
                measures[name]["warping_error"] = error = steadiness.warping_error(moving, moved)
                measures[name]["warping_ratio"] = error / steadiness.warping_error(shown, moved)
    if cartoons.drawings is None:  # landmarks are of pictures, not of drawings
        shapes = {name: proportions(engine.model) for name, engine in engines.items()}
        for name, distance in shape_distances(photos, cartoons, shapes).items():
            measures[name]["landmark_discrepancy"] = distance
    face = photos.part(np.array([0]))
    ready = {name: (engine, inputs(engine, sized(engine, face))) for name, engine in engines.items()}
    for name, taken in speed.milliseconds(ready).items():
        measures[name]["milliseconds"] = taken
    large = {name: (engine, doubled(given)) for name, (engine, given) in ready.items() if engine.model.side is None}
    for name, taken in speed.milliseconds(large).items():
        measures[name]["milliseconds_512"] = taken
    import onnxruntime  # late, after toonstream_engines has switched its telemetry off

    setting = {
        "photos": len(photos),
        "cartoons": len(cartoons),
        "target": "cartoons" if cartoons.drawings is None else "drawings",
        "networks": [one.name for one in networks.values()],
        "ms_ssim_scales": distances.scales(photos.images.shape[1]),
        "flicker_photos": len(stills),
        "flicker_sigma": steadiness.SIGMA,
        "clip_frames": 0 if film is None else len(film),
        "faces_in_photos": int(np.isfinite(points).all((1, 2)).sum()),
        "machine": f"{platform.machine()}, ONNX Runtime {onnxruntime.__version__}, fp32",
        "generators": {
            name: {"file": engine.model.path.name, "sha256": engine.model.sha256, "interface": interface(engine)}
            for name, engine in engines.items()
        },
    }
    return Evaluation(setting, measures, drawn)


def reduced(pictures: Images, size: int) -> Images:
    """(N, S, S, 3) to (N, size, size, 3)."""
    if pictures.shape[1] == size:
        return pictures
    return np.stack([cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture in pictures])


def doubled(given: Arrays) -> Arrays:
    """The inputs of a face twice as large."""
    return {name: 2 * x if name == "landmarks" else x.repeat(2, 1).repeat(2, 2) for name, x in given.items()}


def _of_set(pictures: Images, networks: Mapping[str, FeatureNetwork], aims: Mapping[str, Tensor]) -> Measures:
    """What is measured of a set of pictures (N, H, W, 3) as a whole."""
    measures: Measures = {}
    for key, one in networks.items():
        features = one.pooled(pictures)
        mean, deviation = distances.kernel_distance(features, aims[key])
        measures[key + "kernel_distance"] = mean
        measures[key + "kernel_deviation"] = deviation
        measures[key + "frechet_distance"] = distances.frechet_distance(features, aims[key])
    return {**measures, "similarity": distances.similarity_between(pictures)}


def _of_pairs(
    photos: Images,
    toons: Images,
    points: NDArray[np.floating],
    found: NDArray[np.floating],
    network: EfficientNetLite0,
) -> Measures:
    """What is measured of each toon (N, H, W, 3) beside its photo; with the landmarks (N, 478, 2) of both."""
    lightness, chroma, counts = colour.skin_change(photos, toons, points, found)
    hues = [colour.hue_distance(photo, toon) for photo, toon in zip(photos, toons, strict=True)]
    return {
        "perceptual_distance": distances.perceptual_distance(network, photos, toons),
        "hue_distance": float(np.mean(hues)),
        "lightness_change": lightness,
        "chroma_change": chroma,
        "skin_photos": counts,
        **asdict(faces.geometry(points, found)),
        **{key: kept.correlation for key, kept in faces.expression(points, found).items()},
    }
