"""A batch's inputs: the files they stand for, and where each result goes."""

import os
from pathlib import Path

from toonstream.batch.inputs import find_jobs


def test_inputs_and_where_they_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("S1/a.mp4", "S1/more/a.mkv", "S1/.hidden/a.mp4", "S1/a.toon.mp4", "S1/notes.txt", "S2/b.mp4", "c.mp4"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)
    out = tmp_path / "S1" / "out"
    out.mkdir()
    (out / "made.mp4").write_text("not to be read")

    def outputs(*inputs: str) -> list[str]:
        jobs, problems = find_jobs(inputs, out)
        assert not problems
        assert all(job.source.is_absolute() and job.source.is_file() for job in jobs)
        return [job.output for job in jobs]

    season = ["S1/a.toon.mp4", "S1/more/a.toon.mkv"]
    assert (
        outputs("S1/") == outputs(str(tmp_path / "S1")) == outputs("S1/**/*.m*") == outputs("S1", "S1/a.mp4") == season
    )
    assert outputs("c.mp4", "S2") == ["c.toon.mp4", "S2/b.toon.mp4"]
    assert outputs(".") == ["c.toon.mp4", *season, "S2/b.toon.mp4"]
    assert outputs("S*/*.mp4") == ["S1/a.toon.mp4", "S2/b.toon.mp4"]
    monkeypatch.chdir("S2")
    assert outputs("../c.mp4", "..") == ["c.toon.mp4", *season, "S2/b.toon.mp4"]


def test_inputs_that_cannot_be(tmp_path):
    for name in ("one/a.mp4", "two/a.mp4", "two/b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "empty").mkdir()
    names = ("gone.mp4", "none/*.mp4", "empty", "one/a.mp4", "two/a.mp4", "two/b.mp4")
    jobs, problems = find_jobs([str(tmp_path / name) for name in names], tmp_path / "out")
    assert [job.output for job in jobs] == ["a.toon.mp4", "b.toon.mp4"]
    for problem, words in zip(problems, ("no such file", "matches no", "no video", "two/a.mp4: would be"), strict=True):
        assert words in str(problem)


def test_pictures_that_are_not_read_are_jobs_too_which_will_tell(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.heic").write_text("a")
    jobs, problems = find_jobs([str(tmp_path / "in")], tmp_path / "out")
    assert ([job.source.name for job in jobs], problems) == (["a.heic"], [])


def test_links_that_close_loops(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/a.mp4").write_text("a")
    for number in range(4):  # each doubles, at each level, what leads through links
        (folder / f"again{number}").symlink_to(".")
    for text in (folder, folder / "**/*.mp4", folder / "**"):
        jobs, problems = find_jobs([str(text)], out)
        assert ([job.output for job in jobs], problems) == (["in/deep/a.toon.mp4"], [])


def test_results_are_no_inputs(tmp_path):
    """As on a list of all files in a folder that has the output folder in it."""
    out = tmp_path / "out"
    (out / "in").mkdir(parents=True)
    names = "a.mp4", "b.toon.mp4", "out/a.toon.mp4", "out/in/c.mp4"
    for name in names:
        (tmp_path / name).write_text(name)
    jobs, problems = find_jobs([str(tmp_path / name) for name in names], out)
    assert ([job.output for job in jobs], problems) == (["a.toon.mp4", "b.toon.toon.mp4", "c.toon.mp4"], [])
    for text in (out / "in", out / "in/*.mp4"):  # inputs in the output folder are inputs
        jobs, problems = find_jobs([str(text)], out)
        assert ([job.output for job in jobs], problems) == (["in/c.toon.mp4"], [])


def test_a_folder_that_cannot_be_read_stops_no_other(tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "1.mp4").write_text(name)
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    jobs, [problem] = find_jobs([str(tmp_path / "in")], tmp_path / "out")
    assert [job.output for job in jobs] == ["in/a/1.toon.mp4", "in/c/1.toon.mp4"]
    assert str(problem) == f"{tmp_path / 'in/b'}: Permission denied"
