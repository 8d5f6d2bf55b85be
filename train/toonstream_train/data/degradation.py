"""What webcams do to a picture, in batches on the device. Pictures are (B, 3, H, W) in [-1, 1]."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad

from toonstream_train.data.dataset import Batch


@dataclass(frozen=True)
class Degradation:
    """Strengths; 0 switches one off."""

    light: float = 0.0
    """Of exposure, contrast and colour cast, 1 being a room at night."""
    blur: float = 0.0
    """Largest sigma of a Gaussian blur, pixels."""
    noise: float = 0.0
    """Largest sigma of sensor noise, 8-bit steps."""
    jpeg: float = 0.0
    """Share of the pictures that are compressed."""


def light(settings: Degradation, batch: Batch) -> Batch:
    """The faces in random light, each in its own: gamma, brightness, and a gain for each channel."""
    if not settings.light:
        return batch
    count, device = batch.pictures.shape[0], batch.pictures.device

    def spread(amount: float, channels: int = 1) -> Tensor:
        return torch.exp(settings.light * amount * torch.randn(count, channels, 1, 1, device=device))

    gamma, gain = spread(0.35), spread(0.2) * spread(0.12, 3)

    def lit(pictures: Tensor) -> Tensor:
        return (((pictures.clamp(-1, 1) + 1) / 2).pow(gamma) * gain).clamp(0, 1) * 2 - 1

    return replace(batch, pictures=lit(batch.pictures))


def degrade(settings: Degradation, x: Tensor) -> Tensor:
    """Blur, then sensor noise, then compression: the order of a camera."""
    count, device = x.shape[0], x.device
    if settings.blur:
        x = blur(x, torch.rand(count, device=device).square() * settings.blur)
    if settings.noise:
        x = noise(x, torch.rand(count, device=device).square() * settings.noise)
    if settings.jpeg:
        quality = 25 + 70 * torch.rand(count, device=device)
        chosen = torch.rand(count, device=device) < settings.jpeg
        x = torch.where(chosen[:, None, None, None], jpeg(x, quality), x)
    return x


def blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian, sigma (B,) pixels."""
    reach = 4
    offsets = torch.arange(-reach, reach + 1, device=x.device)
    kernel = torch.exp(-offsets.square() / (2 * sigma[:, None].clamp(min=0.05).square()))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(3, 0)
    flat = pad(x, (reach,) * 4, "replicate").reshape(1, -1, x.shape[2] + 2 * reach, x.shape[3] + 2 * reach)
    flat = conv2d(flat, kernel[:, None, :, None], groups=kernel.shape[0])
    return conv2d(flat, kernel[:, None, None, :], groups=kernel.shape[0]).reshape(x.shape)


def noise(x: Tensor, sigma: Tensor) -> Tensor:
    """Sensor noise, sigma (B,) in 8-bit steps: white, or, for half the pictures, grainy after a camera's smoothing."""
    white = torch.randn_like(x)
    grain = avg_pool2d(pad(white, (1,) * 4, "replicate"), 3, 1) * 3
    grainy = torch.rand(x.shape[0], 1, 1, 1, device=x.device) < 0.5
    return x + torch.where(grainy, grain, white) * (sigma / 127.5)[:, None, None, None]


# Annex K of the JPEG standard
LUMA = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
CHROMA = """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99"""
YCBCR = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))


def jpeg(x: Tensor, quality: Tensor) -> Tensor:
    """What JPEG of `quality` (B,), 1 to 99, loses: half-size chroma, rounded DCT of blocks. H, W multiples of 16."""
    matrix = x.new_tensor(YCBCR)
    ycbcr = torch.einsum("ij,bjhw->bihw", matrix, x * 127.5)
    scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50).clamp(min=0.02)
    y = round_blocks(ycbcr[:, :1], LUMA, scale)
    chroma = interpolate(round_blocks(avg_pool2d(ycbcr[:, 1:], 2), CHROMA, scale), scale_factor=2.0)
    out = torch.einsum("ij,bjhw->bihw", torch.linalg.inv(matrix), torch.cat([y, chroma], 1))
    return (out / 127.5).clamp(-1, 1)


def round_blocks(x: Tensor, table: str, scale: Tensor) -> Tensor:
    """(B, C, H, W), the DCT of its blocks of 8x8 rounded to `table` times `scale` (B,). H, W: multiples of 8."""
    k = torch.arange(8, device=x.device)
    dct = torch.cos((2 * k[None] + 1) * k[:, None] * math.pi / 16) / 2
    dct[0] /= math.sqrt(2)
    step = x.new_tensor([float(n) for n in table.split()]).reshape(1, 1, 1, 8, 1, 8) * scale.view(-1, 1, 1, 1, 1, 1)
    b, c, h, w = x.shape
    blocks = torch.einsum("uy,bcmynx,vx->bcmunv", dct, x.reshape(b, c, h // 8, 8, w // 8, 8), dct)
    blocks = torch.round(blocks / step) * step
    return torch.einsum("uy,bcmunv,vx->bcmynx", dct, blocks, dct).reshape(b, c, h, w)


def again(x: Tensor, sigma: float) -> tuple[Tensor, tuple[int, int]]:
    """The same faces moved by at most a pixel, under fresh noise of at most `sigma`; and the move, right and down."""
    right, down = (int(n) for n in torch.randint(-1, 2, (2,)))
    strength = torch.rand(x.shape[0], 1, 1, 1, device=x.device) * sigma / 127.5
    return shift(x, right, down) + strength * torch.randn_like(x), (right, down)


def shift(x: Tensor, right: int, down: int) -> Tensor:
    """The picture moved by whole pixels; what comes in at the border repeats it."""
    h, w = x.shape[2:]
    padded = pad(x, (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)), "replicate")
    return padded[:, :, max(-down, 0) : max(-down, 0) + h, max(-right, 0) : max(-right, 0) + w]
