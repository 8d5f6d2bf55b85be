"""Pretrained networks whose features losses compare. A network that trains never evaluates."""

from dataclasses import dataclass

from toonstream_engines.errors import InputError
from torch import Tensor, nn

from toonstream_train.networks.perceptual.dlib_face import DlibFace
from toonstream_train.networks.perceptual.efficientnet import EfficientNetLite1
from toonstream_train.networks.perceptual.vgg import LAYERS, VGG


@dataclass(frozen=True)
class Perceptual:
    """Settings: which network's features, and where in it."""

    network: str = "efficientnet-lite1"
    """efficientnet-lite1, whose weights come with the train extra; vgg16 or vgg19, whose weights are large; dlib-face,
    of whole canonical crops, whose weights are in the package face_recognition_models."""
    layer: str = "block5"
    """block1 to block21 of efficientnet-lite1; conv1_1 to conv5_4 of vgg19, to conv5_3 of vgg16; level4 to level0 of
    dlib-face."""
    weights: str = ""
    """VGG's file: .pth as torchvision publishes it, or .safetensors (see `VGG`); without, it is downloaded once. Or
    dlib's .dat."""


def build(settings: Perceptual, pictures: Tensor) -> nn.Module:
    """The network, frozen: (N, 3, H, W) RGB in [-1, 1] -> feature maps, in units of their mean size on `pictures`.

    pictures: (n, 3, h, w), a few photographs. Features of different networks and layers differ in scale by factors of a
    hundred; in these units a loss's weight means the same with all of them. Raises InputError where there is no such
    network or layer, or its weights are missing.
    """
    if settings.network == "efficientnet-lite1":
        return Normalised(EfficientNetLite1(settings.layer), pictures)
    if settings.network in LAYERS:
        return Normalised(VGG(settings.network, settings.layer, settings.weights), pictures)
    if settings.network == "dlib-face":
        return Normalised(DlibFace(settings.layer, settings.weights), pictures)
    known = ("efficientnet-lite1", *LAYERS, "dlib-face")
    raise InputError(f"{settings.network}: no such network; there are {', '.join(known)}")


class Normalised(nn.Module):
    """A network's features, divided by their mean absolute value on some pictures."""

    def __init__(self, network: nn.Module, pictures: Tensor) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval().to(pictures.device)
        self.scale = float(self.network(pictures).abs().mean())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.network(x) / self.scale
        return out
