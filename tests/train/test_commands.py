"""The command line, from two folders of pictures to a style, and what it says where something is wrong."""

import dataclasses
import re
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from support import CLIP
from support.pictures import write_pictures
from support.training import as_options, disk_for, tiny_pack
from toonstream_train.commands import main
from toonstream_train.commands.fit import bf16_where_fast
from toonstream_train.data import pack

from toonstream.faces.shape import Shape


def test_four_steps_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two folders of pictures become a style that an engine runs as torch did, and a photo is drawn in it."""
    from toonstream_engines import load_style, open_engine
    from toonstream_engines.parity import load_parity, prove

    from toonstream.commands import main as toonstream

    for name in ("photos", "cartoons"):
        table = write_pictures(tmp_path / name, 3)
        packed = [str(tmp_path / name), str(tmp_path / f"{name}.safetensors"), "--landmarks", str(table)]
        assert main(["prepare", *packed]) == 0
    fit = ["fit", "cartoongan", "--photos", str(tmp_path / "photos.safetensors"), "--out", str(tmp_path / "run")]
    vgg = ["content.network=vgg16", "content.layer=conv1_1", "content.weights=random"]
    tiny = as_options("width=4", "batch=2", "geometry.size=64", "steps=2", "initialisation=2", *vgg)
    assert main([*fit, *tiny, "--device", "cpu"]) == 2
    assert "needs the pack 'cartoons' for its stage 'adversarial'; add --data cartoons=PACK" in capsys.readouterr().err
    assert main([*fit, *tiny, "--device", "cpu", "--data", f"cartoons={tmp_path / 'cartoons.safetensors'}"]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first.startswith("2 steps of ")
    assert "s (initialisation), then 2 steps of " in first
    assert second == f"curves: tensorboard --logdir {tmp_path / 'run'}; pictures: {tmp_path / 'run' / 'grids'}"
    learned = (tmp_path / "run/checkpoint.pt").read_bytes()
    both = [*fit, *tiny, "--device", "cpu", "--cartoons", str(tmp_path / "cartoons.safetensors")]
    assert main(both) == 0
    told = f"{tmp_path / 'run'}: at step 4 of 4, nothing is left to train; give it more steps\n"
    assert capsys.readouterr().out == told
    assert main([*both, *as_options("initialisation=0", "steps=0")]) == 2
    assert "these settings have no steps to train; give some" in capsys.readouterr().err
    other = ["fit", "cyclegan", *fit[2:], "--cartoons", str(tmp_path / "cartoons.safetensors"), "--set", "width=4"]
    assert main([*other, "--device", "cpu"]) == 2
    assert "a checkpoint of cartoongan, not of cyclegan; name another run" in capsys.readouterr().err
    assert (tmp_path / "run/checkpoint.pt").read_bytes() == learned
    student = as_options("width=4", "batch=2", "geometry.size=64", "steps=2", *vgg)
    distill = ["distill", str(tmp_path / "run"), "--photos", str(tmp_path / "photos.safetensors"), "--device", "cpu"]
    assert main([*distill, *student, "--out", str(tmp_path / "student")]) == 0
    card = tmp_path / "card.toml"
    card.write_text('about = "A \\"test\\""\n[data]\nphotos = "made here"\n')
    style = tmp_path / "style"
    faces = ["--faces", str(tmp_path / "photos.safetensors"), "--card", str(card)]
    (tmp_path / "wrong.toml").write_text("about = 3\n")
    assert main(["export", str(tmp_path / "student"), str(style), *faces[:3], str(tmp_path / "wrong.toml")]) == 2
    assert "wrong.toml: cannot be read (name and about have to be text); check the file" in capsys.readouterr().err
    assert not style.exists()
    assert main(["export", str(tmp_path / "student"), str(style), *faces]) == 0
    with disk_for(1_000):
        assert main(["export", str(tmp_path / "student"), str(style), *faces]) == 1
    assert f"{style}: cannot be written (File too large); free some space" in capsys.readouterr().err
    loaded = load_style(style)
    assert loaded.about == 'A "test"'
    assert loaded.card["data"] == {"photos": "made here"}
    with open_engine(loaded, backend="onnxruntime") as engine:
        assert prove(engine, load_parity(loaded)).largest <= 1
        assert engine.run({"image": np.zeros((3, 96, 64, 3), np.uint8)})["toon"].shape == (3, 96, 64, 3)

    with av.open(str(CLIP)) as clip:
        photo = next(clip.decode(video=0)).to_ndarray(format="rgb24")
    Image.fromarray(photo).save(tmp_path / "photo.png")
    assert toonstream([str(tmp_path / "photo.png"), "--style", str(style), "--backend", "onnxruntime"]) == 0
    with Image.open(tmp_path / "photo.toon.png") as drawn:
        changed = np.abs(np.asarray(drawn).astype(int) - photo).max(2) > 0
    assert 0.02 < changed.mean() < 0.9  # the face, and not the whole picture

    assert main(["curves", str(tmp_path / "run")]) == 0
    with Image.open(tmp_path / "run/curves.png") as curves:
        assert np.asarray(curves.convert("RGB")).std() > 5
    assert main(["curves", str(tmp_path / "run"), "--out", str(tmp_path / "curves")]) == 0  # a PNG of any name
    with Image.open(tmp_path / "curves") as curves:
        assert curves.format == "PNG"
    with disk_for(1_000):
        assert main(["curves", str(tmp_path / "run"), "--out", str(tmp_path / "more.png")]) == 1
    assert not list(tmp_path.glob("more*"))
    assert main(["curves", str(tmp_path / "photos")]) == 2
    assert "no run with curves" in capsys.readouterr().err


def test_fit_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path / "run")]
    for arguments, told in (
        (["cartoons"], "cartoons: no such recipe; there are cartoongan"),
        (["cartoongan", "--preset", "film"], "cartoongan has no preset 'film'; there are: paper"),
        (["cartoongan", "--data", "photos.pack"], "write it as NAME=PACK"),
        (["cartoongan"], "no faces for the picture grids; add --photos PACK"),
        (["cartoongan", "--photos", "absent.pack"], "absent.pack: there is no such pack"),
    ):
        assert main(["fit", *arguments, *out]) == 2
        assert told in capsys.readouterr().err


def test_pairs_are_for_what_learns_from_drawings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To another recipe drawn photos are photos; but no cartoons, and the pictures of `pair` are neither."""
    drawn, pairs = tmp_path / "drawn.pack", tmp_path / "pairs.pack"
    pack.save(tiny_pack(), drawn)
    pack.save(dataclasses.replace(tiny_pack(), shape=Shape()), pairs)
    for photos, cartoons, told in (
        (drawn, drawn, "the pack 'cartoons' holds pairs, and cyclegan would see the pictures in it, not the drawings"),
        (pairs, drawn, "the pack 'photos' holds pairs"),
        (drawn, None, "cyclegan needs the pack 'cartoons'"),  # what is checked later
    ):
        given = ["--photos", str(photos), *(["--cartoons", str(cartoons)] if cartoons else [])]
        assert main(["fit", "cyclegan", *given, "--device", "cpu", "--out", str(tmp_path / "run")]) == 2
        assert told in capsys.readouterr().err


