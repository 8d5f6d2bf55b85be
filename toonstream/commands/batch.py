"""`toonstream batch INPUT... -o FOLDER`: many files at once, on this machine or on many, by Dask."""

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from toonstream_engines import load_style
from toonstream_engines.errors import InputError

from toonstream.commands.options import add_style_options, heed_interrupts
from toonstream.commands.parser import Parser, nonempty, number_from
from toonstream.sinks.encoders import find_encoder

if TYPE_CHECKING:
    from distributed import Client

    from toonstream.batch.inputs import Job
    from toonstream.batch.report import Report
    from toonstream.batch.task import Settings


def run(arguments: list[str]) -> int:
    options = _parse(arguments)
    heed_interrupts()
    from toonstream.batch import cluster  # here, since it needs Dask: it tells where that is missing
    from toonstream.batch.inputs import find_jobs
    from toonstream.batch.manifest import Manifest
    from toonstream.batch.plan import make_plan
    from toonstream.batch.report import Report
    from toonstream.batch.scratch import sweep
    from toonstream.batch.style import PackedStyle
    from toonstream.batch.task import Settings

    start = time.monotonic()
    if options.encoder:
        find_encoder(options.encoder)
    style = PackedStyle.of(load_style(options.style))
    folder = _folder(options.output)
    settings = Settings(folder, style.sha256, options.faces, options.encoder, options.backend, options.overwrite)
    jobs, problems = find_jobs(_names(options.input), folder)
    places = {(folder / job.output).parent for job in jobs}
    sweep(places)
    manifest = Manifest(folder)
    try:
        plan = make_plan(jobs, manifest, settings, retry_failed=options.retry_failed)
        if plan.todo:
            manifest.begin()
    except (OSError, NotImplementedError) as error:  # the latter where there are no locks
        raise InputError(f"{folder}: nothing can be kept there ({error}); name another output folder") from error
    report = Report(done_before=len(plan.done))
    for amiss in (*problems, *plan.refused):
        report.fail(str(amiss), amiss.status)
    for record in plan.failed:
        report.fail(f"{record['error']} (in an earlier run; --retry-failed tries again)", record["status"])
    for failure in report.failures:
        print(f"toonstream: {failure}", file=sys.stderr)
    if plan.todo:
        workers: AbstractContextManager[Client]
        if options.cluster == "local":
            workers = cluster.local_cluster(len(plan.todo), options.backend, options.dashboard)
        else:
            if cluster.is_scheduler_file(options.cluster) and not os.path.exists(options.cluster):
                print(f"toonstream: {options.cluster}: no scheduler has written it yet; waiting", file=sys.stderr)
            workers = cluster.cluster_at(options.cluster)
        try:
            with workers as client:
                report.dashboard = cluster.dashboard(client)
                if not (options.quiet or options.json):
                    shown = f"; dashboard: {report.dashboard}" if report.dashboard else ""
                    print(f"{len(plan.todo)} of {len(jobs)} files to do{shown}", flush=True)
                if not client.nthreads():
                    print("toonstream: no worker is there yet; waiting for the first", file=sys.stderr)
                client.wait_for_workers(1)
                with cluster.prepared(client, settings, style, plan.todo) as setup:
                    _work(client, setup, plan.todo, settings, options, report)
        except KeyboardInterrupt:
            print("toonstream: interrupted; the same command goes on from here", file=sys.stderr)
            raise
        finally:
            sweep(places)  # workers of this machine have ended
    report.seconds = time.monotonic() - start
    if options.json:
        print(report.to_json())
    elif not options.quiet:
        print(report.table())
    return report.status


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="toonstream batch",
        usage="toonstream batch INPUT... -o FOLDER [options]",
        description="Turn the faces of many files into cartoons, on all cores of this machine or on many machines.",
        examples=(
            "toonstream batch Season1/ -o out/            # the folder's tree is kept: out/Season1/...",
            'toonstream batch "lectures/**/*.mp4" -o out/ # the same command again goes on with what is not done',
            "find . -name '*.mkv' | toonstream batch - -o out/ --style anime",
            "toonstream batch Season1/ -o /shared/out/ --cluster tcp://10.0.0.5:8786",
        ),
    )
    parser.add_argument(
        "input",
        nargs="+",
        type=nonempty,
        metavar="INPUT",
        help="a file, a folder, a pattern; -: a list of them on stdin, one a line or with a NUL after each",
    )
    parser.add_argument("-o", "--output", required=True, type=nonempty, metavar="FOLDER", help="where the results go")
    add_style_options(parser)
    parser.add_argument("--encoder", help="the video encoder, by FFmpeg's name [libx264]")
    parser.add_argument("--overwrite", action="store_true", help="replace what exists and was not made like this")
    parser.add_argument(
        "--cluster",
        default="local",
        type=nonempty,
        metavar="ADDRESS|local",
        help="a Dask scheduler's address or its file; local starts workers on this machine [local]",
    )
    parser.add_argument(
        "--retries", type=number_from(0), default=2, metavar="N", help="how often a file that fails is tried again [2]"
    )
    parser.add_argument("--retry-failed", action="store_true", help="try what failed in an earlier run, too")
    parser.add_argument(
        "--dashboard",
        default="127.0.0.1:8787",
        type=nonempty,
        metavar="HOST:PORT",
        help="where Dask shows the workers of this machine [%(default)s]",
    )
    parser.add_argument("--json", action="store_true", help="print what came of it as JSON")
    return parser.parse_args(arguments)


def _names(inputs: Sequence[str]) -> Iterator[str]:
    for name in inputs:
        if name != "-":
            yield name
            continue
        if isinstance(sys.stdin, TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape", newline="")  # a name may be of any bytes
        listed = sys.stdin.read()
        yield from filter(None, listed.split("\0") if "\0" in listed else re.split("\r?\n", listed))


def _folder(output: str) -> Path:
    """The output folder, absolute; it is there then."""
    folder = Path(output).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror}; name a folder") from error
    return folder


def _work(
    client: "Client",
    setup: str,
    jobs: Sequence["Job"],
    settings: "Settings",
    options: argparse.Namespace,
    report: "Report",
) -> None:
    """Does the jobs, and shows how far they are."""
    from toonstream.batch import tries
    from toonstream.batch.progress import Progress

    with closing(Progress(jobs, options.quiet)) as progress:
        for job, outcome in tries.run(client, setup, jobs, settings, options.retries, progress.hear, progress.tick):
            progress.end(job, outcome)
            if outcome.record:
                report.made.append(outcome.record)
                lines = [f"{job.source}: {notice}" for notice in outcome.record["notices"]]
            else:
                report.fail(outcome.error, outcome.status)
                lines = [outcome.error, *outcome.note(job, settings)]
            for line in lines:
                progress.say(line)
