"""All measures of all generators, on the same photos in one run."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from toonstream_engines.engine import Engine
from tqdm import tqdm

from toonstream_train.data.landmarks import detector
from toonstream_train.data.pack import Pack
from toonstream_train.evaluation import distances, measures, steadiness
from toonstream_train.evaluation.features import EfficientNetLite0, FeatureNetwork, Inception
from toonstream_train.evaluation.generators import interface
from toonstream_train.evaluation.measures import Images, Measures


@dataclass(frozen=True)
class Evaluation:
    """What was measured of generators, and the pictures that it was measured on."""

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
    """Measure the engines' toons of the photos, and the photos themselves.

    cartoons: what the styles aim at, its drawings where it has them, else its pictures. clip: a video with one face.
    inception: see `Inception`. Raises InputError where no face is found in the clip, a style needs landmarks that the
    photos lack, or the file of Inception is another.
    """
    network = EfficientNetLite0()
    networks: dict[str, FeatureNetwork] = {"": network}
    if inception is not None:
        networks["inception_"] = Inception(inception)
    side = photos.images.shape[1]
    with detector() as detect:
        film = steadiness.crops(clip, side, detect) if clip else None
        drawn = measures.draw(photos, engines, detect)
        steps = (
            partial(measures.against_cartoons, drawn, cartoons, networks),
            partial(measures.against_photos, drawn, network),
            partial(measures.flicker, photos, engines, detect),
            partial(measures.against_teacher, drawn, photos, engines),
            partial(measures.identity, drawn),
            partial(measures.along_clip, film, engines, detect),
            partial(measures.proportions, photos, cartoons, engines),
            partial(measures.speed, photos, engines),
        )
        measured: dict[str, Measures] = {name: {} for name in drawn}
        for step in tqdm(steps, desc="measure", unit="step"):
            for name, values in step().items():
                measured[name] |= values
    import onnxruntime  # late, after toonstream_engines has switched its telemetry off

    setting = {
        "photos": len(photos),
        "cartoons": len(cartoons),
        "target": "cartoons" if cartoons.drawings is None else "drawings",
        "networks": [one.name for one in networks.values()],
        "ms_ssim_scales": distances.scales(side),
        "flicker_photos": min(measures.STILLS, len(photos)),
        "flicker_sigma": steadiness.SIGMA,
        "clip_frames": 0 if film is None else len(film),
        "faces_in_photos": int(np.isfinite(drawn["photo"].points).all((1, 2)).sum()),
        "machine": f"{platform.machine()}, ONNX Runtime {onnxruntime.__version__}, fp32",
        "generators": {
            name: {"file": engine.model.path.name, "sha256": engine.model.sha256, "interface": interface(engine)}
            for name, engine in engines.items()
        },
    }
    return Evaluation(setting, measured, {name: one.pictures for name, one in drawn.items()})
