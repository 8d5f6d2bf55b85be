"""A batch's manifest: what is done, told by many at once."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("filelock", reason="needs the extra cluster: pip install '.[cluster]'")

from toonstream.batch.inputs import Job
from toonstream.batch.manifest import Manifest, fingerprint


def test_a_manifest_takes_lines_from_many_and_passes_over_torn_ones(tmp_path):
    manifest = Manifest(tmp_path)
    assert manifest.id() == ""
    identity = manifest.begin()
    assert identity
    assert Manifest(tmp_path).begin() == identity

    def write(number: int) -> None:
        Manifest(tmp_path).append({"output": f"{number} é\udcff", "text": "x" * 5000})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    with manifest.path.open("ab") as file:
        file.write(b'{"output": "torn')
    write(40)
    lines = manifest.path.read_bytes().splitlines()
    assert len(lines) == 43
    names = [json.loads(line.decode(errors="surrogatepass"))["output"] for line in lines[1:] if b"torn" not in line]
    assert sorted(names) == sorted(f"{number} é\udcff" for number in range(41))


def test_a_manifest_whose_first_line_is_damaged_gets_another_id(tmp_path):
    manifest = Manifest(tmp_path)
    manifest.path.write_bytes(b'{"toonstream":1,"id":"0123')
    identity = manifest.begin()
    assert identity
    manifest.append({"output": "a"})
    assert manifest.id() == manifest.begin() == identity
    damaged = {"output": "a", "settings": {}, "input": "no dictionary", "result": []}
    manifest.append(damaged)
    assert manifest.read().result(Job(tmp_path / "a.mp4", "a"), {}) is None


def test_a_line_counts_where_its_files_are_still_those(tmp_path):
    manifest, job, settings = Manifest(tmp_path), Job(tmp_path / "in.mp4", "out.mp4"), {"style": "s"}
    source, output = job.source, tmp_path / job.output

    def result(settings=settings):
        return manifest.read().result(job, settings)

    source.write_text("in")
    output.write_text("out")
    assert result() is None
    record = {"output": job.output, "input": fingerprint(source), "settings": settings, "result": fingerprint(output)}
    manifest.append(record)
    assert result() == record
    assert result({"style": "other"}) is None
    os.utime(source, ns=(1, 1))  # copied, say
    assert result() == record
    for path in (source, output):
        before = path.read_text()
        path.write_text("other"[: len(before)])
        assert result() is None
        path.write_text(before)
        assert result() == record
    output.unlink()
    assert result() is None
