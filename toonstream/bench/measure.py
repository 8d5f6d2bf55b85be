"""The measuring: everything takes its turn, round by round, so that what else the machine does falls on all alike."""

import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toonstream_engines import load_style, probe
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.external import parse_external

from toonstream.bench.clip import RATE, make_clip
from toonstream.bench.job import FORMAT, Job, Measured
from toonstream.bench.machine import machine, versions
from toonstream.choose import open_source
from toonstream.sinks.containers import output_suffix

LIMIT = 2
"""Turns may take so many times the clip's own length; what is slower draws fewer of its frames."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What to measure. Every style and external model is drawn by every backend in every precision, on every clip.

    backends, precisions: empty for all. sizes: (width, height) of clips to make, each with each number of faces; with
    `input` there are none, and faces are how many to draw, the largest first, empty for all.
    """

    styles: Sequence[str]
    externals: Sequence[str]
    backends: Sequence[str]
    precisions: Sequence[str]
    sizes: Sequence[tuple[int, int]]
    faces: Sequence[int]
    input: Path | None
    seconds: float
    rounds: int


@dataclass
class Row:
    """One way to draw one clip."""

    clip: int
    job: Job
    found: dict[str, Any]
    """As in the JSON: what opening it returned, then a list of measured turns for each kind."""


def measure(
    wanted: Wanted, warn: Say, say: Say, progress: Callable[[list[tuple[Job, list[Measured]]]], Iterable[Any]]
) -> Measured:
    """Everything wanted, as it goes into the JSON.

    warn: takes a line for what cannot be measured. say: takes a line for each step. progress: wraps the list of turns,
    for a progress bar. Raises UserError where nothing can be measured, or a turn fails.
    """
    for external in wanted.externals:
        parse_external(external)  # a file that is not there is told before minutes of measuring
    try:
        temporary = tempfile.TemporaryDirectory(prefix="toonstream-bench-")
    except OSError as error:
        raise UserError(f"no folder for temporary files ({error.strerror}); name one in TMPDIR") from error
    with temporary as name:
        folder = Path(name)
        result = {
            "format": FORMAT,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "versions": versions(),
            "rounds": wanted.rounds,
        }
        given = _given(wanted.input, wanted, folder) if wanted.input else None
        drawing = _drawing(wanted, warn, say, folder)
        if not drawing:
            raise UserError("none of these styles, backends and precisions runs here")
        clips, jobs = given or _made(wanted, say, folder)
        rows = [
            Row(clip, replace(job, input=base.input, output=base.output, faces=base.faces), dict(found))
            for clip, base in enumerate(jobs)
            for job, found in drawing
        ]
        floors: list[list[Measured]] = [[] for _ in clips]
        turns: list[tuple[Job, list[Measured]]] = []
        for number in range(wanted.rounds):
            for clip, job in enumerate(jobs):
                turns.append((replace(job, kind="floor"), floors[clip]))
                mine = [row for row in rows if row.clip == clip]
                for row in mine if number % 2 == 0 else mine[::-1]:
                    turns.append((replace(row.job, kind="file"), row.found.setdefault("file", [])))
                    turns.append((replace(row.job, kind="stages"), row.found.setdefault("stages", [])))
                    live = replace(row.job, kind="live", seconds=wanted.seconds)
                    turns.append((live, row.found.setdefault("live", [])))
        for job, measured in progress(turns):
            measured.append(take(job, folder))
        result["clips"] = [clip | {"floor": floor} for clip, floor in zip(clips, floors, strict=True)]
        result["rows"] = [{"clip": row.clip, **row.found} for row in rows]
        return result


def take(job: Job, folder: Path) -> Measured:
    """One turn in a process of its own. Raises UserError where it fails."""
    path = folder / "turn.json"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-P", "-m", "toonstream.bench.worker", job.to_json(), str(path)]
    start = time.perf_counter()
    process = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    seconds = time.perf_counter() - start
    if process.returncode:
        last = (process.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(
            f"{job.style or job.external or job.input}: measuring failed with exit status {process.returncode}: {last}"
        )
    measured: Measured = json.loads(path.read_text())
    if "error" in measured:
        raise (InputError if measured["status"] == InputError.status else UserError)(measured["error"])
    return measured | {"process_seconds": seconds}


def _given(path: Path, wanted: Wanted, folder: Path) -> tuple[list[Measured], list[Job]]:
    """What the JSON says of a clip of the user's, and jobs that lack no more than their kind and who draws."""
    with open_source(path) as source:
        if not source.rate or source.length == 1:
            raise InputError(f"{path}: one picture; a frame rate takes a video")
        (width, height), frames, rate = source.size, source.length, float(source.rate)
    sha256, clips, jobs = _sha256(path), [], []
    for faces in wanted.faces or (None,):
        title = f"{path.name}, {width}x{height}, {'all faces' if faces is None else _count(faces)}"
        clips.append(_about(title, width, height, frames, rate, sha256))
        jobs.append(_job(path, folder, wanted.seconds, faces))
    return clips, jobs


def _made(wanted: Wanted, say: Say, folder: Path) -> tuple[list[Measured], list[Job]]:
    """The same of clips that are made here."""
    clips, jobs = [], []
    frames = max(2, round(RATE * wanted.seconds))
    for width, height in wanted.sizes:
        for faces in wanted.faces or (1,):
            path = folder / f"{width}x{height}-{faces}.mp4"
            title = f"{width}x{height}, {_count(faces)}"
            say(f"making a clip: {title}, {frames} frames")
            sha256 = make_clip(path, width, height, faces, frames)
            clips.append(_about(title, width, height, frames, float(RATE), sha256))
            jobs.append(_job(path, folder, wanted.seconds, None))
    return clips, jobs


def _about(title: str, width: int, height: int, frames: int | None, rate: float, sha256: str) -> Measured:
    return {"title": title, "width": width, "height": height, "frames": frames, "rate": rate, "sha256": sha256}


def _job(clip: Path, folder: Path, seconds: float, faces: int | None) -> Job:
    return Job("", str(clip.absolute()), str(folder / f"out{output_suffix(clip.suffix)}"), LIMIT * seconds, faces=faces)


def _drawing(wanted: Wanted, warn: Say, say: Say, folder: Path) -> list[tuple[Job, Measured]]:
    """Every way to draw that opens, as a job, with its description; opening also builds and verifies it, once."""
    found = []
    for style, external in [(style, "") for style in wanted.styles] + [("", external) for external in wanted.externals]:
        stored = {model.precision for model in load_style(style).models.values()} if style else {"fp32"}
        for backend in wanted.backends or ["auto"]:
            for there, precision in probe.ways(stored, backend):
                if wanted.precisions and precision not in wanted.precisions:
                    continue
                job = Job("opened", "", "", LIMIT * wanted.seconds, style, external, there, precision)
                say(f"opening {style or external}: {there}, {precision}")
                try:
                    opened = take(job, folder)
                except UserError as error:
                    warn(f"left out: {error}")
                else:
                    found.append((job, {key: opened[key] for key in ("name", "engine", "sha256")}))
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _count(faces: int) -> str:
    return f"{faces} face" + "s" * (faces != 1)
