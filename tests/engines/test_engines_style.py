"""Styles and model files from anywhere: what is right loads, what is wrong is refused in one line."""

import contextlib
import random
import re
import subprocess
import sys

import numpy as np
import pytest
from support.tiny_style import TensorProto, crops, helper, numpy_helper, save_style, tiny_model, truth
from toonstream_engines import load_style, open_engine, styles
from toonstream_engines.errors import InputError
from toonstream_engines.graph import Port, check_ports, read_graph
from toonstream_engines.parity import difference, load_parity
from toonstream_engines.style import INPUTS, OUTPUTS


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOONSTREAM_CACHE", str(tmp_path / "cache"))


def refused(call, *args) -> str:
    with pytest.raises(InputError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_style_is_its_card(tmp_path):
    style = load_style(save_style(tmp_path / "mine"))
    assert (style.name, style.about, style.card["data"]) == ("mine", "A tiny one", {"photos": "none, CC0"})
    assert (style.model.precision, style.model.size, style.model.side) == ("fp32", 256, None)
    assert style.model.inputs == (Port("image", "uint8", ("n", "h", "w", 3), "a test"),)
    assert style.model.outputs == (Port("toon", "uint8", ("n", "h", "w", 3), "a test"),)
    assert style.model.read() == (tmp_path / "mine/fp32.onnx").read_bytes()
    assert style.describe().splitlines() == [
        "mine: A tiny one",
        "  recipe: none",
        "  size: 256",
        "  data:",
        "    photos: none, CC0",
        "  inputs:",
        "    image uint8 [n, h, w, 3]: a test",
        "  outputs:",
        "    toon uint8 [n, h, w, 3]: a test",
        "  models:",
        "    fp32.onnx: fp32",
    ]


@pytest.mark.parametrize(
    ("size", "side", "only"), [(96, None, 96), (256, None, None), (512, None, None), (256, 128, 128)]
)
def test_what_learned_small_faces_draws_no_larger_ones(tmp_path, size, side, only):
    assert load_style(save_style(tmp_path / "mine", size=size, side=side)).model.side == only


def test_a_card_cannot_write_to_the_terminal(tmp_path):
    folder = save_style(tmp_path / "mine")
    card = folder / "card.toml"
    card.write_text(card.read_text().replace("A tiny one", "\\u001b[2J\\u202eA\\ntiny one"))
    assert load_style(folder).describe().splitlines()[0] == "mine: [2JAtiny one"


def test_shipped_styles_are_proved():
    for style in styles():
        assert load_style(style.name) == style
        with open_engine(style, "onnxruntime") as engine:
            assert difference(engine, load_parity(style)).most <= 3


def test_no_such_style(tmp_path):
    assert "no such style; shipped: " in refused(load_style, "nothing")
    assert "has no card.toml" in refused(load_style, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('about = "A tiny one"', "about = ", "(at line 1"),
        ('about = "A tiny one"', "about = 5", "have to be text"),
        ('about = "A tiny one"', 'steps = "40,000"', "steps has to be a whole number"),
        ("[models.fp32]", "[other]", "names no model"),
        ("'fp32.onnx'", "'../fp32.onnx'", "plain name"),
        ("'fp32.onnx'", "'/etc/passwd'", "plain name"),
        (
            "[models.fp32]",
            "[shape]\nnetwork = '../a'\nsha256 = '0'\n[models.fp32]",
            "[shape] network has to be a plain",
        ),
        ("[models.fp32]", "[shape]\nnetwork = 'a'\n[models.fp32]", "[shape] needs sha256"),
        ("'fp32.onnx'", "'..'", "fetch it again"),
        ("'fp32.onnx'", "'none.onnx'", "fetch it again"),
        ("'fp32.onnx'", "5", "needs file"),
        ("sha256 = '", "sha256 = 'x", "64 hexadecimal digits"),
        ("precision = 'fp32'", "precision = 'fp7'", "precision has to be one of"),
        ("precision = 'fp32'", "precision = 'fp16'", "first of its models"),
        ("size = 256", "size = 100", "multiple of 32"),
        ("size = 256", "size = true", "needs size"),
        ("size = 256", "size = 256\nsharpen = -1", "sharpen has to be 0 to 16"),
        ("size = 256", "size = 256\nsharpen = nan", "sharpen has to be 0 to 16"),
        ("size = 256", "size = 256\nsharpen = 'much'", "needs sharpen"),
        ("[inputs.image]", "[inputs.picture]", "needs a table [inputs.image]"),
        ("[outputs.toon]", "[outputs.matte]", "needs a table [outputs.toon]"),
        ("[outputs.toon]", "[outputs.edges]\n[outputs.toon]", "[outputs.edges] is not known; there are toon, matte"),
        ("'uint8'", "'float32'", "[inputs.image] has to be image uint8 [n, h, w, 3]"),
        ("['n', 'h', 'w', 3]", "['n', 'h', 'w', 1]", "[inputs.image] has to be image"),
        ("['n', 'h', 'w', 3]", "[1, 'h', 'w', 3]", "[inputs.image] has to be image"),
        ("['n', 'h', 'w', 3]", "['n', 100, 'w', 3]", "[inputs.image] has to be image"),
        ("['n', 'h', 'w', 3]", "5", "[inputs.image] needs shape"),
        ("'a test'", "5", "[inputs.image] needs meaning"),
        (
            "[inputs.image]",
            "[inputs.landmarks]\ndtype = 'float32'\nshape = ['n', 5, 2]\nmeaning = ''\n[inputs.image]",
            "its inputs are image, not landmarks, image",
        ),
    ],
)
def test_a_wrong_card(tmp_path, old, new, why):
    card = save_style(tmp_path / "mine") / "card.toml"
    assert old in card.read_text()
    card.write_text(card.read_text().replace(old, new, 1))
    assert re.match(f"{tmp_path}.*{re.escape(why)}", refused(lambda: open_engine(load_style(card.parent))))


