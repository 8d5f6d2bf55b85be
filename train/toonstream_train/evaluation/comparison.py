"""Methods trained alike, and the table that compares them: what `toonstream-train compare` is made of."""

import math
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toonstream_engines.errors import UserError

from toonstream_train.core import checkpoint
from toonstream_train.core.curves import read_curves
from toonstream_train.core.signals import stop_signals
from toonstream_train.data.pack import spread
from toonstream_train.evaluation.cells import Image, cell
from toonstream_train.evaluation.evaluation import Evaluation
from toonstream_train.evaluation.methods import Method
from toonstream_train.evaluation.report import ROWS

MEASURES = (
    "kernel_distance",
    "frechet_distance",
    "perceptual_distance",
    "hue_distance",
    "landmark_discrepancy",
    "landmark_error",
    "not_found",
    "identity_distance",
    "flicker",
    "milliseconds",
)
"""Columns of the table, of those that `report.ROWS` describes."""
FACES, SIDE = 12, 128
"""Of the picture: how many faces, and pixels of each."""
FAILURE = "toonstream-train: "
"""What a command says before the reason why it failed."""


@dataclass
class Run:
    """A method's training in a folder of its own."""

    name: str
    method: Method
    folder: Path
    steps: int
    """In all of its stages."""
    options: list[str]
    """What `toonstream-train fit` is given besides."""
    trouble: str = ""
    """What kept it from being trained or exported."""

    @property
    def log(self) -> Path:
        return self.folder.with_name(f"{self.name}.log")  # a name may have a point

    @property
    def style(self) -> Path:
        """Where it is exported to."""
        return self.folder.parent / "styles" / self.name

    def done(self) -> int:
        """Steps so far."""
        path = self.folder / "checkpoint.pt"
        return int(checkpoint.load(path, self.method.recipe)["step"]) if path.is_file() else 0

    def seconds(self) -> float | None:
        """A step, the median."""
        paces = read_curves(self.folder).get("seconds/step")
        return statistics.median(paces.values()) if paces else None

    def start(self) -> "subprocess.Popen[bytes]":
        """Train in a process of its own, which goes on where the folder's checkpoint stands.

        Raises UserError where its log cannot be written.
        """
        command = [sys.executable, "-m", "toonstream_train", "fit", self.method.recipe, "--out", str(self.folder)]
        try:
            log = self.log.open("wb")
        except OSError as error:
            raise UserError(f"{self.log}: cannot be written ({error.strerror}); give another --out") from error
        with log:
            return subprocess.Popen([*command, *self.options], stdout=log, stderr=subprocess.STDOUT)

    def failed(self) -> None:
        """Take in why."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        told = [line.removeprefix(FAILURE) for line in lines if line.startswith(FAILURE)]
        self.trouble = told[-1] if told else f"see {self.log}"


def train(runs: Sequence[Run], minutes: float | None, at_once: int = 1) -> None:
    """Train each to its last step, those that are furthest behind first, or as far as `minutes` for all of them allow.

    Each gets an equal share of the time that is left when it starts. Raises UserError when told to stop; what was
    learned is saved.
    """
    waiting = sorted((run for run in runs if run.done() < run.steps), key=lambda run: run.done())
    end = math.inf if minutes is None else time.monotonic() + 60 * minutes
    at_work: dict[str, tuple[Run, subprocess.Popen[bytes], float]] = {}
    stopped: set[str] = set()
    with stop_signals() as stop:
        while at_work or (waiting and time.monotonic() < end and not stop):
            now = time.monotonic()
            while waiting and len(at_work) < at_once and now < end and not stop:
                share = (end - now) * min(1.0, at_once / len(waiting))
                run = waiting.pop(0)
                print(f"{run.name}: from step {run.done():,} of {run.steps:,}", flush=True)
                at_work[run.name] = run, run.start(), now + share
            for name, (run, process, until) in list(at_work.items()):
                if (stop or now > until) and name not in stopped:
                    process.terminate()  # fit saves, and ends
                    stopped.add(name)
                if process.poll() is not None:
                    del at_work[name]
                    if process.returncode and name not in stopped:
                        run.failed()
                    print(f"{run.name}: {run.trouble or f'step {run.done():,} of {run.steps:,}'}", flush=True)
            time.sleep(0.1)
    if stop:
        raise UserError("stopped; the same command goes on")


def picture(evaluation: Evaluation) -> list[list[Image]]:
    """A row for the photos and each method, under its name, a column for each of the same faces."""
    return [
        [
            cell(pictures[i], name if column == 0 else "", SIDE)
            for column, i in enumerate(faces_of_picture(len(pictures)))
        ]
        for name, pictures in evaluation.toons.items()
    ]


def faces_of_picture(count: int) -> list[int]:
    """Spread over all."""
    return [int(i) for i in spread(count, FACES)]


def table(runs: Sequence[Run], evaluations: Mapping[str, Evaluation]) -> str:
    """In Markdown, a row for each method, and of each direction one for the pictures as they were.

    evaluations: by direction.
    """
    any_one = next(iter(evaluations.values()), None)
    network = any_one.setting["networks"][0] if any_one else ""
    sigma = any_one.setting["flicker_sigma"] if any_one else math.nan
    labels = [ROWS[key][0].strip().format(network=network, sigma=sigma) for key in MEASURES]
    lines = [
        "| " + " | ".join(["method", "direction", *labels, "seconds a step", "steps"]) + " |",
        "|" + " --- |" * (len(labels) + 4),
    ]

    def row(name: str, direction: str, paces: Sequence[str]) -> str:
        measures = evaluations[direction].measures.get(name, {}) if direction in evaluations else {}
        return "| " + " | ".join([name, direction, *(number(measures, key) for key in MEASURES), *paces]) + " |"

    lines += [row("photo", direction, ("", "")) for direction in evaluations]
    for run in runs:
        seconds, done = run.seconds(), run.done()
        told = [f"{done:,} of {run.steps:,}"] if run.steps else []
        if run.trouble:
            told = [*told, run.trouble] if done else [f"not run: {run.trouble}"]
        pace = "" if seconds is None else f"{seconds:.2g}"
        lines.append(row(run.name, run.method.direction, (pace, "; ".join(told))))
    return "\n".join(lines) + "\n"


def number(measures: Mapping[str, float], key: str) -> str:
    """A measure as `report.ROWS` has it written; "" where it was not measured."""
    value = measures.get(key, math.nan)
    return "" if math.isnan(value) else f"{value * ROWS[key][1]:.{ROWS[key][2]}f}"
