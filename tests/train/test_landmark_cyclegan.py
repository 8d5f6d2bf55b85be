"""Landmark Assisted CycleGAN: heat maps as condition, and landmarks that stay where they are."""

import math

import pytest
import torch
from toonstream_train.networks.heat_maps import heat_maps, landmarks_of
from toonstream_train.networks.landmark_regressor import LandmarkRegressor
from torch.nn.functional import mse_loss


def test_heat_maps_by_hand() -> None:
    """At 40 x 80 the deviation is 2 pixels."""
    maps = heat_maps(torch.tensor([[[10.5, 20.5], [33.5, 7.5]]]), 40, 80)
    assert maps.shape == (1, 2, 40, 80)
    assert maps[0, 0, 20, 10] == 1
    assert maps[0, 0, 22, 10].item() == pytest.approx(math.exp(-0.5))
    assert maps[0, 0, 20, 6].item() == pytest.approx(math.exp(-2))
    assert maps[0, 1, 6, 36].item() == pytest.approx(math.exp(-(9 + 1) / 8))
    assert landmarks_of(maps).tolist() == [[[10.5, 20.5], [33.5, 7.5]]]


def test_the_regressor_of_table_3() -> None:
    regressor = LandmarkRegressor()
    shapes = []
    for layer in (*regressor.down, regressor.middle, *regressor.up):
        layer.register_forward_hook(lambda layer, inputs, made: shapes.append(tuple(made.shape[1:])))
    assert regressor(torch.zeros(1, 3, 128, 128)).shape == (1, 5, 128, 128)
    down = [(64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4)]
    assert shapes == [*down, (1024, 4, 4), *down[-2::-1], (32, 128, 128)]


def test_the_regressor_finds_a_spot() -> None:
    torch.manual_seed(0)
    regressor = LandmarkRegressor(1, width=4)
    adam = torch.optim.Adam(regressor.parameters(), 5e-3)

    def spots(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        points = torch.randint(16, 48, (count, 1, 2)) + 0.5
        maps = heat_maps(points, 64, 64)
        return points, 1 - 2 * maps.expand(-1, 3, -1, -1)

    for _ in range(60):
        points, pictures = spots(4)
        adam.zero_grad()
        mse_loss(regressor(pictures), heat_maps(points, 64, 64)).backward()
        adam.step()
    points, pictures = spots(8)
    off = (landmarks_of(regressor(pictures)) - points).norm(dim=2)
    assert off.max() <= 2
