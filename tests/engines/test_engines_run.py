"""Engines: every backend draws the same, of any batch and size; the choice is the fastest that proves itself."""

import hashlib
import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.tiny_style import (
    crops,
    examples,
    quantised_model,
    save_style,
    tiny_model,
    truth,
    truths,
    write_external,
)
from toonstream_engines import BACKENDS, Model, Port, choose, load_style, open_engine, open_network, probe
from toonstream_engines.backends import is_there
from toonstream_engines.errors import InputError, UserError
from toonstream_engines.parity import difference, load_parity, prove

RUN_HERE = ("onnxruntime", "openvino")
there = [name for name in RUN_HERE if is_there(BACKENDS[name])]
each_backend = pytest.mark.parametrize(
    "backend",
    [pytest.param(n, marks=pytest.mark.skipif(n not in there, reason=f"{n} is not installed")) for n in RUN_HERE],
)
needs_openvino = pytest.mark.skipif("openvino" not in there, reason="openvino is not installed")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path / "cache"))
    for name in ("tensorrt", "tensorrt-rtx"):  # test_engines_trt.py is theirs
        monkeypatch.delitem(BACKENDS, name)
    return tmp_path / "cache"


@pytest.fixture
def style(tmp_path):
    return load_style(save_style(tmp_path / "tiny"))


def steps(toons, expected):
    assert toons.shape == expected.shape
    return np.abs(toons.astype(int) - expected).max()


@each_backend
def test_any_batch_and_size(style, backend):
    with open_engine(style, backend, "fp32") as engine:
        assert engine.description == f"{BACKENDS[backend].title}, CPU, fp32"
        kept = []
        for shape in ((1, 64, 64), (3, 64, 64), (1, 96, 32), (2, 256, 160), (1, 64, 64), (5, 32, 32)):
            images = crops(*shape)
            kept.append((engine.run({"image": images})["toon"], truth(images)))
        for toons, expected in kept:  # a later call leaves what an earlier one gave
            assert steps(toons, expected) <= 1
        wide = crops(1, 64, 128)
        assert steps(engine.run({"image": wide[:, :, ::2]})["toon"], truth(wide[:, :, ::2])) <= 1
        engine.close()
    engine.close()


@each_backend
def test_wrong_inputs_are_the_callers_fault(tmp_path, backend):
    style = load_style(save_style(tmp_path / "marks", inputs=["image", "landmarks"]))
    good = examples(["image", "landmarks"])
    with open_engine(style, backend) as engine:
        for name, array, why in (
            ("image", crops()[0], r"image is uint8 \(64, 64, 3\), not image uint8 \[n, h, w, 3\]"),
            ("image", crops()[..., :2], "image is"),
            ("image", crops().astype(np.float32), "image is float32"),
            ("image", crops(2, 64, 65), "w is 65, not a multiple of 32"),
            ("image", crops(2, 0, 64), "h is 0"),
            ("image", crops(1), r"landmarks is float32 \(2, 5, 2\), not .*, n = 1"),
            ("landmarks", good["landmarks"].astype(np.float64), "landmarks is float64"),
        ):
            with pytest.raises(ValueError, match=why):
                engine.run(good | {name: array})
        with pytest.raises(ValueError, match=r"landmarks .* is missing"):
            engine.run({"image": crops()})


@each_backend
@pytest.mark.parametrize("inputs", [["image", "chart"], ["image", "landmarks"], ["chart", "landmarks", "image"]])
@pytest.mark.parametrize("outputs", [["toon"], ["matte", "toon"]])
def test_named_inputs_and_outputs(tmp_path, backend, inputs, outputs):
    style = load_style(save_style(tmp_path / "named", inputs=inputs, outputs=outputs))
    with open_engine(style, backend) as engine:
        for shape in ((1, 64, 96), (3, 64, 64)):
            arrays = examples(["image", "landmarks", "chart"], *shape)  # what it does not want does no harm
            expected = truths({name: arrays[name] for name in inputs}, outputs)
            made = engine.run(arrays)
            assert made.keys() == expected.keys()
            assert all(steps(made[name], expected[name]) <= 1 for name in outputs)


@each_backend
def test_a_size_that_the_network_does_not_take(tmp_path, backend):
    style = load_style(save_style(tmp_path / "fixed", side=64))
    assert style.model.side == 64
    with open_engine(style, backend) as engine:
        assert steps(engine.run({"image": crops(3)})["toon"], truth(crops(3))) <= 1
        with pytest.raises(ValueError, match=r"image is uint8 \(1, 128, 128, 3\), not image uint8 \[n, 64, 64, 3\]"):
            engine.run({"image": crops(1, 128, 128)})


