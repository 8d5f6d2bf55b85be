"""The command as a person runs it: what it makes, what it says, and what it says when it cannot."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from support import CLIP
from support.bring_down import bring_down
from support.clips import FRAMES, make_clip, make_short, read
from support.tiny_style import save_style
from support.waiting import DEADLINE_SECONDS, wait_until

from toonstream.commands import main
from toonstream.commands.isolated import run_isolated


@pytest.fixture(scope="module")
def style(tmp_path_factory) -> Path:
    return save_style(tmp_path_factory.mktemp("style"))


def toonstream(*arguments, style=None) -> int:
    options = ["--style", str(style), "--backend", "onnxruntime"] if style else []
    return main([str(argument) for argument in arguments] + options)


@pytest.fixture
def head(tmp_path) -> Path:
    """A photo of a head."""
    with av.open(CLIP) as clip:
        picture = next(clip.decode(video=0)).to_ndarray(format="bgr24")
    path = tmp_path / "head.png"
    cv2.imwrite(str(path), picture)
    return path


def one_line_error(capsys, *words: str) -> None:
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("toonstream: ")
    for word in words:
        assert word in line


def test_a_video_comes_out_beside_it_with_its_face_changed(tmp_path, capsys, style):
    path = make_short(tmp_path / "clip.mp4")
    assert toonstream(path, style=style) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{tmp_path / 'clip.toon.mp4'}: 60 frames, 1 face, ")
    assert "ONNX Runtime, CPU, fp32" in said
    with av.open(path) as before, av.open(tmp_path / "clip.toon.mp4") as after:
        pairs = list(zip(before.decode(video=0), after.decode(video=0), strict=True))
        change = [np.abs(a.to_ndarray(format="gray").astype(int) - b.to_ndarray(format="gray")) for a, b in pairs[::10]]
    for picture in change:
        assert picture[160:260, 260:380].mean() > 20  # the face
        assert picture[:, :100].mean() < 4  # the wall: encoding alone


def test_a_photo(head, capsys, style):
    assert toonstream(head, style=style) == 0
    before, after = cv2.imread(str(head)), cv2.imread(str(head.with_name("head.toon.png")))
    assert (before != after).any()
    assert np.array_equal(before[:, :60], after[:, :60])
    assert "1 frame, 1 face" in capsys.readouterr().out


def test_a_clip_without_faces_is_encoded_and_says_so(tmp_path, capsys, style):
    path = make_clip(tmp_path / "waves.mp4")
    assert toonstream(path, style=style) == 0
    assert "no face found" in capsys.readouterr().out
    assert len(read(tmp_path / "waves.toon.mp4").times) == FRAMES


def test_a_folder_goes_to_a_folder(tmp_path, head, style):
    make_clip(tmp_path / "waves.mp4")
    head.rename(tmp_path / "head.part.1.png")
    cv2.imwrite(str(tmp_path / "pair.jpg"), np.full((48, 64, 3), 90, np.uint8))
    (tmp_path / "pair.jpg").rename(tmp_path / "pair.mpo")
    for name in ("notes.txt", "made.toon.mp4", "made.toon.part.mp4", "made.toon.part-2.mp4"):
        (tmp_path / name).write_text("not to be read")
    assert toonstream(tmp_path, "-o", tmp_path / "out", style=style) == 0
    made = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert made == ["head.part.1.toon.png", "pair.toon.jpg", "waves.toon.mp4"]


def test_pictures_in_a_folder_that_are_not_read_are_named(tmp_path, head, capfd, style):
    for name in ("old.bmp", "scan.TIFF"):
        assert cv2.imwrite(str(tmp_path / name), np.full((48, 64, 3), 90, np.uint8))
    assert toonstream(tmp_path, "-o", tmp_path / "out", style=style) == 2
    told = capfd.readouterr().err
    for name in ("old.bmp", "scan.TIFF"):
        assert f"{tmp_path / name}: unsupported kind of picture; save it as JPEG or PNG" in told
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["head.toon.png"]


def test_an_output_that_exists_stays(tmp_path, head, capsys, style):
    output = tmp_path / "mine.png"
    output.write_text("precious")
    assert toonstream(head, "-o", output, style=style) == 2
    one_line_error(capsys, str(output), "--overwrite")
    assert output.read_text() == "precious"
    assert toonstream(head, "-o", output, "--overwrite", style=style) == 0
    assert cv2.imread(str(output)) is not None


def test_a_folder_that_is_not_there_yet(tmp_path, head, style):
    assert toonstream(head, "-o", f"{tmp_path}/new/", style=style) == 0
    assert (tmp_path / "new" / "head.toon.png").exists()


def test_several_files_do_not_go_to_one(tmp_path, head, capfd, style):
    other = tmp_path / "other" / "head.png"
    other.parent.mkdir()
    other.write_bytes(head.read_bytes())
    assert toonstream(head, other, "-o", tmp_path / "one.png", style=style) == 2
    one_line_error(capfd, "one.png")
    assert toonstream(head, other, "-o", tmp_path / "out", style=style) == 2
    one_line_error(capfd, str(other), str(head))
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["head.toon.png"]


def test_a_fault_of_ours_costs_no_other_file(tmp_path, head, capsys, monkeypatch, style):
    from toonstream.commands import convert
    from toonstream.sources.video import VideoSource

    def fail(self):
        raise RuntimeError("a wheel came off")

    monkeypatch.setattr(VideoSource, "__iter__", fail)
    monkeypatch.setattr(convert, "run_isolated", lambda work, jobs: max(work(jobs, told.append) or told))
    told = []
    assert toonstream(CLIP, head, "-o", tmp_path / "out", style=style) == 1
    one_line_error(capsys, str(CLIP), "a wheel came off")
    assert told == [1, 0]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["head.toon.png"]


def test_what_brings_the_program_down_costs_one_file(capfd):
    assert run_isolated(bring_down, [0, signal.SIGABRT, 2, 0, signal.SIGABRT, 1]) == 2
    told = capfd.readouterr()
    assert told.out.split("\n")[:-1] == ["job 0", "job 2", "job 0", "job 1"]
    assert told.err.count("it brought the program down (SIGABRT); please report this") == 2
    assert run_isolated(bring_down, [signal.SIGABRT]) == 1
    assert run_isolated(bring_down, [0, 0]) == 0


def test_one_bad_file_stops_no_other(tmp_path, head, capfd, style):
    (tmp_path / "bad.mp4").write_text("I am no video.")
    assert toonstream(tmp_path / "bad.mp4", tmp_path / "gone.mp4", head, "-o", tmp_path / "out", style=style) == 2
    assert (tmp_path / "out" / "head.toon.png").exists()
    assert len(capfd.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [("missing.mp4", None), ("empty.mp4", b""), ("text.mp4", b"once upon a time " * 99), ("text.png", b"a picture")],
)
def test_what_is_no_video(tmp_path, capsys, style, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert toonstream(path, style=style) == 2
    one_line_error(capsys, str(path))
    assert [p.name for p in tmp_path.iterdir()] == ([] if content is None else [name])


def test_a_truncated_video_and_one_without_pictures(tmp_path, capsys, style):
    whole = make_clip(tmp_path / "whole.mp4")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert toonstream(cut, style=style) == 2
    one_line_error(capsys, str(cut))
    silent = tmp_path / "sound.mp4"
    with av.open(whole) as source, av.open(silent, "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert toonstream(silent, style=style) == 2
    one_line_error(capsys, str(silent), "video")
    assert not list(tmp_path.glob("*toon*"))


def test_a_name_that_no_file_can_have(tmp_path, capsys, style):
    assert toonstream(tmp_path / ("x" * 300), style=style) == 2
    one_line_error(capsys, "no such file")
    for end in (".mp4", "/"):
        assert toonstream(CLIP, "-o", f"{tmp_path}/{'x' * 300}{end}", style=style) == 2
        one_line_error(capsys, "File name too long")
    assert toonstream(CLIP, style="x" * 300) == 2
    one_line_error(capsys, "no such style")


def test_a_file_that_is_given_twice_is_converted_once(tmp_path, head, monkeypatch, capfd, style):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.png").symlink_to(head)
    make_clip(tmp_path / "waves.mp4")
    assert toonstream("waves.mp4", "head.png", head, "link.png", "./waves.mp4", ".", "-o", "out", style=style) == 0
    told = capfd.readouterr()
    names = ["waves.toon.mp4", "head.toon.png"]
    assert [line.split(":")[0] for line in told.out.splitlines()] == [str(Path("out", name)) for name in names]
    assert told.err == ""


def test_quiet_tells_problems_only(tmp_path, head, capfd, style):
    assert toonstream(head, tmp_path / "gone.mp4", "--quiet", style=style) == 2
    assert capfd.readouterr() == ("", f"toonstream: {tmp_path / 'gone.mp4'}: no such file\n")
    assert head.with_name("head.toon.png").exists()


def test_an_unreadable_folder(tmp_path, capsys, monkeypatch, style):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert toonstream(tmp_path, style=style) == 2
    one_line_error(capsys, str(tmp_path), "Permission denied")


def test_options_that_cannot_be(head, capsys, style):
    assert toonstream(CLIP, "-o", head.with_name("a.mp4"), "--encoder", "libx999", style=style) == 2
    one_line_error(capsys, "libx999")
    assert toonstream(head, "--style", "no-such-style") == 2
    one_line_error(capsys, "no-such-style")
    assert main([str(head), "--style", str(style), "--backend", "abacus"]) == 2
    one_line_error(capsys, "abacus", "onnxruntime")
    with pytest.raises(SystemExit) as stop:
        toonstream(head, "--faces", "none", style=style)
    assert stop.value.code == 2


@pytest.mark.parametrize("harm", ["hash", "broken"])
def test_a_style_that_is_not_what_it_says(tmp_path, head, capsys, harm):
    bad = save_style(tmp_path / "bad")
    model = bad / "fp32.onnx"
    if harm == "hash":
        model.write_bytes(model.read_bytes() + b"\0")
    else:
        import hashlib

        card = bad / "card.toml"
        old = hashlib.sha256(model.read_bytes()).hexdigest()
        model.write_bytes(b"not a network")
        card.write_text(card.read_text().replace(old, hashlib.sha256(b"not a network").hexdigest()))
    assert toonstream(head, style=bad) == 2
    one_line_error(capsys, "fp32.onnx")
    assert not head.with_name("head.toon.png").exists()


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory) -> Path:
    """It takes a second to convert."""
    return make_clip(tmp_path_factory.mktemp("long") / "clip.mp4", pts=range(900))


def test_an_interrupted_run_leaves_a_playable_part(tmp_path, style, long_clip, ending_signal):
    command = [sys.executable, "-m", "toonstream", str(long_clip), "-o", str(tmp_path / "toon.mp4")]
    process = subprocess.Popen([*command, "--style", str(style), "--backend", "onnxruntime"], stderr=subprocess.PIPE)
    part = tmp_path / "toon.part.mp4"
    wait_until(lambda: part.exists() and part.stat().st_size > 0)
    time.sleep(0.2)
    process.send_signal(ending_signal)
    time.sleep(0.1)
    process.send_signal(ending_signal)  # an impatient second one does no harm
    _, error = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 130, error
    assert b"Traceback" not in error
    assert str(part).encode() in error
    assert [path.name for path in tmp_path.iterdir()] == [part.name]
    assert 0 < len(read(part).times) < 900


def test_version_and_usage(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("toonstream ")
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_the_version_waits_for_no_heavy_library():
    loaded = "import sys; from toonstream.commands import main; main(['--version']); print(*sys.modules)"
    names = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "cv2", "av", "mediapipe", "onnxruntime", "openvino", "torch"} & set(names)
