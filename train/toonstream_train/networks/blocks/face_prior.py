"""A mask: the picture of a mean face, learned, laid over the one at hand."""

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate

from toonstream_train.data.pack import CELL
from toonstream_train.networks.blocks.warp_field import places

MIDDLE, REACH = (0.0, 0.15), (0.72, 0.55)
"""Where it lies on the mean face, brows to chin, across and down, in halves of the crop's side."""

SIZE = (35, 46)
"""Places on it, down and across: four pixels of a crop apart, about as far as a chart may be off."""


class Mask(nn.Module):
    """What Bend saw of pictures, (N, seen, H / 16, W / 16) -> features (N, width, H / 2, W / 2), at first zero.

    A generator that must find out by convolutions alone where on a face it is draws every lid with doubt, and doubt is
    blurred. Charts are smooth and quickly learned.
    """

    def __init__(self, seen: int, width: int) -> None:
        super().__init__()
        self.offset = nn.Conv2d(seen, 2, 3, padding=1)
        for parameter in self.offset.parameters():
            nn.init.zeros_(parameter)
        self.face = nn.Parameter(torch.zeros(1, width, *SIZE))

    def charts(self, seen: Tensor) -> Tensor:
        """(N, 2, H / CELL, W / CELL): where each place lies on the mean face, in [-1, 1] across its crop and down."""
        offsets = interpolate(self.offset(seen), scale_factor=16.0 / CELL, mode="bilinear")
        return offsets + places(offsets).permute(0, 3, 1, 2)

    def forward(self, seen: Tensor) -> Tensor:
        # A chart learns from the teacher's alone: pulled at by what is drawn, it would lose its way.
        charts = interpolate(self.charts(seen).detach(), scale_factor=CELL / 2, mode="bilinear").nan_to_num()
        grid = (charts.permute(0, 2, 3, 1) - charts.new_tensor(MIDDLE)) / charts.new_tensor(REACH)
        return grid_sample(self.face.expand(charts.shape[0], -1, -1, -1), grid, align_corners=False)