@each_backend
def test_a_model_that_fails_on_its_input(style, backend, monkeypatch):
    with open_engine(style, backend) as engine:
        monkeypatch.setattr(engine, "_infer", lambda inputs: {"toon": inputs["image"][:1]})
        with pytest.raises(InputError, match=rf"{style.model.path}: .*, of image \(2, .*\): toon is uint8 \(1, 64"):
            engine.run({"image": crops()})


@pytest.mark.parametrize("backend", ["auto", *there])
def test_a_plain_network(tmp_path, backend):
    """No style: any names, float32, planes first, no parity."""
    path = write_external(tmp_path / "net.onnx", True, -1, 2 / 255)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    shape = (1, 3, 64, 64)
    model = Model(path, sha256, (Port("x", "float32", shape),), (Port("y", "float32", shape),))
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    with open_network(model, backend) as engine:
        wanted = backend if backend != "auto" else there[-1]
        assert engine.description == f"{BACKENDS[wanted].title}, CPU, fp32"
        assert np.array_equal(engine.run({"x": x})["y"], x.clip(-1, 1))
    with pytest.raises(InputError, match="its inputs are x, not z"):
        open_network(replace(model, inputs=(Port("z", "float32", shape),)), backend)
    with pytest.raises(InputError, match="SHA-256"):
        open_network(replace(model, sha256="0"), backend)


def test_a_plain_network_falls_back_to_onnx_runtime(style, monkeypatch):
    monkeypatch.setitem(sys.modules, BACKENDS["openvino"].module, None)
    with open_network(style.model) as engine:
        assert engine.title == "ONNX Runtime"
    monkeypatch.setitem(sys.modules, BACKENDS["onnxruntime"].module, None)
    with pytest.raises(InputError, match=r"fp32\.onnx: .*ONNX Runtime: "):
        open_network(style.model)


@each_backend
def test_int8_within_its_own_bound(tmp_path, backend):
    models = {"fp32": tiny_model(), "int8": quantised_model()}
    style = load_style(save_style(tmp_path / "both", models))
    with open_engine(style, backend, "int8") as engine:
        assert engine.description.endswith("int8")
        found = difference(engine, load_parity(style))
        assert 1 < found.most <= 4
        prove(engine, load_parity(style))


@each_backend
def test_a_model_that_draws_something_else(tmp_path, backend):
    folder = save_style(tmp_path / "liar")
    np.savez(folder / "parity.npz", image=crops(), toon=255 - truth(crops()))
    with pytest.raises(
        UserError, match=r"fp32\.onnx: .*, CPU, fp32 is 255 of 255 from what torch made, not at most 1$"
    ):
        open_engine(load_style(folder), backend, "fp32")


@needs_openvino
@pytest.mark.parametrize("units", [True, False])
def test_bf16_is_only_for_processors_that_have_it(style, monkeypatch, units):
    """Without units for it OpenVINO would emulate it where there is AVX-512, slower than fp32."""
    engines_ov = importlib.import_module("toonstream_engines.ov")
    core, hints = engines_ov.CORE, []

    def compile_model(model, device, settings):
        hints.append(settings["INFERENCE_PRECISION_HINT"])
        return core.compile_model(model, device, settings)

    capabilities = ["FP32", "INT8", *["BF16"] * units]
    processor = SimpleNamespace(
        get_property=lambda device, name: capabilities, read_model=core.read_model, compile_model=compile_model
    )
    monkeypatch.setattr(engines_ov, "CORE", processor)
    engine = probe.open_candidate(probe.Candidate("openvino", style.model, "bf16"), style.model.read())
    assert hints == [engines_ov.HINTS["bf16" if units else "fp32"]]
    assert units or engine is None


@needs_openvino
def test_a_precision_that_is_not_really_used(style, monkeypatch):
    engines_ov = importlib.import_module("toonstream_engines.ov")
    monkeypatch.setitem(engines_ov.HINTS, "bf16", engines_ov.HINTS["fp32"])
    candidate = probe.Candidate("openvino", style.model, "bf16")
    assert probe.open_candidate(candidate, style.model.read()) is None
    with pytest.raises(InputError, match="OpenVINO, bf16: this machine does not compute in it"):
        open_engine(style, "openvino", "bf16")


@pytest.fixture
def provider(monkeypatch):
    """Lets `onnxruntime-cuda` be whatever provider this machine's ONNX Runtime has beside the CPU's."""
    ort = importlib.import_module("toonstream_engines.ort")

    def take(name, **settings):
        monkeypatch.setitem(BACKENDS, "onnxruntime-cuda", replace(BACKENDS["onnxruntime-cuda"], part=""))
        monkeypatch.setitem(ort.PROVIDERS, "onnxruntime-cuda", ort.Provider(name, "a GPU", "a good GPU", **settings))
        return name in ort.onnxruntime.get_available_providers()

    return take


