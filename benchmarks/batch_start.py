"""What `toonstream batch` takes to see that many files are done: python benchmarks/batch_start.py [--files N]

It makes N small files and an output folder that says of each that it is done, then has the command look at all of them,
named in a list on standard input. It prints processor time, peak memory and the manifest's size. Not for Windows.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from socket import gethostname

from toonstream_engines import load_style
from toonstream_engines.style import DEFAULT

from toonstream import __version__
from toonstream.batch.inputs import find_jobs
from toonstream.batch.manifest import Manifest, fingerprint
from toonstream.batch.style import PackedStyle
from toonstream.batch.task import Settings

BYTES = 1000
"""Of each file, whose contents nobody looks at: its size and time are those that were noted."""


def make_done(folder: Path, output: Path, files: int) -> list[str]:
    """Makes the files, their results and the manifest; returns the files' names."""
    folder.mkdir()
    names = [str(folder / f"Episode {index:06}.mp4") for index in range(files)]
    for name in names:
        Path(name).write_bytes(bytes(BYTES))
    output.mkdir()
    settings = Settings(output, PackedStyle.of(load_style(DEFAULT)).sha256).noted()
    manifest = Manifest(output)
    manifest.begin()
    with manifest.path.open("a") as lines:  # by itself it locks the file for each
        for job in find_jobs(names, output)[0]:
            result = output / job.output
            result.write_bytes(bytes(BYTES))
            record = {
                "output": job.output,
                "input": {"path": str(job.source), **fingerprint(job.source)},
                "settings": settings,
                "result": fingerprint(result),
                "frames": 1000,
                "faces": 1,
                "seconds": 10.0,
                "notices": [],
                "engine": "ONNX Runtime, CPU, fp32",
                "machine": gethostname(),
                "version": __version__,
            }
            lines.write(json.dumps(record, separators=(",", ":")) + "\n")
    return names


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "out"
        names = make_done(Path(place) / "in", output, options.files)
        size = Manifest(output).path.stat().st_size
        command = [sys.executable, "-m", "toonstream", "batch", "-", "-o", str(output)]
        done = subprocess.run(command, input="\n".join(names), text=True, stdout=subprocess.PIPE)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(done.stdout, end="")
    seconds, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    print(f"{seconds:.1f} s of processor time, {peak:.0f} MB, {size / 1e6:.0f} MB of manifest")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