def test_only_sources_that_the_user_names_have_to_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The preset's belong to the photos of the styles that ship."""
    pack.save(dataclasses.replace(tiny_pack(), drawings=None), tmp_path / "photos.pack")
    fit = ["fit", "drawing_student", "--preset", "film", "--photos", str(tmp_path / "photos.pack")]
    fit += ["--device", "cpu", "--out", str(tmp_path / "run")]
    assert main([*fit, "--set", "weights.mode=2"]) == 2
    assert "weights: no pack has faces of 'mode'; there are made" in capsys.readouterr().err
    assert main([*fit, "--set", "weights.made=-1"]) == 2
    assert "weights.made=-1.0: it has to be a number from 0" in capsys.readouterr().err
    assert main([*fit, "--set", "weights.made=0"]) == 2
    assert "weights: with these no face of the pack 'photos' is ever taken" in capsys.readouterr().err
    assert main(fit) == 2
    assert "the photos have no drawings" in capsys.readouterr().err  # what is checked later


@pytest.mark.parametrize(
    "arguments",
    [
        ["draw", "photos.pack", "--most", "0"],
        ["draw", "photos.pack", "--blinks", "-3"],
        ["draw", "photos.pack", "--webcams", "-3"],
        ["draw", "photos.pack", "--workers", "0"],
        ["compress", "photos.pack", "small.pack", "--most", "0"],
        ["compress", "photos.pack", "small.pack", "--most", "-5"],
        ["pair", "photos.pack", "cartoons.pack", "--out", "pairs.pack", "--each", "0"],
        ["compare", "--out", "compared", "--at-once", "0"],
        ["compare", "--out", "compared", "--steps", "-1"],
    ],
)
def test_counts_that_cannot_be(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert re.search(rf"argument {arguments[-2]}: {arguments[-1]}: not a number from [01]", capsys.readouterr().err)


def test_a_run_that_never_began_leaves_no_folder(tmp_path: Path) -> None:
    """But one that was there before stays."""
    pack.save(dataclasses.replace(tiny_pack(), drawings=None), tmp_path / "photos.pack")
    out = tmp_path / "run"
    fit = ["fit", "drawing_student", "--photos", str(tmp_path / "photos.pack"), "--device", "cpu", "--out", str(out)]
    assert main(fit) == 2
    assert not out.exists()
    out.mkdir()
    assert main(fit) == 2
    assert out.is_dir()


@pytest.mark.parametrize("units", [True, False])
def test_bf16_only_where_the_processor_has_units_for_it(units: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": units}, raising=False)
    assert bf16_where_fast("cpu") == ("bf16-mixed" if units else "32-true")
    assert bf16_where_fast("mps") == "32-true"
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert bf16_where_fast("cpu") == "32-true"