def test_a_card_that_is_no_text(tmp_path):
    (tmp_path / "card.toml").write_bytes(b"\xff\xfe\x00")
    assert "card.toml" in refused(load_style, tmp_path)
    (tmp_path / "card.toml").write_text("a = " + "[" * 100_000)
    assert "card.toml" in refused(load_style, tmp_path)
    (tmp_path / "card.toml").write_text("# " + "x" * (1 << 20))
    assert "larger than" in refused(load_style, tmp_path)


def test_another_file_than_the_card_names(tmp_path):
    folder = save_style(tmp_path / "mine")
    model = folder / "fp32.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    assert re.match(f"{model}: .*SHA-256", refused(open_engine, load_style(folder)))
    model.write_bytes(b"")
    assert re.match(f"{model}: .*SHA-256", refused(open_engine, load_style(folder)))
    with model.open("r+b") as file:
        file.truncate(600 << 20)  # sparse
    assert re.match(f"{model}: larger than", refused(open_engine, load_style(folder)))


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        (None, "missing"),
        (b"", "export"),
        (b"PK\x03\x04 and no more", "export"),
        ({"image": crops()}, "toon"),
        ({"image": crops().astype(np.float32), "toon": crops()}, "float32"),
        ({"image": crops(), "toon": crops(3)}, r"\(3, 64, 64, 3\)"),
        ({"image": crops(2, 40, 40), "toon": crops(2, 40, 40)}, "multiple of 32"),
        ({"image": crops(0), "toon": crops(0)}, "n is 0"),
        ({"image": np.array([{}]), "toon": crops()}, "Object arrays"),
    ],
)
def test_wrong_parity(tmp_path, arrays, why):
    folder = save_style(tmp_path / "mine")
    path = folder / "parity.npz"
    path.unlink()
    if isinstance(arrays, dict):
        np.savez(path, **arrays)
    elif arrays is not None:
        path.write_bytes(arrays)
    assert re.match(f"{path}: .*{why}", refused(load_parity, load_style(folder)))


