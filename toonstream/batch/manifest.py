"""What an output folder holds, and what it was made of: a line of JSON for each result and each failure.

Lines rather than SQLite: workers on many machines write it, through whatever shares the folder, and SQLite's locks are
not to be relied on there (sqlite.org/useovernet.html). A line is one `write` at the end of the file (O_APPEND), under
a lock besides, which network file systems need; a torn line, of a machine that went down, is passed over.

A worker writes the line of a result before the result gets its name. So a line by itself proves nothing: a file is done
where a line describes it *and* the file of that description is there. Whatever dies at whatever moment, this holds.
"""

import errno
import hashlib
import json
import os
import stat
import uuid
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from toonstream.batch.inputs import Job

NAME = ".toonstream.jsonl"
FORMAT = 1
"""In the first line; one more where older lines would be misread."""
END_BYTES = 1 << 20

Record = dict[str, Any]
"""A line: `output`, `input`, `settings`, and then `result` with figures, or `error` with `status`."""


def fingerprint(path: Path) -> dict[str, Any]:
    """Size in bytes, time of the last change in nanoseconds, sha256 of the first and last megabyte. Raises OSError."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a file", str(path))  # a pipe would be waited for
    with path.open("rb") as file:
        is_now = os.fstat(file.fileno())
        digest = hashlib.sha256(file.read(END_BYTES))
        file.seek(max(is_now.st_size - END_BYTES, 0))
        digest.update(file.read(END_BYTES))
    return {"size": is_now.st_size, "time": is_now.st_mtime_ns, "sha256": digest.hexdigest()}


def is_same(path: Path, noted: Mapping[str, Any]) -> bool:
    """Whether the file is the one of that fingerprint; it is read only where its time alone differs."""
    try:
        is_now = path.stat()
        if is_now.st_size != noted["size"]:
            return False
        return is_now.st_mtime_ns == noted["time"] or bool(fingerprint(path)["sha256"] == noted["sha256"])
    except (OSError, KeyError, TypeError):
        return False


class Manifest:
    """Of one output folder. Any number of processes, on any machines, may write and read it at the same time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / NAME

    def begin(self) -> str:
        """Makes it where it is not there; returns the id in its first line. Raises OSError."""
        with self._lock():
            if not self.id():
                self._write({"toonstream": FORMAT, "id": uuid.uuid4().hex})
        return self.id()

    def id(self) -> str:
        """What its first whole line says it is; "" where none does: another machine's folder of the same name."""
        try:
            with self.path.open("rb") as file:
                for line in file:
                    with suppress(ValueError, KeyError, TypeError):  # a damaged one; `begin` has then written another
                        return str(json.loads(line)["id"])
        except OSError:
            pass
        return ""

    def append(self, record: Record) -> None:
        """Raises OSError; nothing is written then."""
        with self._lock():
            self._write(record)

    def read(self) -> "Records":
        """All records so far."""
        records: dict[str, list[Record]] = defaultdict(list)
        try:
            with self.path.open("rb") as file:
                for line in file:
                    try:
                        record = json.loads(line)
                        records[record["output"]].append(record)
                    except (ValueError, KeyError, TypeError):  # the first line, or a torn one
                        continue
        except FileNotFoundError:
            pass
        return Records(self.folder, records)

    def _lock(self) -> FileLock:
        return FileLock(self.path.with_suffix(".lock"))

    def _write(self, record: Record) -> None:
        data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass") + b"\n"
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(file).st_size
            if size and os.lseek(file, size - 1, os.SEEK_SET) and os.read(file, 1) != b"\n":
                data = b"\n" + data  # after a torn line
            try:
                if os.write(file, data) != len(data):
                    os.write(file, data[-1:])  # raises, as the disk is full
                    raise OSError("only a part of a line could be written")
            except OSError:
                os.ftruncate(file, size)
                raise
        finally:
            os.close(file)


class Records:
    """A manifest's lines, by output."""

    def __init__(self, folder: Path, records: Mapping[str, list[Record]]) -> None:
        self._folder, self._records = folder, records

    def result(self, job: Job, settings: Mapping[str, Any]) -> Record | None:
        """The line of the job's result, if that is there and whole, and its input and settings are still these."""
        for record in reversed(self._of(job, settings)):
            if "result" in record and is_same(self._folder / job.output, record["result"]):
                return record
        return None

    def failure(self, job: Job, settings: Mapping[str, Any]) -> Record | None:
        """The line of the job's failure, if that came last."""
        of = self._of(job, settings)[-1:]
        return of[0] if of and "error" in of[0] else None

    def _of(self, job: Job, settings: Mapping[str, Any]) -> list[Record]:
        """The lines of the same input with the same settings."""
        records = [record for record in self._records.get(job.output, []) if record.get("settings") == settings]
        return [record for record in records if is_same(job.source, record.get("input") or {})]
