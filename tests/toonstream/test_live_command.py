"""`toonstream live` and `toonstream devices`, as a user runs them."""

import io
import os
import subprocess
import sys
from types import SimpleNamespace

import av
import pytest
from support import CLIP
from support.clips import make_clip
from support.tiny_style import save_style
from support.waiting import DEADLINE_SECONDS, wait_until
from toonstream_engines.install import install_extra

from toonstream.commands import devices, main
from toonstream.commands.live import _advice, _line, _Status
from toonstream.sinks import virtual_camera

SOME_PICTURES = 100_000
"""Bytes of the sample's recording that take more than a moment's pictures."""


def test_an_interrupt_ends_it_and_leaves_a_whole_recording(tmp_path, ending_signal):
    style, output = save_style(tmp_path / "style"), tmp_path / "talk.mp4"
    arguments = ["live", "--from", str(CLIP), "--to", str(output), "--style", str(style), "--backend", "onnxruntime"]
    command = "import sys; from toonstream.commands import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TOONSTREAM_CACHE": str(tmp_path)},
    )
    part = output.with_name("talk.part.mp4")
    wait_until(lambda: part.exists() and part.stat().st_size > SOME_PICTURES)
    process.send_signal(ending_signal)
    told, problems = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0
    assert told.splitlines() == [
        f"from {CLIP}, in a loop, 640x480 at 30 frames a second",
        f"to recording {output}",
    ]
    assert " dropped, " in problems
    assert "Traceback" not in problems
    with av.open(output) as clip:
        pictures = [picture.to_ndarray(format="rgb24") for picture in clip.decode(video=0)]
    assert len(pictures) > 3
    assert not part.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--size", "99999999x1"], 2, "--size 99999999x1: width and height in pixels"),
        (["--size", "0x720"], 2, "--size 0x720"),
        (["--rate", "0"], 2, "--rate 0: from 1 to 1000"),
        (["--from", "No Such Camera"], 2, "no such camera"),
        (["--from", "CLIP", "--style", "no such style"], 2, "no such style"),
        (["--from", "CLIP", "--to", "tv"], 2, "--to tv"),
        (["--from", "CLIP", "--to", "a.mp4", "--to", "./a.mp4"], 2, "a.mp4: given twice"),
        (["--from", "CLIP", "--backend", "abacus"], 2, "abacus"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(tmp_path, capsys, arguments, status, told):
    clip = str(make_clip(tmp_path / "clip.mp4"))
    assert main(["live", *[clip if argument == "CLIP" else argument for argument in arguments]]) == status
    problem = capsys.readouterr().err
    assert told in problem
    assert problem.count("\n") == 1


def test_devices_lists_what_there_is(monkeypatch, capsys):
    pytest.importorskip("pyvirtualcam", reason="pip install '.[camera]'")
    monkeypatch.setattr(devices.sys, "platform", "linux")
    monkeypatch.setattr(devices, "cameras", lambda: [("/dev/video0", "Built-in"), ("OBS", "OBS")])
    monkeypatch.setattr(devices, "loopback_devices", lambda: ["/dev/video10"])
    assert main(["devices"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:5] == ["Cameras:", "  Built-in (/dev/video0)", "  OBS", "Virtual cameras:", "  /dev/video10"]
    assert told[5] == "Backends:"
    assert "  ONNX Runtime" in told


def test_devices_tells_how_to_get_what_is_missing(monkeypatch, capsys):
    pytest.importorskip("pyvirtualcam", reason="pip install '.[camera]'")
    monkeypatch.setattr(devices.sys, "platform", "linux")
    monkeypatch.setattr(devices, "cameras", list)
    monkeypatch.setattr(devices, "loopback_devices", list)
    monkeypatch.setattr(devices, "is_there", lambda backend: False)
    main(["devices"])
    told = capsys.readouterr().out
    assert "modprobe v4l2loopback exclusive_caps=1" in told or virtual_camera.sys.platform != "linux"
    assert f"OpenVINO: not installed; {install_extra('openvino')}" in told
    monkeypatch.setitem(virtual_camera.sys.modules, "pyvirtualcam", None)
    main(["devices"])
    assert f"a virtual camera needs pyvirtualcam: {install_extra('camera')}" in capsys.readouterr().out


FIGURES = {
    "fps": 29.97,
    "delay_ms": {"p50": 23.4, "p95": 31.2},
    "dropped": 3,
    "stages_ms": {"see": 8.1, "draw": 7.2, "show": 3.3},
    "backend": "OpenVINO, CPU, bf16",
    "style": "cel",
    "state": "running",
    "picture": "live",
}


def test_the_status_line():
    wanted = "30.0 frames a second, delay 23 ms (95 %: 31), 3 dropped, see 8 draw 7 show 3 ms, live"
    assert _line(FIGURES) == f"{wanted}, cel: OpenVINO, CPU, bf16"
    resting = FIGURES | {"state": "idle", "delay_ms": {"p50": None, "p95": None}, "stages_ms": {}}
    assert _line(resting) == "idle, 3 dropped, live, cel: OpenVINO, CPU, bf16"


@pytest.mark.parametrize("quiet", [False, True])
def test_quiet_tells_problems_only(capsys, quiet):
    session = SimpleNamespace(figures=lambda: FIGURES | {"message": "the camera is gone"})
    status = _Status(session, advise=False, quiet=quiet)
    status.tell()
    status.close()
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "toonstream: the camera is gone"
    assert (len(told) == 1) == quiet


class Gone(io.StringIO):
    """A terminal that was closed, or a log on a full disk."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.isatty = lambda: terminal

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("terminal", [False, True])
def test_where_figures_cannot_be_printed_the_session_goes_on(monkeypatch, terminal):
    monkeypatch.setattr("sys.stderr", Gone(terminal))
    status = _Status(SimpleNamespace(figures=lambda: FIGURES | {"message": "lost"}), advise=False, quiet=False)
    status.tell()
    status.close()


def test_the_advice_on_sound():
    assert _advice(FIGURES) == "sound: delay it by 25 ms; in OBS: Advanced Audio Properties, Sync Offset"
    assert _advice(FIGURES | {"delay_ms": {"p50": None}}) is None
