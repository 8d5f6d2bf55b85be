"""VGG16 and VGG19, their convolutions (Simonyan and Zisserman 2015)."""

import sys
from pathlib import Path

import torch
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from toonstream_train.networks.saved import read

PUBLISHED = {
    "vgg16": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "vgg19": "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
}
"""torchvision's files, of 528 and 548 MB, whose names end in the beginning of their SHA-256."""
WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Convolutions in each group; a pooling follows each."""


def _layers(depths: tuple[int, ...]) -> dict[str, tuple[int, int]]:
    """Name of each convolution -> its index in torchvision's `features`, and its width."""
    layers, index = {}, 0
    for group, (depth, width) in enumerate(zip(depths, WIDTHS, strict=True), 1):
        for number in range(1, depth + 1):
            layers[f"conv{group}_{number}"] = index, width
            index += 2  # a ReLU follows
        index += 1
    return layers


LAYERS = {network: _layers(depths) for network, depths in DEPTHS.items()}


class VGG(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1] -> the feature map of one convolution, before its ReLU.

    weights, in torchvision's names ("features.0.weight"):
    - "": torchvision's published file, downloaded once to torch's cache and checked by its hash
    - a .pth file: that file, found elsewhere; its input is RGB, normalised by ImageNet's mean and deviation
    - a .safetensors file: weights in the form in which VGG was first published: BGR, 0 to 255, less the mean
    - "random", for tests

    Raises InputError where there is no such layer, or the weights cannot be had.
    """

    def __init__(self, network: str, layer: str, weights: str) -> None:
        super().__init__()
        layers = LAYERS[network]
        if layer not in layers:
            raise InputError(f"{layer}: no such layer of {network}; there are {', '.join(layers)}")
        self.names = list(layers)[: list(layers).index(layer) + 1]
        before = 3
        with torch.random.fork_rng(devices=[]):  # "random" is the same in every run, and leaves the run's own numbers
            torch.manual_seed(0)
            for name in self.names:
                self.add_module(name, nn.Conv2d(before, layers[name][1], 3, padding=1))
                before = layers[name][1]
        self.bgr = weights.endswith(".safetensors")
        mean = [103.939, 116.779, 123.68] if self.bgr else [0.485 * 255, 0.456 * 255, 0.406 * 255]
        deviation = [1.0] * 3 if self.bgr else [0.229 * 255, 0.224 * 255, 0.225 * 255]
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1), persistent=False)
        if weights == "random":
            return
        state = _read(Path(weights)) if weights else _download(network)
        try:
            for name in self.names:
                for part in ("weight", "bias"):
                    self.get_parameter(f"{name}.{part}").data.copy_(state[f"features.{layers[name][0]}.{part}"])
        except (KeyError, RuntimeError) as error:
            raise InputError(f"{weights}: not {network}'s features in torchvision's names ({error})") from error

    def forward(self, x: Tensor) -> Tensor:
        x = (x + 1) * 127.5
        x = ((x.flip(1) if self.bgr else x) - self.get_buffer("mean")) / self.get_buffer("deviation")
        for name, following in zip(self.names, [*self.names[1:], ""], strict=True):
            x = self.get_submodule(name)(x)
            if following:
                x = relu(x)
                x = max_pool2d(x, 2) if following.endswith("_1") else x
        return x


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return read(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as VGG's weights ({error}); check the path") from error


def _download(network: str) -> dict[str, Tensor]:
    url = PUBLISHED[network]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    if not (folder / Path(url).name).is_file():
        print(f"{network}: downloading its weights, half a gigabyte, once, from {url} to {folder}", file=sys.stderr)
    try:
        state: dict[str, Tensor] = torch.hub.load_state_dict_from_url(url, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash is a RuntimeError
        raise InputError(
            f"{network}'s weights cannot be downloaded ({error}); fetch {url} elsewhere and name the file as "
            "`weights`, beside `network` in the settings; or do without: network=efficientnet-lite1, layer=block5"
        ) from error
    return state
