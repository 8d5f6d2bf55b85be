"""Trains styles of the shipped looks within a fixed time, on a machine with a CUDA device: draws, then fits.

They learn by regression alone: the shipped styles' adversarial steps, which follow it, are left out.

    python -m toonstream_train.gpu_styles photos.pack out --minutes 9

photos.pack: photos with dense landmarks, as `prepare` and `compress` make it. A run goes on where it was: drawings and
checkpoints in `out` are kept. Each style's share of the time is the same.
"""

import argparse
import dataclasses
import os
import time
from pathlib import Path

import torch
from lightning_fabric import Fabric

from toonstream_train.commands.fit import preset
from toonstream_train.core import settings
from toonstream_train.core.forecast import forecast
from toonstream_train.core.trainer import Trainer
from toonstream_train.data import pack
from toonstream_train.data.drawings import draw_all
from toonstream_train.drawing import LOOKS
from toonstream_train.recipes.drawing_student import DrawingStudent, DrawingStudentSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--looks", nargs="+", choices=LOOKS, default=list(LOOKS))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    photos = pack.load(options.photos)
    end = time.monotonic() + 60 * options.minutes
    for i, look in enumerate(options.looks):
        folder, blinks, webcams = options.out / f"drawings-{look}", len(photos) // 20, len(photos) // 6
        drawn = draw_all(photos, look, folder, os.cpu_count() or 1, blinks=blinks, webcams=webcams)
        seconds = (end - time.monotonic()) / (len(options.looks) - i)
        chosen = settings.read(DrawingStudent.defaults, preset("drawing_student", look), [f"batch={options.batch}"])
        steps = fit(drawn, chosen, options.out / look, options.device, seconds)
        print(f"{look}: {steps} steps", flush=True)


def fit(photos: pack.Pack, chosen: DrawingStudentSettings, folder: Path, device: str, seconds: float) -> int:
    """As many more steps as `seconds` allow; the number of all."""
    fabric = Fabric(accelerator=device, precision="bf16-mixed", devices=1)

    def trainer(steps: int) -> Trainer:
        torch.manual_seed(chosen.training.seed)
        made = Trainer(DrawingStudent(dataclasses.replace(chosen, steps=steps, adversarial_steps=0)), folder, fabric)
        made.feed({"photos": photos})
        return made

    begun = time.monotonic()
    endless = trainer(1_000_000)
    pace = forecast(endless)[0].seconds
    steps = endless.step + max(1, int(0.9 * (seconds - (time.monotonic() - begun)) / pace))
    trainer(steps).fit(photos)
    return steps


if __name__ == "__main__":
    main()