def changed(how):
    model = tiny_model()
    how(model)
    return model


def image_type(shape):
    return helper.make_tensor_type_proto(TensorProto.UINT8, shape)


def _subgraph(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("If", ["yes"], ["x"], then_branch=body, else_branch=body))


def _external(model):
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../etc/passwd")


def _external_constant(model):
    _external(model)
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=model.graph.initializer[0]))
    del model.graph.initializer[0]


def _sparse(model):
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.zeros(1, np.int64))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3]))


def _function(model):
    model.functions.append(helper.make_function("own", "F", ["x"], ["x"], [], []))


FOREIGN = {
    "float picture": (tiny_model(image=TensorProto.FLOAT), "its input is image float32"),
    "other channels": (
        changed(lambda m: m.graph.input[0].type.CopyFrom(image_type(["n", "h", "w", 1]))),
        r"its input is image uint8 \[n, h, w, 1\], not image uint8 \[n, h, w, 3\]",
    ),
    "planes first": (changed(lambda m: m.graph.input[0].type.CopyFrom(image_type(["n", 3, "h", "w"]))), "its input is"),
    "rank": (changed(lambda m: m.graph.input[0].type.CopyFrom(image_type(["h", "w", 3]))), "its input is"),
    "one at a time": (
        changed(lambda m: m.graph.input[0].type.CopyFrom(image_type([1, "h", "w", 3]))),
        "its input is image",
    ),
    "fixed side": (tiny_model(side=96), r"its input is image uint8 \[n, 96, 96, 3\], not"),
    "output": (
        changed(lambda m: m.graph.output[0].type.CopyFrom(image_type(["n", "h", "w", 5]))),
        "its output is toon",
    ),
    "names": (changed(lambda m: setattr(m.graph.input[0], "name", "picture")), "its inputs are picture"),
    "outputs": (changed(lambda m: m.graph.output.append(m.graph.output[0])), "its outputs are toon, toon"),
    "landmarks": (tiny_model(["image", "landmarks"]), "its inputs are image, landmarks"),
    "domain": (changed(lambda m: setattr(m.graph.node[2], "domain", "com.microsoft")), "com.microsoft.Conv is not"),
    "subgraph": (changed(_subgraph), "a graph of its own"),
    "function": (changed(_function), "operators of its own"),
    "weights elsewhere": (changed(_external), "in another file"),
    "constant elsewhere": (changed(_external_constant), "in another file"),
    "sparse": (changed(_sparse), "sparse"),
    "empty": (b"", "no ONNX model"),
    "text": (b"not a model at all\n" * 20, "no ONNX model"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_model(tmp_path, kind):
    model, why = FOREIGN[kind]
    folder = save_style(tmp_path / "mine", {"fp32": model})
    assert re.match(f"{folder}/fp32.onnx: not a model to run: .*{why}", refused(open_engine, load_style(folder)))


PORTS = (INPUTS["image"],), (OUTPUTS["toon"],)


def test_any_cut_or_change_is_read_or_refused():
    data = tiny_model().SerializeToString()
    for end in range(len(data)):
        with pytest.raises(ValueError, match=r"^it"):
            check_ports(read_graph(data[:end]), *PORTS)
    rng = random.Random(1)
    for _ in range(2000):
        other = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            other[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(ValueError):
            check_ports(read_graph(bytes(other)), *PORTS)


def test_a_model_with_weights_among_its_inputs():
    model = tiny_model()
    model.graph.input.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, [3, 3, 3, 3]))
    graph = read_graph(model.SerializeToString())
    assert [port.name for port in graph.inputs] == ["image"]
    assert graph.inputs[0].shape == ("n", "h", "w", 3)


def test_truth_is_not_trivial():
    toons = truth(crops())
    assert 0.2 < (toons > 0).mean() < 0.9


def test_a_reader_who_goes_is_no_error():
    code = "import sys; from toonstream.commands import main; sys.exit(main(['styles']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
