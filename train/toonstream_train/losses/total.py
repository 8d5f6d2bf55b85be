"""The sum of several losses."""

from collections.abc import Iterable
from functools import reduce

import torch
from torch import Tensor


def total(losses: Iterable[Tensor]) -> Tensor:
    """Of one loss or more, in float32."""
    return reduce(torch.add, (loss.float() for loss in losses))
