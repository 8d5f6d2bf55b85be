"""What is to be done: all jobs but those that are done and unchanged, failed before, or may not replace a file."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from toonstream_engines.errors import UserError

from toonstream.batch.inputs import Job
from toonstream.batch.manifest import Manifest, Record
from toonstream.batch.task import Settings
from toonstream.sinks.output import check_output, failure


@dataclass
class Plan:
    todo: list[Job] = field(default_factory=list)
    done: list[Record] = field(default_factory=list)
    failed: list[Record] = field(default_factory=list)
    """In an earlier run, with the same settings, and not to be tried again."""
    refused: list[UserError] = field(default_factory=list)


def make_plan(jobs: Iterable[Job], manifest: Manifest, settings: Settings, retry_failed: bool) -> Plan:
    """What is done stays, where all may be overwritten too: that is for what other settings made, or other people.

    Raises OSError where the manifest cannot be read.
    """
    plan, records, noted = Plan(), manifest.read(), settings.noted()
    for job in jobs:
        if record := records.result(job, noted):
            plan.done.append(record)
        elif (record := records.failure(job, noted)) and not retry_failed:
            plan.failed.append(record)
        else:
            output = manifest.folder / job.output
            try:
                if output.parent.is_dir():  # else a worker makes it
                    check_output(output, job.source, settings.overwrite)
                plan.todo.append(job)
            except UserError as error:
                plan.refused.append(error)
            except OSError as error:  # of a name that is too long, say
                plan.refused.append(failure(output, error))
    return plan
