"""What the page shows of a session and changes in it: controls, recordings, the source."""

import itertools
import json
import re
import shutil
import sys
from contextlib import closing
from datetime import datetime
from types import SimpleNamespace

import av
import numpy as np
import pytest
from support.fake_controls import SOURCE, picture
from support.live_rig import Script
from support.page_client import BLUE, GREEN, RED, ask, post
from support.waiting import wait_until
from toonstream_engines.errors import UserError

from toonstream.live.switch import Switch
from toonstream.page.server import PageServer


def test_controls_are_told_and_changed(server, controls):
    state = json.loads(ask(server, "/state")[2])
    assert state["effect"] is True
    assert (state["style"], state["mirror"], state["split"], state["paused"]) == ("cel", False, False, False)
    assert state["figures"]["fps"] == 30.0
    status, answer = post(server, {"style": "/no/such/style", "mirror": True, "paused": True})
    assert status == 200
    assert json.loads(answer)["style"] == controls.style == "/no/such/style"
    assert (controls.effect, controls.mirror, controls.split, controls.paused) == (True, True, False, True)
    assert post(server, {"effect": False})[0] == 200
    assert not controls.effect


def test_recordings_are_started_and_stopped(controls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames = [picture(colour, index) for index, colour in enumerate((RED, GREEN, BLUE))]
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        recorder = server.recorder
        recorder.write(frames[0])  # before it is asked to
        assert not recorder.watched
        for _ in range(2):  # the second changes nothing
            status, answer = post(server, {"recording": True})
            assert (status, json.loads(answer)["recording"]) == (200, True)
        assert recorder.watched
        recorder.write(frames[1])
        state = json.loads(post(server, {"recording": False})[1])
        first = tmp_path / re.fullmatch("Recorded: (.*)", state["recorded"])[1]
        assert not state["recording"]
        moment = datetime.strptime(first.stem, "toonstream-%Y%m%d-%H%M%S")
        monkeypatch.setattr("toonstream.page.recorder.datetime", SimpleNamespace(now=lambda: moment))
        recorder.start()  # in the same second, so to speak; the end of all ends it
        recorder.write(frames[2])
    second = first.with_stem(f"{first.stem}-2")
    assert sorted(tmp_path.iterdir()) == sorted([first, second])
    for path, colour in ((first, GREEN), (second, BLUE)):
        with av.open(path) as file:
            (shown,) = file.decode(video=0)
            assert np.abs(shown.to_ndarray(format="rgb24").mean((0, 1)) - colour).max() < 6


def test_a_recording_that_fails_ends_alone(controls, tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        recorder = server.recorder
        recorder.start()
        recorder.write(picture(RED))
        wait_until(lambda: any(folder.iterdir()))
        shutil.rmtree(folder)
        index = itertools.count(1)
        wait_until(lambda: recorder.write(picture(RED, next(index))) or not recorder.on)
        assert f"{folder}/toonstream-" in json.loads(ask(server, "/state")[2])["recorded"]
        status, answer = post(server, {"recording": True, "mirror": True})
        assert (status, controls.mirror) == (400, False)
        assert "no folder" in answer


@pytest.mark.skipif(sys.platform != "linux", reason="others keep a folder that somebody is in")
def test_a_folder_that_is_gone_is_told(controls, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(UserError, match="the folder to record into"):
        PageServer("http://127.0.0.1:0", controls, SOURCE)


def test_a_recording_without_a_picture_is_none(controls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        server.recorder.start()
        server.recorder.stop()
        assert server.recorder.message == "Nothing was recorded: no picture came"
    assert not list(tmp_path.iterdir())


def test_the_number_of_faces(server, controls):
    for faces in (2, None, 1):
        status, answer = post(server, {"faces": faces})
        assert (status, json.loads(answer)["faces"], controls.faces) == (200, faces, faces)


def test_another_source_is_chosen_from_the_list_alone(controls, monkeypatch):
    monkeypatch.setattr("toonstream.live.switch.cameras", lambda: [("/dev/video2", "HD Webcam")])
    source = Switch("clip.mp4", lambda name: Script([], (64, 48)))
    with closing(PageServer("http://127.0.0.1:0", controls, source)) as server:
        listed = [one["source"] for one in json.loads(ask(server, "/sources")[2])]
        assert listed == ["clip.mp4", "/dev/video2", "screen"]
        for other in ("/etc/passwd", "http://127.0.0.1/", "screen:0,0,64x64", ["screen"], None):
            assert post(server, {"source": other})[0] == 400
        status, answer = post(server, {"source": "/dev/video2"})
        told = json.loads(answer)["source"]
        assert (status, told) == (200, {"name": "clip.mp4", "wanted": "/dev/video2", "failure": None})
        assert source.wanted == "/dev/video2"


def test_a_source_that_cannot_be_changed(server):
    assert json.loads(ask(server, "/sources")[2]) == []
    assert json.loads(ask(server, "/state")[2])["source"] is None
    assert post(server, {"source": "screen"})[0] == 400


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "JSON"),
        (b"[" * 4000, "JSON"),
        (b"[1]", "object"),
        (b'{"mirror": 1}', "mirror"),
        (b'{"effect": null}', "effect"),
        (b'{"faces": 0, "mirror": true}', "faces"),
        (b'{"faces": true}', "faces"),
        (b'{"faces": "2"}', "faces"),
        (b'{"faces": 1.5}', "faces"),
        (b'{"recording": "a.mp4"}', "recording"),
        (b'{"effect": false, "style": "other"}', "style"),
        (b'{"style": "other"}', "style"),
        (b'{"style": ["cel"]}', "style"),
        (b'{"__class__": true}', "nothing to change"),
        (b'{"mirror": true, "fps": true}', "nothing to change"),
    ],
)
def test_what_is_no_change_changes_nothing(server, controls, body, word):
    status, answer = post(server, body)
    assert status == 400
    assert word in answer
    assert controls.effect
    assert not controls.mirror
    assert controls.style == "cel"


def test_changes_come_as_json_of_a_small_size(server):
    assert post(server, {"mirror": True}, Content_Type="text/plain")[0] == 415
    assert post(server, {"mirror": True}, Content_Type="application/x-www-form-urlencoded")[0] == 415
    assert post(server, b" " * 5000)[0] == 413
    assert post(server, {}, Content_Length="9" * 5000)[0] == 413
    assert post(server, {}, path="/styles")[0] == 404
