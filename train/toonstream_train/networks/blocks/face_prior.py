"""A face prior: learned features of the mean face, laid over the face at hand."""

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate

from toonstream_train.data.pack import CELL
from toonstream_train.networks.blocks.warp_field import coordinates

MIDDLE, REACH = (0.0, 0.15), (0.72, 0.55)
"""Where it lies on the mean face, brows to chin, across and down, in halves of the crop's side."""

SIZE = (35, 46)
"""Places on it, down and across: four pixels of a crop apart, about the error of a chart."""


class FacePrior(nn.Module):
    """A warp field's features (N, channels, H / 16, W / 16) -> features (N, width, H / 2, W / 2), at first zero.

    It predicts where on the mean face each place lies and looks up what was learned for there. With convolutions alone
    a generator draws every lid with doubt, and doubt is blurred.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.offset = nn.Conv2d(channels, 2, 3, padding=1)
        for parameter in self.offset.parameters():
            nn.init.zeros_(parameter)
        self.face = nn.Parameter(torch.zeros(1, width, *SIZE))

    def charts(self, features: Tensor) -> Tensor:
        """(N, 2, H / CELL, W / CELL): where each place lies on the mean face, in [-1, 1] across its crop and down."""
        offsets = interpolate(self.offset(features), scale_factor=16.0 / CELL, mode="bilinear")
        return offsets + coordinates(offsets).permute(0, 3, 1, 2)

    def forward(self, features: Tensor) -> Tensor:
        # Charts learn from the teacher's charts alone; gradients of what is drawn would mislead them.
        charts = interpolate(self.charts(features).detach(), scale_factor=CELL / 2, mode="bilinear").nan_to_num()
        grid = (charts.permute(0, 2, 3, 1) - charts.new_tensor(MIDDLE)) / charts.new_tensor(REACH)
        return grid_sample(self.face.expand(charts.shape[0], -1, -1, -1), grid, align_corners=False)
