"""A differentiable warp by a polyharmonic spline (Cole et al.: Synthesizing Normalized Faces, CVPR 2017, appendix).

`toonstream.faces.spline` is the same at run time, without gradients and torch.
"""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from toonstream.faces.spline import MARGIN, RIDGE


def polyharmonic(centres: Tensor, values: Tensor, places: Tensor) -> Tensor:
    """The thin-plate spline, r^2 log r with a linear part, through `values` (B, n, k) at `centres` (B, n, 2).

    places: (B, m, 2), of about the size of 1, as the centres. Returns (B, m, k). Gradients pass through all of them.
    """
    count, linear = centres.shape[1], _linear(centres)
    kernel = _kernel(centres, centres) + RIDGE * torch.eye(count, device=centres.device)
    corner = centres.new_zeros(len(centres), 3, 3)
    system = torch.cat([torch.cat([kernel, linear], 2), torch.cat([linear.transpose(1, 2), corner], 2)], 1)
    target = torch.cat([values, values.new_zeros(len(values), 3, values.shape[2])], 1)
    weights: Tensor = torch.linalg.solve(system, target)
    return _kernel(places, centres) @ weights[:, :count] + _linear(places) @ weights[:, count:]


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    square = (a[:, :, None] - b[:, None]).square().sum(3)
    return square * square.clamp(min=1e-12).log() / 2  # r^2 log r


def _linear(points: Tensor) -> Tensor:
    return torch.cat([torch.ones_like(points[..., :1]), points], 2)


def warp(pictures: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """What lies at `source` (B, n, 2), pixels of the pictures (B, C, S, S), comes to lie at `target`.

    Between them the spline says where, and what is far outside stays. Beyond the picture its border repeats. It works
    in float32 whatever the networks do: bf16 cannot tell one pixel from the next.
    """
    with torch.autocast(pictures.device.type, enabled=False):
        side, device = pictures.shape[2], pictures.device
        ticks = torch.linspace(-MARGIN, 1 + MARGIN, 3, device=device)
        frame = torch.cartesian_prod(ticks, ticks)
        frame = frame[(frame - 0.5).abs().amax(1) > 0.5].expand(len(pictures), -1, -1)  # all but the middle one
        centres = torch.cat([target.float() / side, frame], 1)
        values = torch.cat([(source - target).float() / side, torch.zeros_like(frame)], 1)
        middles = (torch.arange(side, device=device) + 0.5) / side
        places = torch.cartesian_prod(middles, middles).flip(1)  # x, y, row by row
        grid = places + polyharmonic(centres, values, places.expand(len(pictures), -1, -1))
        grid = (2 * grid - 1).view(-1, side, side, 2)
        return grid_sample(pictures.float(), grid, padding_mode="border", align_corners=False)
