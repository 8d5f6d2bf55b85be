"""How far toons are from cartoons as sets, from their photos one by one, and from each other.

Frechet distance: Heusel et al. 2017; kernel distance: Binkowski et al. 2018; perceptual distance: Zhang et al. 2018,
equation 1; diversity: Odena et al. 2017, section 4.2. Frechet and kernel distance are FID and KID with Inception's
features alone.
"""

import warnings
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from toonstream_train.evaluation.features import BATCH, EfficientNetLite0

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of MS-SSIM's scales, the finest first (Wang et al. 2003)."""
KERNEL = 11
"""Pixels of the side of MS-SSIM's window."""
PAIRS = 100
"""Of toons, at most, whose likeness is measured."""
SUBSETS = 100
"""That the kernel distance is the mean over."""

Images = NDArray[np.uint8]


def frechet_distance(toons: Tensor, cartoons: Tensor) -> float:
    """Between the Gaussians through two sets of features (N, D) and (M, D). Comparable for equal N and M only."""
    measure = FrechetInceptionDistance(feature=_features(toons.shape[1])).set_dtype(torch.float64)
    measure.update(cartoons.double(), real=True)
    measure.update(toons.double(), real=False)
    return float(measure.compute())


def kernel_distance(toons: Tensor, cartoons: Tensor) -> tuple[float, float]:
    """Squared maximum mean discrepancy under the cubic kernel, unbiased: mean and deviation over random subsets."""
    size = max(2, min(len(toons), len(cartoons)) // 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it keeps the features, which is what it is given
        measure = KernelInceptionDistance(feature=_features(toons.shape[1]), subsets=SUBSETS, subset_size=size)
    measure.update(cartoons, real=True)
    measure.update(toons, real=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same subsets for everyone
        mean, deviation = measure.compute()
    return float(mean), float(deviation)


def _features(width: int) -> nn.Module:
    """torchmetrics takes the features themselves where the network is the identity."""
    identity = nn.Identity()
    identity.num_features = width  # type: ignore[assignment]
    return identity


def perceptual_distance(network: EfficientNetLite0, photos: Images, toons: Images) -> float:
    """Mean over pictures (N, H, W, 3): unit-length features, squared differences, mean over places, sum over layers."""
    total = 0.0
    for i in range(0, len(photos), BATCH):
        pairs = zip(network.stages(photos[i : i + BATCH]), network.stages(toons[i : i + BATCH]), strict=True)
        for a, b in pairs:
            difference = nn.functional.normalize(a, dim=1) - nn.functional.normalize(b, dim=1)
            total += float(difference.square().sum(1).mean((1, 2)).sum())
    return total / len(photos)


def scales(side: int) -> int:
    """How many of MS-SSIM's five scales fit a picture: its window has to fit the last."""
    return max(1, min(len(SCALE_WEIGHTS), int(np.log2(max(side - 1, 1) / (KERNEL - 1))) + 1))


def similarity_between(toons: Images) -> float:
    """Mean MS-SSIM of all pairs of (N, H, W, 3), or PAIRS random ones: low is diverse. NaN for fewer than two."""
    if len(toons) < 2:
        return float("nan")
    pairs = np.array(list(combinations(range(len(toons)), 2)))
    if len(pairs) > PAIRS:
        random = np.random.default_rng(0)
        pairs = np.stack([random.choice(len(toons), 2, replace=False) for _ in range(PAIRS)])
    weights = np.array(SCALE_WEIGHTS[: scales(min(toons.shape[1:3]))])
    betas = tuple((weights / weights.sum()).tolist())
    values = []
    for part in np.array_split(pairs, -(-len(pairs) // BATCH)):
        a, b = (torch.from_numpy(toons[part[:, side]]).permute(0, 3, 1, 2).float() for side in (0, 1))
        values.append(
            multiscale_structural_similarity_index_measure(
                a, b, data_range=255.0, kernel_size=KERNEL, betas=betas, reduction="none"
            )
        )
    return float(torch.cat([torch.as_tensor(value) for value in values]).mean())
