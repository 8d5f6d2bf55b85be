"""A measuring process of its own: the job comes as JSON, and what was measured goes into a file."""

import json
import sys
from pathlib import Path

import cv2
from toonstream_engines import load_style
from toonstream_engines.errors import UserError

from toonstream.bench.files import file, floor
from toonstream.bench.job import Job, Measured
from toonstream.bench.live_loop import live
from toonstream.bench.stages import stages


def opened(job: Job) -> Measured:
    """What the engine really is. The first time, it is built and proved here, so that no other turn waits for it."""
    with job.engine() as engine:
        name = engine.model.path.stem if job.external else load_style(job.style).name
        return {"name": name, "engine": engine.description, "sha256": engine.model.sha256}


KINDS = {"opened": opened, "floor": floor, "file": file, "stages": stages, "live": live}


def peak_memory() -> float | None:
    """The most that this process had in memory at any time, in MB; None where the system does not tell."""
    try:
        # Linux hands getrusage's figure down from the parent process.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return None


def main() -> int:
    """`python -m toonstream.bench.worker JOB RESULT`"""
    job, result = Job.of_json(sys.argv[1]), Path(sys.argv[2])
    cv2.setNumThreads(1)  # as the converter does
    try:
        measured = KINDS[job.kind](job) | {"memory": peak_memory()}
    except UserError as error:
        measured = {"error": str(error), "status": error.status}
    result.write_text(json.dumps(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
