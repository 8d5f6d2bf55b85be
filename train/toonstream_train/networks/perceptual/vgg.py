"""VGG16's convolutions as a judge of content (Simonyan and Zisserman 2015)."""

from pathlib import Path

import torch
from toonstream_engines.errors import InputError
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

PUBLISHED = "https://download.pytorch.org/models/vgg16-397923af.pth"
# Index in torchvision's `vgg16().features` and width of each convolution up to conv4_3; None is a pooling.
LAYERS = {
    "conv1_1": (0, 64), "conv1_2": (2, 64), "pool1": None,
    "conv2_1": (5, 128), "conv2_2": (7, 128), "pool2": None,
    "conv3_1": (10, 256), "conv3_2": (12, 256), "conv3_3": (14, 256), "pool3": None,
    "conv4_1": (17, 512), "conv4_2": (19, 512), "conv4_3": (21, 512),
}  # fmt: skip


class VGG(nn.Module):
    """(N, 3, H, W) RGB in [-1, 1] -> feature maps of one layer, before its ReLU, in units of their size on `pictures`.

    pictures: (n, 3, h, w), a few photographs. Published weights and their layers differ in scale by factors of a
    hundred; in these units a loss's weight means the same with all of them.

    weights: a safetensors file with torchvision's names whose input is BGR, 0 to 255, less the ImageNet mean (the form
    in which the network was first published), "random" for tests, or "" for torchvision's published file, which is
    downloaded once, checked by its hash, and takes RGB normalised by mean and deviation.
    """

    def __init__(self, layer: str, weights: str, pictures: Tensor) -> None:
        super().__init__()
        if layer not in LAYERS or LAYERS[layer] is None:
            raise InputError(f"{layer}: no such layer; there are {', '.join(n for n, spec in LAYERS.items() if spec)}")
        self.names = list(LAYERS)[: list(LAYERS).index(layer) + 1]
        before = 3
        with torch.random.fork_rng(devices=[]):  # "random" is the same for every run, and changes nothing about it
            torch.manual_seed(0)
            for name in self.names:
                if spec := LAYERS[name]:
                    self.add_module(name, nn.Conv2d(before, spec[1], 3, padding=1))
                    before = spec[1]
        original = bool(weights)
        self.bgr = original
        mean, deviation = (
            ([103.939, 116.779, 123.68], [1.0] * 3) if original else ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        )
        unit = 1.0 if original else 255.0
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1) * unit, persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1) * unit, persistent=False)
        if weights != "random":
            self._load(weights)
        self.register_buffer("unit", torch.ones(()), persistent=False)
        self.requires_grad_(False).eval()
        self.to(pictures.device)
        self.get_buffer("unit").copy_(self(pictures).abs().mean())

    def forward(self, x: Tensor) -> Tensor:
        x = (x + 1) * 127.5
        x = ((x.flip(1) if self.bgr else x) - self.get_buffer("mean")) / self.get_buffer("deviation")
        for name in self.names:
            x = self.get_submodule(name)(x) if LAYERS[name] else max_pool2d(x, 2)
            if LAYERS[name] and name != self.names[-1]:
                x = relu(x)
        return x / self.get_buffer("unit")

    def _load(self, weights: str) -> None:
        if weights:
            from safetensors import SafetensorError
            from safetensors.torch import load_file

            if not Path(weights).is_file():
                raise InputError(
                    f'{weights}: no such file; give VGG16\'s features as safetensors, or vgg="" to download'
                )
            try:
                state = load_file(weights)
            except SafetensorError as error:
                raise InputError(f"{weights}: not a safetensors file ({error})") from error
        else:
            state = torch.hub.load_state_dict_from_url(PUBLISHED, check_hash=True, weights_only=True)
        try:
            for name in self.names:
                if spec := LAYERS[name]:
                    for part in ("weight", "bias"):
                        self.get_parameter(f"{name}.{part}").data.copy_(state[f"features.{spec[0]}.{part}"])
        except (KeyError, RuntimeError) as error:
            raise InputError(f"{weights}: not VGG16's features in torchvision's names ({error})") from error
