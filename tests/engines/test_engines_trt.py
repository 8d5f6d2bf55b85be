"""TensorRT: parsing and building are real, without a GPU; support/fake_gpu.py runs them."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.tiny_style import crops, examples, quantised_model, save_style, tiny_model, truth, truths
from toonstream_engines import engine_cache

pytest.importorskip("tensorrt_rtx", reason="pip install '.[tensorrt-rtx]'")

from support import fake_gpu
from toonstream_engines import BACKENDS, load_style, open_engine, styles, trt
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.probe import Candidate, open_candidate

from toonstream.commands import main

RTX = "tensorrt-rtx"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def style(tmp_path):
    return load_style(save_style(tmp_path / "tiny"))


@pytest.fixture
def gpu(monkeypatch):
    return fake_gpu.install(monkeypatch)


@pytest.fixture(params=[RTX, "tensorrt"])
def backend(request, monkeypatch):
    """TensorRT's own wheels come from NVIDIA's index alone; where they are not, its twin stands in for it."""
    if request.param == "tensorrt":
        monkeypatch.setitem(trt.LIBRARIES, "tensorrt", "tensorrt_rtx")
        monkeypatch.setitem(BACKENDS, "tensorrt", BACKENDS[RTX])
    return request.param


def open_model(style, backend, name="fp32"):
    model = style.models[name]
    return open_candidate(Candidate(backend, model, model.precision), model.read())


def steps(toons, expected):
    assert toons.shape == expected.shape
    return np.abs(toons.astype(int) - expected).max()


@pytest.mark.parametrize("name", [style.name for style in styles()])
def test_shipped_styles_build_without_a_gpu(name):
    style = load_style(name)
    stored = [model for stored, _ in BACKENDS[RTX].runs for model in style.models.values() if model.precision == stored]
    assert stored[0].precision == "fp16"
    assert len(trt.build(RTX, stored[0], stored[0].read(), (8, 9))) > stored[0].path.stat().st_size


@pytest.mark.parametrize("generation", trt.GENERATIONS)
def test_each_generation_of_gpus(style, generation):
    assert trt.build(RTX, style.model, style.model.read(), trt.GENERATIONS[generation])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"side": 64},
        {"inputs": ["image", "chart"], "outputs": ["toon", "matte"]},
        {"inputs": ["landmarks", "image"]},
    ],
)
def test_kinds_of_networks_build(tmp_path, settings):
    style = load_style(save_style(tmp_path / "one", **settings))
    assert trt.build(RTX, style.model, style.model.read(), (8, 9))


def test_a_quantised_network_builds(tmp_path):
    style = load_style(save_style(tmp_path / "one", {"fp32": quantised_model()}))
    assert trt.build(RTX, style.model, style.model.read(), (8, 9))


def test_any_batch_and_size(style, backend, gpu):
    with open_model(style, backend) as engine:
        assert engine.description.endswith(", NVIDIA Test 4000, fp32")
        kept = []
        for _ in range(2):
            for shape in (
                (1, 64, 64),
                (3, 64, 64),
                (1, 96, 32),
                (2, 256, 160),
                (1, 512, 512),
                (11, 32, 32),
                (8, 288, 288),
            ):
                images = crops(*shape)
                kept.append((engine.run({"image": images})["toon"], truth(images)))
        for toons, expected in kept:  # a later call leaves what an earlier one gave
            assert steps(toons, expected) <= 1
        with pytest.raises(
            InputError, match=r"NVIDIA Test 4000, fp32, of .*544.*: it was built for crops of up to 512"
        ):
            engine.run({"image": crops(1, 544, 512)})
    engine.close()
    assert not fake_gpu.Memory.everything


def test_a_shape_is_recorded_once_and_replayed(style, gpu, monkeypatch):
    monkeypatch.setitem(trt.LIBRARIES, "tensorrt", "tensorrt_rtx")
    with open_model(style, "tensorrt") as engine:
        for _ in range(4):
            assert steps(engine.run({"image": crops(1)})["toon"], truth(crops(1))) <= 1
        assert len(gpu["engines"][0].contexts) == 1
        assert gpu["streams"][0].launches == 4
        monkeypatch.setattr(trt, "PLANS", 3)
        for width in range(32, 32 * 6, 32):  # graphs do not pile up
            assert steps(engine.run({"image": crops(1, 32, width)})["toon"], truth(crops(1, 32, width))) <= 1
        assert len(engine._plans) <= trt.PLANS


def test_a_style_of_larger_crops(tmp_path, gpu):
    with open_model(load_style(save_style(tmp_path / "large", size=640)), RTX) as engine:
        assert steps(engine.run({"image": crops(1, 640, 640)})["toon"], truth(crops(1, 640, 640))) <= 1


@pytest.mark.parametrize("inputs", [["image", "chart"], ["landmarks", "image"]])
def test_named_inputs_and_outputs(tmp_path, backend, gpu, inputs):
    outputs = ["toon", "matte"]
    style = load_style(save_style(tmp_path / "named", inputs=inputs, outputs=outputs))
    with open_model(style, backend) as engine:
        for shape in ((1, 64, 96), (3, 64, 64), (10, 64, 64), (1, 288, 288)):
            arrays = examples(inputs, *shape)
            made, expected = engine.run(arrays), truths(arrays, outputs)
            assert made.keys() == expected.keys()
            assert all(steps(made[name], expected[name]) <= 1 for name in outputs)


def test_built_once_and_kept(style, backend, gpu, caplog):
    open_model(style, backend).close()
    assert "once" in caplog.text
    open_model(style, backend).close()
    assert len(gpu["built"]) == 1
    engines = [engine for engine in engine_cache.every() if "holds" not in engine.key]
    assert [engine.whole for engine in engines] == [True]
    assert engines[0].key["style"] == "tiny"


def test_kernels_that_were_made_are_kept(style, gpu):
    fake_gpu.Kernels.loaded.clear()
    for _ in range(2):
        open_model(style, RTX).close()
    assert fake_gpu.Kernels.loaded == [b"kernels"]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"", lambda data: data[:300] + b"?" + data[301:]]
)
def test_a_damaged_engine_is_built_again(style, gpu, caplog, damage):
    open_model(style, RTX).close()
    (path,) = (engine.path for engine in engine_cache.every() if "holds" not in engine.key)
    path.write_bytes(damage(path.read_bytes()))
    open_model(style, RTX).close()
    assert len(gpu["built"]) == 2
    assert f"{path} is damaged" in caplog.text
    assert all(engine.whole for engine in engine_cache.every())


def test_another_model_gpu_or_library_is_another_engine(tmp_path, style, gpu, monkeypatch):
    open_model(style, RTX).close()
    other = tiny_model()
    other.graph.name = "other"
    open_model(load_style(save_style(tmp_path / "other", {"fp32": other})), RTX).close()
    assert len(gpu["built"]) == 2
    fake_gpu.install(monkeypatch, (12, 0))
    open_model(style, RTX).close()
    monkeypatch.setattr(trt.import_module("tensorrt_rtx"), "__version__", "1.0")
    open_model(style, RTX).close()
    assert len([engine for engine in engine_cache.every() if "holds" not in engine.key]) == 4


def test_an_engine_that_does_not_load_is_built_again_then_told(style, gpu):
    open_model(style, RTX).close()
    gpu["loads"] = False
    with pytest.raises(
        UserError, match="does not load what it built for NVIDIA Test 4000: the plan is for another GPU"
    ):
        open_model(style, RTX)
    assert len(gpu["built"]) == 2


def test_a_gpu_that_rtx_does_not_know(style, monkeypatch):
    fake_gpu.install(monkeypatch, (9, 0))
    with pytest.raises(InputError, match=r"runs on GPUs of compute capability 7\.5, .*12\.0.*, not 9\.0; try another"):
        open_engine(style, RTX)


def test_no_gpu(style, caplog):
    cuda = pytest.importorskip("toonstream_engines.cuda", reason="pip install cuda-bindings")
    with contextlib.suppress(UserError):
        pytest.skip(f"there is one: {cuda.gpu().name}")
    with pytest.raises(InputError, match=r"no usable NVIDIA GPU: .*nvidia-smi"):
        open_engine(style, RTX)
    with open_engine(style) as engine:
        assert engine.device == "CPU"
    assert "passed over for tiny: no usable NVIDIA GPU" in caplog.text


def test_missing_bindings(style, monkeypatch):
    monkeypatch.setitem(sys.modules, "toonstream_engines.cuda", None)
    monkeypatch.delattr("toonstream_engines.cuda", raising=False)
    with pytest.raises(InputError, match=r"cuda-bindings are missing: pip install '.*\[tensorrt-rtx\]'"):
        open_engine(style, RTX)


def test_the_first_precision_within_its_bound_is_taken(tmp_path, gpu):
    """Building takes long: where fp16 draws right, fp32 is not built."""
    half = load_style(save_style(tmp_path / "half", {"fp32": tiny_model(), "fp16": tiny_model()}))
    with open_engine(half, RTX) as engine:
        assert engine.precision == "fp16"
    assert len(gpu["built"]) == 1
    wrong = tiny_model()
    wrong.graph.initializer[0].raw_data = bytes(len(wrong.graph.initializer[0].raw_data))
    folder = save_style(tmp_path / "wrong", {"fp32": tiny_model(), "fp16": wrong})
    with open_engine(load_style(folder), RTX) as engine:
        assert engine.precision == "fp32"


def test_two_processes_build_once(style, cache):
    program = (
        "import sys, logging, toonstream_engines.trt as trt\n"
        "from toonstream_engines import engine_cache, load_style\n"
        "model = load_style(sys.argv[1]).model\n"
        "def build():\n"
        "    print('built', flush=True)\n"
        "    return trt.build('tensorrt-rtx', model, model.read(), (8, 9))\n"
        "print(len(engine_cache.fetch(trt.engine_key('tensorrt-rtx', model, (8, 9)), build)))\n"
    )
    command = [sys.executable, "-c", program, str(style.folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].split() for process in both]
    assert all(process.returncode == 0 for process in both)
    assert sorted(map(len, said)) == [1, 2]
    assert said[0][-1] == said[1][-1]
    assert len(engine_cache.every()) == 1


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(engine_cache, "MOST_BYTES", 3000)
    for i in range(5):
        engine_cache.keep({"n": str(i)}, bytes(1000))
        os.utime(engine_cache._path({"n": str(i)}), (i, i))
    assert [engine.key["n"] for engine in engine_cache.every()] == ["4", "3"]
    held = [engine_cache.folder() / name for name in (".part-of-another", "of-another.lock")]
    for path in held:
        path.write_bytes(bytes(1000))
        os.utime(path, (0, 0))
    engine_cache.keep({"n": "large"}, bytes(9000))
    assert [engine.key["n"] for engine in engine_cache.every()] == ["large"]
    assert all(path.exists() for path in held)  # another process needs them


def test_an_engine_that_cannot_be_read_hides_no_other():
    """Another process may have just deleted it."""
    engine_cache.keep({"n": "there"}, b"engine")
    (engine_cache.folder() / f"gone{engine_cache.SUFFIX}").symlink_to("nowhere")
    assert [engine.key["n"] for engine in engine_cache.every()] == ["there"]


def test_where_nothing_can_be_kept(style, gpu, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path / "file"))
    with open_model(style, RTX) as engine:
        assert steps(engine.run({"image": crops()})["toon"], truth(crops())) <= 1
    assert "cannot be kept" in caplog.text


def test_a_model_that_the_parser_refuses(tmp_path):
    """uint8 goes through casts alone."""
    model = tiny_model()
    model.graph.node[0].op_type, model.graph.node[1].op_type = "Transpose", "Cast"
    model.graph.node[0].attribute[0].CopyFrom(model.graph.node[1].attribute[0])
    style = load_style(save_style(tmp_path / "bad", {"fp32": model}))
    with pytest.raises(UserError, match=r"fp32\.onnx: tensorrt-rtx cannot read it: .*"):
        trt.build(RTX, style.model, style.model.read(), (8, 9))


FUZZ = """
import logging, sys
from pathlib import Path
from support.mutate import mutate
from support.tiny_style import save_style, tiny_model
from toonstream_engines import load_style, trt
from toonstream_engines.errors import UserError
from toonstream_engines.probe import examine
logging.disable(logging.WARNING)
for seed in range(int(sys.argv[2])):
    model = load_style(save_style(Path(sys.argv[1]), {"fp32": mutate(tiny_model(), seed)})).model
    try:
        trt.build("tensorrt-rtx", model, examine(model), (8, 9))
    except UserError as error:
        assert chr(10) not in str(error)