def test_a_provider_that_this_onnxruntime_has_not(style, provider, caplog):
    assert not provider("NoneExecutionProvider")
    with pytest.raises(InputError, match="built without NoneExecutionProvider"):
        open_engine(style, "onnxruntime-cuda")
    for _ in range(2):  # told as it is found out, not as it is remembered
        with open_engine(style) as engine:
            assert engine.device == "CPU"
        assert caplog.messages == ["passed over for tiny: this ONNX Runtime was built without NoneExecutionProvider"]


def test_a_provider_that_gives_the_work_to_the_cpu(style, provider, caplog):
    """Azure's, which the common build has, takes no node of a picture's network, and no error comes of it."""
    if not provider("AzureExecutionProvider"):
        pytest.skip("this ONNX Runtime has no provider that takes nothing")
    with pytest.raises(InputError, match="AzureExecutionProvider leaves 1 convolutions to the CPU"):
        open_engine(style, "onnxruntime-cuda")
    with open_engine(style) as engine:
        assert engine.device == "CPU"
    assert "leaves 1 convolutions" in caplog.text


def test_a_provider_that_does_not_load(style, provider, monkeypatch):
    """As where CUDA's libraries are missing: ONNX Runtime then goes on with the CPU alone."""
    ort = importlib.import_module("toonstream_engines.ort")
    provider("CUDAExecutionProvider")
    monkeypatch.setattr(ort.onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(ort.onnxruntime, "preload_dlls", lambda: print("Failed to load libcublasLt.so.13"))
    why = "CUDAExecutionProvider did not load; it needs a good GPU: Failed to load libcublasLt.so.13$"
    with pytest.warns(UserWarning, match="not in available"), pytest.raises(InputError, match=why):
        open_engine(style, "onnxruntime-cuda")


def test_a_provider_that_leaves_a_little_to_the_cpu(style, monkeypatch):
    ort = importlib.import_module("toonstream_engines.ort")
    engine = ort.open_model("onnxruntime", style.model, style.model.read(), "fp32")

    class Session:
        def get_provider_graph_assignment_info(self):
            yield Part("GPU", ["Conv", "Clip", "Round"])
            yield Part("CPUExecutionProvider", ["Cast"])

    class Part:
        def __init__(self, ep_name, kinds):
            self.ep_name, self.kinds = ep_name, kinds

        def get_nodes(self):
            return [SimpleNamespace(op_type=kind) for kind in self.kinds]

    engine._session = Session()
    engine._check(ort.Provider("GPU", "GPU"))
    assert engine.description == "ONNX Runtime, CPU (of 4 operators 1 on the CPU), fp32"


@each_backend
def test_missing_backend(style, backend, monkeypatch):
    monkeypatch.setitem(sys.modules, BACKENDS[backend].needs, None)
    with pytest.raises(InputError, match="is not installed; install it with: pip install ") as caught:
        open_engine(style, backend)
    assert BACKENDS[backend].install in str(caught.value)
    others = [name for name in there if name != backend]
    if others:
        with open_engine(style) as engine:
            assert BACKENDS[backend].title not in engine.description


def test_no_backend_at_all(style, monkeypatch):
    for entry in BACKENDS.values():
        monkeypatch.setitem(sys.modules, entry.needs, None)
    with pytest.raises(InputError, match="no backend is installed"):
        open_engine(style)


def test_ways_to_run_a_file():
    assert probe.ways({"fp32", "int8"}, "onnxruntime") == [("onnxruntime", "fp32"), ("onnxruntime", "int8")]
    assert ("onnxruntime", "int8") not in probe.ways({"fp32"})


def test_unknown_backend(style):
    with pytest.raises(InputError, match="abacus: no such backend; there are auto, onnxruntime, openvino, "):
        open_engine(style, "abacus")


@each_backend
def test_a_backend_that_does_not_load(style, backend, monkeypatch):
    monkeypatch.setitem(sys.modules, BACKENDS[backend].module, None)
    with pytest.raises(InputError, match=BACKENDS[backend].title):
        open_engine(style, backend)


@needs_openvino
def test_auto_takes_the_faster_and_remembers(style, cache, monkeypatch):
    timed = 0

    def time_engines(tried, parity):
        nonlocal timed
        timed += 1
        for each in tried:
            each.seconds = {"onnxruntime": 2.0, "openvino": 1.0}[each.candidate.backend]

    monkeypatch.setattr(probe, "time_engines", time_engines)
    with open_engine(style, precision="fp32") as engine:
        assert engine.description == "OpenVINO, CPU, fp32"
    (file,) = cache.iterdir()
    assert json.loads(file.read_text()) == {"choice": ["openvino", "fp32.onnx", "fp32"]}
    with open_engine(style, precision="fp32") as engine:
        assert engine.description == "OpenVINO, CPU, fp32"
    assert timed == 1


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'{"choice": ["abacus", "fp32.onnx", "fp32"]}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_damaged_choice_is_made_again(style, cache, damage):
    open_engine(style, "onnxruntime").close()
    (file,) = cache.iterdir()
    good = file.read_bytes()
    file.write_bytes(damage)
    open_engine(style, "onnxruntime").close()
    assert file.read_bytes() == good
    assert list(cache.iterdir()) == [file]


def test_a_choice_that_no_longer_opens_is_made_again(style, monkeypatch):
    open_engine(style, precision="fp32").close()
    really, calls = probe.open_candidate, []

    def fail_once(candidate, data):
        calls.append(candidate)
        if len(calls) == 1:
            raise RuntimeError("the driver is gone")
        return really(candidate, data)

    monkeypatch.setattr(choose, "open_candidate", fail_once)
    monkeypatch.setattr(probe, "open_candidate", fail_once)
    with open_engine(style, precision="fp32") as engine:
        assert steps(engine.run({"image": crops()})["toon"], truth(crops())) <= 1


def test_another_model_is_another_choice(tmp_path, cache):
    open_engine(load_style(save_style(tmp_path / "a")), "onnxruntime").close()
    other = tiny_model()
    other.graph.name = "other"
    open_engine(load_style(save_style(tmp_path / "b", {"fp32": other})), "onnxruntime").close()
    assert len(list(cache.iterdir())) == 2


def test_where_nothing_can_be_kept(style, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path / "file"))
    open_engine(style, "onnxruntime").close()


