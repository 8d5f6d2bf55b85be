"""`toonstream doctor`: what it finds, what it says of faults, and what it keeps to itself."""

import getpass
import socket
from pathlib import Path

import pytest
from toonstream_engines.errors import UserError

from toonstream.commands import doctor, main

STATES = (doctor.WORKS, doctor.ABSENT, doctor.FAILS)


def page(capsys) -> list[list[str]]:
    """State, part and line of each finding."""
    _, findings = capsys.readouterr().out.split("\n\n")
    return [[line[:7].strip(), *line[8:].split(": ", 1)] for line in findings.splitlines()]


def only(monkeypatch, *parts):
    monkeypatch.setattr(doctor, "CHECKS", {part: doctor.CHECKS[part] for part in parts})


def test_files_and_a_whole_conversion_are_tried(capsys, monkeypatch):
    only(monkeypatch, "video files", "a whole conversion", "cameras", "virtual cameras", "window")
    assert main(["doctor"]) == 0
    found = page(capsys)
    assert [part for _, part, _ in found if part == "video files"] == ["video files"] * 3
    assert all(state in STATES[:2] for state, _, _ in found)
    [[state, _, line]] = [one for one in found if one[1] == "a whole conversion"]
    assert state == "works"
    assert line.startswith("5 frames by ")


@pytest.mark.parametrize("error", [UserError, RuntimeError])
def test_a_fault_is_told_and_stops_nothing(capsys, monkeypatch, error):
    def fail(style, ways, first_built):
        raise error(f"{Path.home()}/styles/film/fp32.onnx: broken")

    monkeypatch.setattr(doctor, "probe_all", fail)
    only(monkeypatch, "backend", "window")
    assert main(["doctor"]) == 1
    found = page(capsys)
    assert next(line for state, _, line in found if state == "FAILS").count("~/styles/film/fp32.onnx: broken") == 1
    assert found[-1][1] == "window"


def test_what_the_machine_lacks_is_not_to_be_reported(capsys, monkeypatch):
    def none() -> None:
        raise FileNotFoundError(2, "No usable temporary directory")

    monkeypatch.setattr(doctor.tempfile, "TemporaryDirectory", none)
    only(monkeypatch, "video files")
    assert main(["doctor"]) == 1
    assert page(capsys) == [["FAILS", "video files", "No usable temporary directory"]]


def test_frames_that_do_not_come_back_are_a_fault(capsys, monkeypatch):
    monkeypatch.setattr(doctor.VideoSource, "__iter__", lambda source: iter(()))
    only(monkeypatch, "video files")
    assert main(["doctor"]) == 1
    assert page(capsys)[0] == ["FAILS", "video files", "0 of 5 frames come back from .mp4 with libx264; reinstall av"]


def test_a_cache_that_cannot_be_written(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path / "file" / "cache"))
    only(monkeypatch, "cache")
    assert main(["doctor"]) == 0
    [[state, _, line]] = page(capsys)
    assert state == "absent"
    assert "set TOONSTREAM_CACHE" in line


@pytest.mark.parametrize("home", ["/", "/home/ann"])
def test_nothing_but_the_users_folder_is_taken_for_it(monkeypatch, home):
    """Containers have / as one."""
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    monkeypatch.setattr(socket, "gethostname", lambda: "studio")
    monkeypatch.setattr(Path, "home", lambda: Path(home))
    assert doctor.anonymous("/home/annabel/a.mp4: 1/2") == "/home/annabel/a.mp4: 1/2"


def test_the_page_names_nobody(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "cameras", lambda: [("/dev/video0", "Anna's camera, serial 1234")])
    only(monkeypatch, "cameras")
    assert main(["doctor"]) == 0
    assert page(capsys) == [["works", "cameras", "1 found; toonstream devices has their names"]]
    monkeypatch.setattr(getpass, "getuser", lambda: "anna")
    monkeypatch.setattr(socket, "gethostname", lambda: "annas-pc")
    monkeypatch.setattr(Path, "home", lambda: Path("/home/anna"))
    told = doctor.anonymous(r"/home/anna/a.mp4, D:\data\anna\b, /srv/anna, /srv/annapurna on annas-pc")
    assert told == r"~/a.mp4, D:\data\USER\b, /srv/USER, /srv/annapurna on HOST"
