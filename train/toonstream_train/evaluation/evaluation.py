"""All measures of all generators, on the same photos in one run."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from toonstream_engines.engine import Engine
from torch import Tensor
from tqdm import tqdm

from toonstream_train.data.landmarks import detector
from toonstream_train.data.pack import Pack
from toonstream_train.evaluation import colour, distances, faces, speed, steadiness
from toonstream_train.evaluation.features import EfficientNetLite0, FeatureNetwork, Inception
from toonstream_train.evaluation.generators import interface, toons

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
    """By generator; first the photos themselves, "photo", where that says something."""
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
    target = cartoons.images if cartoons.drawings is None else cartoons.drawings
    aims = {key: one.pooled(target) for key, one in networks.items()}
    identities = faces.identity_network()
    stills = np.linspace(0, len(photos) - 1, min(STILLS, len(photos))).astype(int)
    with detector() as detect:
        film, five = steadiness.crops(clip, detect) if clip else (None, None)
        moved = None if film is None else steadiness.motion(film)
        points = faces.find(photos.images, detect)
        known = None if identities is None else identities.descriptors(photos.images, points)

        drawn = {"photo": photos.images}
        measures = {"photo": _of_set(photos.images, networks, aims)}
        if film is not None and moved is not None:
            measures["photo"]["warping_error"] = steadiness.warping_error(film, moved)
        tones: dict[str, int] = {}
        for name, engine in tqdm(engines.items(), desc="evaluate", unit="generator"):
            made = drawn[name] = toons(engine, photos.images, photos.points[5])
            found = faces.find(made, detect)
            change, tones = colour.lightness_change(photos.images, made, points)
            still = steadiness.flicker(
                photos.images[stills], made[stills], photos.points[5][stills], partial(toons, engine)
            )
            hues = [colour.hue_distance(a, b) for a, b in zip(photos.images, made, strict=True)]
            measures[name] = {
                **_of_set(made, networks, aims),
                "perceptual_distance": distances.perceptual_distance(network, photos.images, made),
                "hue_distance": float(np.mean(hues)),
                "lightness_change": change,
                **asdict(faces.geometry(points, found)),
                "flicker": still.frames,
                "noise_response": still.noise,
            }
            if identities is not None and known is not None:
                who = identities.descriptors(made, found)
                measures[name]["identity_distance"] = identities.distance(known, who)
            if film is not None and five is not None and moved is not None:
                measures[name]["warping_error"] = steadiness.warping_error(toons(engine, film, five), moved)
    face: dict[str, NDArray[Any]] = {"image": photos.images[:1], "landmarks": photos.points[5][:1]}
    for name, taken in speed.milliseconds({name: (engine, face) for name, engine in engines.items()}).items():
        measures[name]["milliseconds"] = taken
    import onnxruntime  # late, after toonstream_engines has told it not to report

    setting = {
        "photos": len(photos),
        "cartoons": len(cartoons),
        "target": "cartoons" if cartoons.drawings is None else "drawings",
        "networks": [one.name for one in networks.values()],
        "ms_ssim_scales": distances.scales(photos.images.shape[1]),
        "lightness_photos": tones,
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