def test_two_processes_at_once(style, cache):
    program = (
        "import sys, toonstream_engines as e\n"
        "print(e.open_engine(e.load_style(sys.argv[1]), precision='fp32').description)"
    )
    command = [sys.executable, "-c", program, str(style.folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert all(process.returncode == 0 for process in both)
    assert all(text.endswith(", CPU, fp32\n") for text in said)
    (file,) = cache.iterdir()
    with open_engine(style, precision="fp32") as engine:
        assert BACKENDS[json.loads(file.read_text())["choice"][0]].title == engine.title


def test_importing_engines_loads_no_runtime():
    program = (
        "import sys, toonstream_engines as e\nprint(*{'onnxruntime', 'openvino', 'torch', 'onnx'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"


@each_backend
def test_nothing_calls_home(style, backend):
    """A camera program reports to nobody: what would, is not even loaded."""
    program = (
        "import sys, toonstream_engines as e\ne.open_engine(e.load_style(sys.argv[1]), sys.argv[2]).close();"
        "print([name for name, module in sys.modules.items() if name.startswith('openvino_telemetry') and module])"
    )
    command = [sys.executable, "-c", program, str(style.folder), backend]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


@each_backend
def test_an_interrupt_after_engines_were_closed(style, backend):
    """OpenVINO's own signal stack once went with the engine, and the next signal killed the process."""
    program = (
        "import os, signal, sys, toonstream_engines as engines\n"
        "for _ in range(2):\n"
        "    pair = [engines.open_engine(engines.load_style(sys.argv[1]), sys.argv[2]) for _ in range(2)]\n"
        "    [engine.close() for engine in pair]\n"
        "    del pair\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    print('told')\n"
    )
    command = [sys.executable, "-c", program, str(style.folder), backend]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "told\n"


FUZZ = """
import sys
from pathlib import Path
from support.mutate import mutate
from support.tiny_style import crops, save_style, tiny_model, truth
from toonstream_engines import load_style, open_engine
from toonstream_engines.errors import UserError
for seed in range(int(sys.argv[3])):
    style = load_style(save_style(Path(sys.argv[1]), {"fp32": mutate(tiny_model(), seed)}))
    try:
        with open_engine(style, sys.argv[2], "fp32") as engine:
            assert abs(engine.run({"image": crops()})["toon"].astype(int) - truth(crops())).max() <= 1
    except UserError as error:
        assert chr(10) not in str(error)
"""


@each_backend
@pytest.mark.parametrize("count", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_damaged_model_under_a_right_hash(tmp_path, backend, count):
    """In a process of its own, which must neither crash nor hang nor print."""
    command = [sys.executable, "-c", FUZZ, str(tmp_path / "style"), backend, str(count)]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
        timeout=120 + count,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
