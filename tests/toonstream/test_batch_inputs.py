"""A batch's inputs: the files they stand for, and where each result goes."""

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
