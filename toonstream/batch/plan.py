"""What is to be done: all jobs but those that are done and unchanged, failed before, or may not replace a file."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from toonstream_engines.errors import InputError

from toonstream.batch.inputs import Job
from toonstream.batch.manifest import Manifest, Record
from toonstream.batch.task import Settings
from toonstream.sinks.output import check_output


@dataclass
class Plan:
    todo: list[Job] = field(default_factory=list)
    done: list[Record] = field(default_factory=list)
    failed: list[Record] = field(default_factory=list)
    """In an earlier run, with the same settings, and not to be tried again."""
    refused: list[InputError] = field(default_factory=list)


def make_plan(jobs: Iterable[Job], manifest: Manifest, settings: Settings, retry_failed: bool) -> Plan:
    """What is done stays, where all may be overwritten too: that is for what other settings made, or other people."""
    plan, records, noted = Plan(), manifest.read(), settings.noted()
    for job in jobs:
        if record := records.result(job, noted):
            plan.done.append(record)
        elif (record := records.failure(job, noted)) and not retry_failed:
            plan.failed.append(record)
        else:
            try:
                output = manifest.folder / job.output
                if output.parent.is_dir():  # else a worker makes it
                    check_output(output, job.source, settings.overwrite)
                plan.todo.append(job)
            except InputError as error:
                plan.refused.append(error)
    return plan
