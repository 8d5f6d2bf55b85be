"""Several files in a process of their own: what brings it down, as a decoder or muxer may, costs one file."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from toonstream_engines.errors import UserError

from toonstream.commands.options import heed_interrupts
from toonstream.commands.parser import open_console

Work = Callable[[Sequence[Any], Callable[[int], None]], None]
_INTERRUPTED = 130


def run_isolated(work: Work, jobs: Sequence[Any]) -> int:
    """Runs work(jobs, tell) in a new process, and again with those that are left where a job brought that down.

    work: a module's; it calls `tell` with the exit status of each job as it is done. Returns the highest. A UserError
    that ends it is printed, and ends all. Raises KeyboardInterrupt once the process has ended for one.
    """
    highest = 0
    while jobs:
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("spawn").Process(target=_work, args=(work, jobs, sender))
        process.start()
        sender.close()
        done: list[int] = []
        try:
            with suppress(EOFError):
                while True:
                    done.append(receiver.recv())
            process.join()
        except KeyboardInterrupt:
            _end(process)
            raise
        highest = max([highest, *done])
        if process.exitcode == _INTERRUPTED:
            raise KeyboardInterrupt
        if process.exitcode in (0, 1, 2):
            return max(highest, process.exitcode)
        lost, jobs = jobs[len(done) : len(done) + 1], jobs[len(done) + 1 :]
        highest = max(highest, 1)
        for job in lost:
            source = job[0] if isinstance(job, tuple) else job
            print(f"toonstream: {source}: {_how(process.exitcode)}; please report this", file=sys.stderr)
    return highest


def _work(work: Work, jobs: Sequence[Any], sender: Connection) -> None:
    open_console()
    heed_interrupts()
    try:
        work(jobs, sender.send)
        status = 0
    except UserError as error:
        print(f"toonstream: {error}", file=sys.stderr)
        status = error.status
    except KeyboardInterrupt:
        status = _INTERRUPTED
    sys.exit(status)


def _end(process: BaseProcess) -> None:
    """Pass the interrupt on, and wait until what was done is safe; a console has sent it to both already."""
    if process.pid and os.name == "posix":
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGINT)
    process.join()


def _how(code: int | None) -> str:
    """What an exit code says about how a process ended."""
    name = f"code {code}"
    if code and code < 0:
        with suppress(ValueError):
            name = signal.Signals(-code).name
    return f"it brought the program down ({name})"
