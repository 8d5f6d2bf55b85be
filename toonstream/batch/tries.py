"""Hands the jobs out, as many as the workers take at a time, and tries again what fails.

Nothing waits at the scheduler, so its memory stays what it is whatever the number of jobs. Dask runs a task again whose
worker is gone; the task then finds what the dead one left (task.py), and comes back at once. Such a job may be what
kills workers: it waits until the others are done, and is then tried on a worker that has no other job, a few times at
most.
"""

import pickle
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass

from distributed import Client, Future, KilledWorker, get_worker
from distributed.client import ClosedClientError
from toonstream_engines.errors import UserError

from toonstream.batch.cluster import check_setup, slots, tell
from toonstream.batch.inputs import Job
from toonstream.batch.task import Outcome, Settings, convert

TICK_SECONDS = 1.0

Hear = Callable[[str | tuple[str, int, int | None]], None]
"""Given what workers say: why one gets no files; or a job's output, its frames done, and about how many it has."""


@dataclass
class _Try:
    job: Job
    failures: int = 0
    suspect: bool = False
    """Whether a worker has died of it, or of another job beside it."""
    deaths: int = 0
    """Of workers that had no other job."""


def run(
    client: Client,
    setup: str,
    jobs: Sequence[Job],
    settings: Settings,
    retries: int,
    hear: Hear,
    tick: Callable[[int], None],
) -> Iterator[tuple[Job, Outcome]]:
    """Each job with its last outcome, as they end. Raises UserError where the scheduler is lost.

    setup: the name that cluster.prepared gave. retries: how often a job is tried again. tick: called about once a
    second, with the number of workers.
    """
    client.subscribe_topic(setup, lambda event: hear(pickle.loads(event[1])))
    waiting, suspects = deque(_Try(job) for job in jobs), deque[_Try]()
    ended: queue.Queue[Future[Outcome]] = queue.Queue()
    flying: dict[Future[Outcome], _Try] = {}
    looked = -TICK_SECONDS
    try:
        while waiting or suspects or flying:
            if (now := time.monotonic()) - looked >= TICK_SECONDS:
                looked = now
                places, workers, needs = slots(client)
                tick(workers)
            alone = not waiting and all(one.suspect for one in flying.values())
            source, most = (suspects, workers) if alone else (waiting, places)
            while source and len(flying) < most:
                one = source.popleft()
                key = f"toonstream-{uuid.uuid4().hex}"
                future = client.submit(_run, one.job, settings, setup, key=key, resources=needs, pure=False)
                flying[future] = one
                future.add_done_callback(ended.put)
            for future in _take(ended):
                one = flying.pop(future)
                outcome = _outcome(future)
                future.release()
                if outcome is None or not (outcome.record or outcome.error):
                    one.deaths += one.suspect
                    one.suspect = True
                    if one.deaths <= retries:
                        suspects.append(one)
                        continue
                    outcome = Outcome(error=f"{one.job.source}: its worker died, {one.deaths} times alone", status=1)
                elif outcome.error and outcome.status == UserError.status and one.failures < retries:
                    one.failures += 1
                    (suspects if one.suspect else waiting).append(one)
                    continue
                yield one.job, outcome
            if client.status == "closed":
                raise UserError("the scheduler is lost; the same command goes on from here")
    finally:
        with suppress(ClosedClientError):  # then there is nothing to take back
            client.unsubscribe_topic(setup)
            client.cancel(list(flying))


def _run(job: Job, settings: Settings, setup: str) -> Outcome:
    """On a worker."""
    worker = get_worker()
    check_setup(worker, setup)
    return convert(job, settings, lambda frames, length: tell(worker, setup, (job.output, frames, length)))


def _take(ended: "queue.Queue[Future[Outcome]]") -> "Iterator[Future[Outcome]]":
    """What has ended, at least one if there is one within a tick."""
    try:
        yield ended.get(timeout=TICK_SECONDS)
        while True:
            yield ended.get_nowait()
    except queue.Empty:
        return


def _outcome(future: "Future[Outcome]") -> Outcome | None:
    """None where workers died of it."""
    try:
        outcome: Outcome = future.result()
        return outcome
    except KilledWorker:
        return None
    except CancelledError as error:
        raise UserError(
            "the scheduler is lost, or has cancelled the batch; the same command goes on from here"
        ) from error
    except Exception as error:
        return Outcome(error=f"{type(error).__name__}: {error}", status=UserError.status)
