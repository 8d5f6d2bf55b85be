"""What the pages in docs/ tell contributors to write works. Sources and sinks: toonstream/test_choose.py."""

import sys
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from support.docs import block

RANDOM = np.random.default_rng(3)


@pytest.fixture
def as_module(monkeypatch):
    """Makes a module of a page's block, by its full name."""

    def make(name: str, page: str, title: str) -> ModuleType:
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(block(page, title), title, "exec"), module.__dict__)
        return module

    return make


def entry(page: str, names: dict[str, object]) -> dict[str, object]:
    """The entry that a page shows for a dictionary."""
    made: dict[str, object] = eval(f"{{{block(page, 'entry')}}}", names)
    return made


def test_a_backend(as_module, monkeypatch, tmp_path):
    pytest.importorskip("onnx", reason="the page's backend is a part of onnx: pip install onnx")
    from support.tiny_style import save_style
    from toonstream_engines import backends, load_style, open_engine

    as_module("toonstream_engines.reference", "add-backend.md", "engines/toonstream_engines/reference.py")
    for name, made in entry("add-backend.md", {"Backend": backends.Backend}).items():
        monkeypatch.setitem(backends.BACKENDS, name, made)
    style = load_style(save_style(tmp_path / "tiny"))
    crops = RANDOM.integers(0, 256, (1, 64, 64, 3), np.uint8)
    with open_engine(style, "reference") as engine, open_engine(style, "onnxruntime") as usual:
        assert engine.description == "ONNX reference, CPU, fp32"
        assert abs(engine.run({"image": crops})["toon"].astype(int) - usual.run({"image": crops})["toon"]).max() <= 1


def test_a_recipe(as_module, monkeypatch, tmp_path):
    pytest.importorskip("lightning_fabric", reason="needs the extra train: pip install '.[train]'")
    from support.training import tiny_pack
    from toonstream_train.commands import main
    from toonstream_train.data import pack
    from toonstream_train.recipes import registry

    as_module("toonstream_train.recipes.grey", "add-recipe.md", "train/toonstream_train/recipes/grey.py")
    for name, made in entry("add-recipe.md", {}).items():
        monkeypatch.setitem(registry.RECIPES, name, made)
    photos = tmp_path / "photos.pack"
    pack.save(tiny_pack(), photos)
    settings = ("steps=3", "batch=2", "geometry.size=64")
    run = [
        "fit",
        "grey",
        "--photos",
        str(photos),
        "--out",
        str(tmp_path / "run"),
        *(f"--set={one}" for one in settings),
    ]
    assert main(run) == 0
    trained = registry.trained(tmp_path / "run")
    assert trained.state["step"] == 3
    assert trained.model.architecture["name"] == "small"


def test_a_style(monkeypatch, tmp_path):
    pytest.importorskip("onnxscript", reason="needs the extra train: pip install '.[train]'")
    from toonstream_engines import load_style, open_engine

    monkeypatch.chdir(tmp_path)
    Image.fromarray(RANDOM.integers(0, 256, (300, 300, 3), np.uint8)).save("face.png")
    exec(compile(block("add-style.md", "steps.py"), "steps.py", "exec"), {})
    face = RANDOM.integers(0, 256, (1, 64, 64, 3), np.uint8)
    with open_engine(load_style("steps"), "onnxruntime", "fp32") as engine:
        assert np.unique(engine.run({"image": face})["toon"]).tolist() == [0, 85, 170, 255]
