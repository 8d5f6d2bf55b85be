"""The benchmark: its clip, its stopwatch, whole runs of it, and what it takes for a change."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from support.live_rig import CLIP, FlatEngine
from support.tiny_style import save_style, write_external
from support.waiting import DEADLINE_SECONDS, wait_until
from toonstream_engines.errors import InputError, UserError

from toonstream.bench import live_loop, measure, stages
from toonstream.bench.clip import make_clip, windows
from toonstream.bench.compare import compare, load
from toonstream.bench.job import STAGES, Job
from toonstream.bench.measure import take
from toonstream.bench.stages import Stopwatch
from toonstream.choose import open_source
from toonstream.commands import main
from toonstream.faces.tracker import Tracker


@pytest.mark.parametrize(("width", "height"), [(640, 360), (360, 640), (64, 64)])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_windows_share_the_picture(width, height, count):
    found = windows(width, height, count)
    assert len(found) == count
    assert sum((right - left) * (bottom - top) for left, top, right, bottom in found) == width * height


def test_the_clip_shows_so_many_faces_and_is_always_the_same(tmp_path):
    assert make_clip(tmp_path / "a.mp4", 480, 270, 2, 20) == make_clip(tmp_path / "b.mp4", 480, 270, 2, 20)
    with open_source(tmp_path / "a.mp4") as source, Tracker() as tracker:
        assert (source.size, source.rate) == ((480, 270), Fraction(30))
        assert [len(tracker(frame)) for frame in source] == [2] * 20
    assert make_clip(tmp_path / "c.mp4", 480, 270, 2, 19) != make_clip(tmp_path / "d.mp4", 480, 270, 2, 20)


def test_a_stage_within_a_stage_is_not_counted_twice(monkeypatch):
    now = 0.0
    monkeypatch.setattr(stages.time, "perf_counter", lambda: now)
    watch = Stopwatch()
    for _ in range(2):
        with watch("outer"):
            now += 1
            with watch("inner"):
                now += 3
                with watch("innermost"):
                    now += 10
            with watch("inner"):
                now += 4
    assert watch.taken == {"outer": [1000, 1000], "inner": [3000, 4000] * 2, "innermost": [10000, 10000]}


@pytest.fixture
def style(tmp_path):
    return str(save_style(tmp_path / "tiny"))


@pytest.fixture
def clip(tmp_path):
    make_clip(tmp_path / "clip.mp4", 320, 240, 1, 40)
    return str(tmp_path / "clip.mp4")


def test_a_whole_run(tmp_path, style, capsys, monkeypatch):
    monkeypatch.setattr(measure, "LIMIT", 100)  # every frame, however busy the machine is
    arguments = ["bench", "--style", style, "--backend", "onnxruntime", "--precision", "fp32", "--size", "320x240"]
    arguments += ["--seconds", "1.5", "--rounds", "1", "-o", str(tmp_path / "out")]
    assert main(arguments) == 0
    result = json.loads((tmp_path / "out/bench.json").read_text())
    (clip,), (row,) = result["clips"], result["rows"]
    (plain,), (whole,), (apart,), (alive,) = clip["floor"], row["file"], row["stages"], row["live"]
    assert (clip["width"], clip["height"], clip["frames"]) == (320, 240, 45)
    assert (row["name"], row["engine"]) == ("tiny", "ONNX Runtime, CPU, fp32")
    assert plain["frames"] == whole["frames"] == 45
    assert (plain["faces"], whole["faces"], apart["crop"]) == (0, 1, 256)
    assert 0 < whole["seconds"] < whole["process_seconds"]
    assert 0 < plain["cpu_seconds"] < whole["cpu_seconds"]
    assert set(apart["stages"]) == set(STAGES)
    assert apart["frames"] == 45 - stages.CHUNK
    assert all(0 < stage["mean"] < 1000 * whole["seconds"] for stage in apart["stages"].values())
    assert alive["frames"] > 1
    assert 0 < alive["delay"]["p50"] <= alive["delay"]["p95"] <= max(ms for _, ms in alive["delays"]) + 0.1
    assert 0 <= alive["dropped"] < 1
    table = (tmp_path / "out/bench.txt").read_text()
    told = capsys.readouterr()
    assert told.out.startswith(table)
    assert told.err.splitlines()[:3] == [
        f"toonstream: opening {style}: onnxruntime, fp32",
        "toonstream: making a clip: 320x240, 1 face, 45 frames",
        "toonstream: measurement 1 of 4",
    ]
    assert "320x240, 1 face, 45 frames" in table
    assert (tmp_path / "out/bench.png").read_bytes().startswith(b"\x89PNG")
    assert main(arguments) == 2
    assert "bench.json: the file is there already" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["file/out", "a" * 300], ids=["below a file", "too long"])
def test_where_results_cannot_be_is_told_before_anything_is_measured(tmp_path, capsys, monkeypatch, out):
    monkeypatch.setattr(measure, "measure", lambda *_: pytest.fail("it measures"))
    (tmp_path / "file").touch()
    assert main(["bench", "-o", str(tmp_path / out)]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"toonstream: {tmp_path / out}: cannot be written (")
    assert told.count("\n") == 1


def test_no_folder_for_clips_is_told_in_a_line(tmp_path, capsys, monkeypatch):
    def none(prefix: str) -> None:
        raise FileNotFoundError(2, "No usable temporary directory")

    monkeypatch.setattr(measure.tempfile, "TemporaryDirectory", none)
    assert main(["bench", "-o", str(tmp_path / "out")]) == 1
    told = "toonstream: no folder for temporary files (No usable temporary directory); name one in TMPDIR\n"
    assert capsys.readouterr().err == told


def test_an_interrupt_leaves_no_clips(tmp_path, ending_signal):
    made = tmp_path / "made"
    made.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from toonstream.commands import main; sys.exit(main())", "bench"],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(made)},
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: any(made.glob("toonstream-bench-*/*")))  # a folder just made is not cleaned up yet
    process.send_signal(ending_signal)
    assert process.wait(DEADLINE_SECONDS) == 130
    assert not any(made.iterdir())


def test_an_external_model_goes_the_same_way(tmp_path, clip):
    external = write_external(tmp_path / "other.onnx", True, -1, 2 / 255, side=256)
    job = Job("opened", clip, str(tmp_path / "o.mp4"), 60, "", f"{external}:-1..1", "onnxruntime", "fp32")
    assert take(job, tmp_path)["name"] == "other"
    measured = take(replace(job, kind="file"), tmp_path)
    assert (measured["frames"], measured["faces"]) == (40, 1)


def test_a_turn_ends_when_its_time_is_up(tmp_path, style, clip):
    job = Job("file", clip, str(tmp_path / "out.mp4"), 0.0, style=style, backend="onnxruntime", precision="fp32")
    assert take(job, tmp_path)["frames"] == 1


def test_what_does_not_run_is_left_out(tmp_path, clip, capsys, monkeypatch):
    arguments = ["bench", "--style", str(tmp_path / "absent"), "-o", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert f"{tmp_path / 'absent'}: no such style" in capsys.readouterr().err
    with monkeypatch.context() as patched:
        patched.setattr(measure, "take", lambda *_: pytest.fail("it measures"))
        assert main(["bench", "--peer", f"{tmp_path / 'absent.onnx'}:bgr", "-o", str(tmp_path / "out")]) == 2
    told = f"toonstream: {tmp_path / 'absent.onnx'}: no such file; give a published generator as ONNX\n"
    assert capsys.readouterr().err == told
    style = save_style(tmp_path / "damaged", {"fp32": b"nothing"})
    arguments = [
        "bench",
        "--input",
        clip,
        "--style",
        str(style),
        "--backend",
        "onnxruntime",
        "-o",
        str(tmp_path / "out"),
    ]
    assert main([*arguments, "--quiet"]) == 1
    left_out, nothing = capsys.readouterr().err.splitlines()
    assert left_out.startswith("toonstream: left out: ")
    assert nothing == "toonstream: none of these styles, backends and precisions runs here"


def test_a_clip_that_is_too_short(tmp_path, style):
    make_clip(tmp_path / "short.mp4", 320, 240, 1, 10)
    job = Job("stages", str(tmp_path / "short.mp4"), str(tmp_path / "o.mp4"), 9, style, "", "onnxruntime", "fp32")
    with pytest.raises(InputError, match=r"short\.mp4: 10 frames are too few"):
        take(job, tmp_path)


def test_a_turn_that_breaks_down(tmp_path, clip):
    with pytest.raises(UserError, match=r"clip\.mp4: measuring failed with exit status 1: KeyError"):
        take(Job("nonsense", clip, "", 1.0), tmp_path)


def test_only_video_has_frame_rates(tmp_path, style, capsys):
    picture = Path(style) / "picture.png"
    from PIL import Image

    Image.new("RGB", (64, 64)).save(picture)
    assert main(["bench", "--style", style, "--input", str(picture), "-o", str(tmp_path / "out")]) == 2
    assert "a frame rate takes a video" in capsys.readouterr().err


def result(fps, floors, generator, memory=300.0):
    """As measured, with these figures in each round."""

    def whole(rate):
        between = {"mean": 1, "p50": 1000 / rate, "p95": 1000 / rate, "p99": 1000 / rate}
        spent = {"seconds": 100 / rate, "process_seconds": 1 + 100 / rate, "cpu_seconds": 200 / rate}
        return {"frames": 100, "faces": 1.0, "between": between, "memory": memory, **spent}

    stages = [{"crop": 256, "stages": {s: {"mean": g if s == "generator" else 2.0} for s in STAGES}} for g in generator]
    return {
        "format": 1,
        "rounds": len(fps),
        "machine": {"processor": "abacus", "load": 0.1},
        "versions": {"av": "18.1.0"},
        "clips": [{"title": "clip", "sha256": "0", "floor": [whole(rate) for rate in floors]}],
        "rows": [{"clip": 0, "name": "cel", "engine": "E", "file": [whole(r) for r in fps], "stages": stages}],
    }


BEFORE = result([50, 51, 49, 50.5, 49.5], [100, 101, 99, 100.5, 99.5], [8, 8.2, 7.9, 8.1, 8.05])


def test_noise_is_no_change():
    again = result([50.2, 48.9, 50.8, 49.6, 51.2], [99.3, 101.4, 100.2, 99.8, 100.9], [8.15, 7.95, 8.3, 8.0, 8.02])
    assert compare(BEFORE, again).startswith("nothing changed beyond the noise\n")


def test_a_change_beyond_the_noise():
    faster = result([60, 61, 59, 60.5, 59.5], [100, 101, 99, 100.5, 99.5], [5, 5.2, 4.9, 5.1, 5.05], memory=330)
    lines = compare(BEFORE, faster).splitlines()
    assert any("frames a second" in line and "+20.0 %  better" in line for line in lines)
    assert any("generator" in line and "-37.3 %  better" in line for line in lines)
    assert any("memory" in line and "+10.0 %   worse" in line for line in lines)
    assert not any("decode" in line or "the floor" in line for line in lines)
    assert "once" not in lines[-1]
    assert "one in 126" in lines[-1]


def test_another_machine_is_told_and_does_not_count():
    """All at half the speed, the floor too; the generator alone kept its."""
    slower = result([25, 25.5, 24.5, 25.2, 24.8], [50, 51, 49, 50.5, 49.5], [8, 8.2, 7.9, 8.1, 8.05])
    slower["machine"]["processor"] = "slide rule"
    slower["versions"]["av"] = "18.2.0"
    lines = compare(BEFORE, slower).splitlines()
    assert lines[:2] == ["processor: abacus before, slide rule after", "av: 18.1.0 before, 18.2.0 after"]
    assert lines[2].startswith("the floor has changed")
    assert any("the floor" in line and "100.0 ±1.0   50.0 ±1.0  -50.0 %   worse" in line for line in lines)
    assert not any("cel: E" in line and "frames a second" in line for line in lines)
    assert any("generator" in line and "8.05 ±0.15  8.05 ±0.15  -50.1 %  better" in line for line in lines)


def test_what_cannot_be_compared(tmp_path):
    few = result([50, 51], [100, 101], [8, 8])
    with pytest.raises(InputError, match="2 and 2 rounds are too few"):
        compare(few, few)
    (tmp_path / "text.json").write_text("nothing")
    (tmp_path / "other.json").write_text("{}")
    for name in ("absent.json", "text.json", "other.json"):
        with pytest.raises(InputError, match=name):
            load(tmp_path / name)
    other = BEFORE | {"rows": [BEFORE["rows"][0] | {"engine": "F"}]}
    told = compare(BEFORE, other)
    assert "clip, cel: E: only in the first" in told
    assert "clip, cel: F: only in the second" in told


ROW = BEFORE["rows"][0]


def without(key: str, of: str) -> dict:
    """BEFORE as a person may have cut it: without that key in the first entry of a list."""
    return BEFORE | {of: [{name: value for name, value in BEFORE[of][0].items() if name != key}, *BEFORE[of][1:]]}


@pytest.mark.parametrize(
    "made",
    [
        {"format": 1},
        {key: value for key, value in BEFORE.items() if key != "rounds"},
        {key: value for key, value in BEFORE.items() if key != "versions"},
        BEFORE | {"machine": "abacus"},
        BEFORE | {"rounds": 10**9},
        BEFORE | {"rounds": "5"},
        BEFORE | {"clips": [1]},
        BEFORE | {"rows": {"clip": 0}},
        without("floor", "clips"),
        without("sha256", "clips"),
        without("engine", "rows"),
        BEFORE | {"rows": [ROW | {"file": ROW["file"][:4]}]},
        BEFORE | {"rows": [ROW | {"file": [turn | {"seconds": 0} for turn in ROW["file"]]}]},
        BEFORE | {"rows": [ROW | {"file": [turn | {"between": {}} for turn in ROW["file"]]}]},
        BEFORE | {"rows": [ROW | {"stages": [{"stages": {stage: {"mean": "2"} for stage in STAGES}}] * 5}]},
    ],
)
def test_what_no_bench_wrote_is_told_by_its_name(tmp_path, capsys, made):
    whole, other = tmp_path / "whole.json", tmp_path / "other.json"
    whole.write_text(json.dumps(BEFORE))
    other.write_text(json.dumps(made))
    assert main(["bench", "--compare", str(whole), str(whole)]) == 0
    assert main(["bench", "--compare", str(whole), str(other)]) == 2
    assert capsys.readouterr().err == (
        f"toonstream: {other}: not what this version of toonstream bench wrote; measure again\n"
    )


def test_json_without_a_bottom(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"deep\.json"):
        load(tmp_path / "deep.json")


def test_arrivals_tell_what_was_put_out_and_how_late(monkeypatch):
    moment = 0.0
    monkeypatch.setattr(live_loop.time, "monotonic", lambda: moment)
    arrivals = live_loop.Arrivals(1.0)
    for index in range(0, 400, 2):
        moment = 100 + index / 32
        arrivals.output(moment - 0.03125)
        if arrivals.enough:
            break
    captured, when, delays = zip(*arrivals.frames, strict=True)
    assert captured == tuple(100 + index / 32 - 0.03125 for index in range(64, 100, 2))
    assert (when[0], when[-1]) == (0, 1.0625)
    assert delays == (0.03125,) * 18


def test_a_live_turn_with_a_generator_slower_than_a_session_waits(monkeypatch):
    """The session shows the last picture again meanwhile, which counts for nothing."""
    engine = FlatEngine()
    engine.seconds = 0.7
    monkeypatch.setattr(live_loop, "START_SECONDS", 0.0)
    monkeypatch.setattr(Job, "engine", lambda job: engine)
    measured = live_loop.live(Job("live", str(CLIP), "", 0.1))
    assert measured["frames"] == 2
    assert 0.5 < measured["dropped"] < 1
    assert measured["delay"]["p50"] > 700
    assert measured["stages"]["draw"] > 700
