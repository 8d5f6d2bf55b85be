"""An evaluation as JSON, as a table and as a picture."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from toonstream_engines.errors import UserError
from toonstream_engines.table import columns

from toonstream_train.evaluation.colour import TONES
from toonstream_train.evaluation.evaluation import Evaluation

ROWS = {
    "kernel_distance": ("kernel distance x 1000, {network}", 1000, 2),
    "kernel_deviation": ("  its deviation over subsets", 1000, 2),
    "frechet_distance": ("Frechet distance, {network}", 1, 2),
    "inception_kernel_distance": ("KID x 1000", 1000, 2),
    "inception_kernel_deviation": ("  its deviation over subsets", 1000, 2),
    "inception_frechet_distance": ("FID", 1, 2),
    "perceptual_distance": ("perceptual distance, {network}", 1, 3),
    "similarity": ("MS-SSIM of pairs, {scales} scales", 1, 3),
    "hue_distance": ("hue distance", 1, 3),
    "lightness_change": ("lit skin, change of L*, {group} ({count})", 1, 1),
    "chroma_change": ("lit skin, change of chroma, {group} ({count})", 1, 1),
    "landmark_discrepancy": ("contour MMD^2 x 1000, Gaussian of the cartoons' median distance", 1000, 1),
    "landmark_error": ("landmark error, % of eye distance", 1, 2),
    "teacher_landmark_error": ("  against where the teacher has them", 1, 2),
    "left_skin": ("left of the way to the drawings, skin", 1, 2),
    "left_eyes": ("  eyes", 1, 2),
    "left_rest": ("  the rest of the person", 1, 2),
    "iris_colour": ("colour of irises, change over the teacher's (slope)", 1, 2),
    "eye_sharpness": ("sharpness of the eyes, of the teacher's", 1, 2),
    "not_found": ("faces not found", 1, 0),
    "blink": ("eye opening kept (correlation)", 1, 3),
    "mouth": ("mouth opening kept (correlation)", 1, 3),
    "gaze_across": ("gaze kept, left and right (correlation)", 1, 3),
    "gaze_down": ("  up and down", 1, 3),
    "clip_blink": ("eye opening along the clip (correlation)", 1, 3),
    "clip_blink_slope": ("  slope, drawn over filmed", 1, 2),
    "clip_mouth": ("mouth opening along the clip (correlation)", 1, 3),
    "clip_mouth_slope": ("  slope, drawn over filmed", 1, 2),
    "clip_gaze_across": ("gaze along the clip, left and right (correlation)", 1, 3),
    "clip_gaze_down": ("  up and down", 1, 3),
    "identity_distance": ("identity distance, dlib", 1, 3),
    "flicker": ("flicker, noise of sigma {sigma:g}", 1, 2),
    "noise_response": ("  against the clean picture", 1, 2),
    "warping_error": ("warping error, steps of 255", 1, 2),
    "warping_ratio": ("  over the warped photo's own", 1, 2),
    "milliseconds": ("milliseconds a face", 1, 1),
    "milliseconds_512": ("  at twice the size", 1, 1),
}
"""Measure -> its label, what it is multiplied by, decimals; in the table's order."""

COLUMNS = 10
LABEL = 28
"""Height in pixels of a name above its row of pictures."""


def write(evaluation: Evaluation, folder: Path, columns: Sequence[int]) -> str:
    """Write evaluation.json, evaluation.txt and evaluation.png, with the photos of the index `columns`.

    Returns the table. Raises UserError where they cannot be written.
    """
    text = table(evaluation)
    measures = json.dumps(_plain({"setting": evaluation.setting, "measures": evaluation.measures}), indent=1)
    shown = cv2.cvtColor(picture(evaluation, columns), cv2.COLOR_RGB2BGR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "evaluation.json").write_text(measures + "\n", encoding="utf-8")
        (folder / "evaluation.txt").write_text(text, encoding="utf-8")
        (folder / "evaluation.png").write_bytes(cv2.imencode(".png", shown)[1].tobytes())
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); give another --out") from error
    return text


def table(evaluation: Evaluation) -> str:
    """A row for each measure, a column for each generator."""
    setting, measures = evaluation.setting, evaluation.measures
    names = list(measures)
    lines = [["", *names]]
    for key, (label, factor, decimals) in ROWS.items():
        groups = list(TONES) if key in ("lightness_change", "chroma_change") else [""]
        for group in groups:
            values = [m.get(key, {}).get(group) if group else m.get(key) for m in measures.values()]
            if all(value is None for value in values):
                continue
            title = label.format(
                network=setting["networks"][0],
                scales=setting["ms_ssim_scales"],
                sigma=setting["flicker_sigma"],
                group=group,
                count=_range([m["skin_photos"].get(group, 0) for m in measures.values() if "skin_photos" in m]),
            )
            sign = "+" if group else ""
            numbers = ["" if v is None or math.isnan(v) else f"{v * factor:{sign}.{decimals}f}" for v in values]
            lines.append([title, *numbers])
    head = (
        f"{setting['photos']} photos, {setting['cartoons']} target {setting['target']}, "
        f"{setting['flicker_photos']} stills, {setting['clip_frames']} frames of a clip; {setting['machine']}"
    )
    return "\n".join([head, "", *columns(lines)]) + "\n"


def _range(counts: Sequence[int]) -> str:
    """Generators in whose toons no face is found have fewer."""
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)})) if counts else "0"


def picture(evaluation: Evaluation, columns: Sequence[int]) -> NDArray[np.uint8]:
    """A row for the photos and each generator under its name, a column for each photo: (H, W, 3) RGB."""
    rows = []
    for name, pictures in evaluation.toons.items():
        row = np.hstack([pictures[i] for i in columns])
        label = np.full((LABEL, row.shape[1], 3), 255, np.uint8)
        cv2.putText(label, name, (6, LABEL - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
        rows += [label, row]
    return np.vstack(rows)


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