"""


@pytest.mark.parametrize("count", [60, pytest.param(600, marks=pytest.mark.slow)])
def test_damaged_models_are_built_or_refused(tmp_path, count):
    """In a process of its own, which must neither crash nor hang."""
    command = [sys.executable, "-c", FUZZ, str(tmp_path / "style"), str(count)]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, timeout=600, check=True)


def test_progress_moves_and_an_interrupt_stops(style):
    class Bar:
        total, n, moves = 100, 0.0, 0

        def update(self, by):
            self.n += by
            self.moves += by > 0
            if self.moves == 3:
                raise KeyboardInterrupt

    library = trt.import_module("tensorrt_rtx")
    bar = Bar()
    monitor = trt._monitor(library, bar)
    monitor.phase_start("build", None, 2)
    monitor.phase_start("tactics", "build", 4)
    assert [monitor.step_complete("tactics", i) for i in range(2)] == [True, True]
    assert bar.n == 25
    assert not monitor.step_complete("tactics", 2)
    assert isinstance(monitor.stopped_by, KeyboardInterrupt)


def test_the_command(style, capsys, cache):
    folder = str(style.folder)
    assert main(["engines", "build", folder, "--gpu", "ada"]) == 0
    assert "for ada, " in capsys.readouterr().out
    assert main(["engines", "list"]) == 0
    listed = capsys.readouterr().out
    assert "compute capability 8.9" in listed
    assert "tiny" in listed
    assert main(["engines", "verify", folder]) == 0
    told = capsys.readouterr().out
    assert "ONNX Runtime, fp32" in told
    assert "no usable NVIDIA GPU" in told or "TensorRT for RTX, fp32" in told
    (path,) = (engine.path for engine in engine_cache.every() if "holds" not in engine.key)
    path.write_bytes(b"")
    main(["engines", "list"])
    assert "damaged" in capsys.readouterr().out
    assert main(["engines", "clear"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("deleted: 1 engine,")
    assert told.endswith(", and the cached choice of the fastest backend\n")
    assert engine_cache.every() == []
    assert not list(cache.glob("choice-*"))
    assert main(["engines", "build", folder, "--backend", "onnxruntime"]) == 2
    assert "only TensorRT builds engines" in capsys.readouterr().err


def test_verify_tells_what_draws_wrong(tmp_path, capsys):
    folder = save_style(tmp_path / "liar")
    np.savez(folder / "parity.npz", image=crops(), toon=255 - truth(crops()))
    assert main(["engines", "verify", str(folder), "--backend", "onnxruntime"]) == 1
    assert "255 of 255 from what torch made" in capsys.readouterr().out


def test_build_proves_on_the_gpu(style, gpu, capsys):
    assert main(["engines", "build", str(style.folder), "--backend", RTX]) == 0
    assert "TensorRT for RTX, fp32" in capsys.readouterr().out
    np.savez(style.folder / "parity.npz", image=crops(), toon=255 - truth(crops()))
    assert main(["engines", "build", str(style.folder), "--backend", RTX]) == 1
    assert "NVIDIA Test 4000, fp32 is 255 of 255" in capsys.readouterr().out
