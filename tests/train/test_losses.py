"""The papers' equations on numbers small enough to do by hand."""

import math

import pytest
import torch
from toonstream_train.data.degradation import shift
from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.colour import colour
from toonstream_train.losses.content import content
from toonstream_train.losses.drawing import (
    drawing,
    edge_aware_smoothness,
    local_contrast,
    part_colours,
    tones,
)
from toonstream_train.losses.temporal import temporal_consistency


def logits(*probabilities: float) -> torch.Tensor:
    return torch.tensor([math.log(p / (1 - p)) for p in probabilities]).view(-1, 1, 1, 1)


def test_edge_promoting_adversarial_loss() -> None:
    """CartoonGAN eq. 3: D maximises log D(c) + log(1 - D(e)) + log(1 - D(G(p)))."""
    c, e, g = logits(0.9, 0.7), logits(0.2, 0.4), logits(0.1, 0.5)
    expected = -(
        (math.log(0.9) + math.log(0.7)) / 2
        + (math.log(1 - 0.2) + math.log(1 - 0.4)) / 2
        + (math.log(1 - 0.1) + math.log(1 - 0.5)) / 2
    )
    assert math.isclose(discriminator_loss("vanilla", c, [g, e]).item(), expected, rel_tol=1e-5)
    assert math.isclose(generator_loss("vanilla", g).item(), -(math.log(0.1) + math.log(0.5)) / 2, rel_tol=1e-5)


def test_other_adversarial_forms() -> None:
    real, fake = torch.full((1, 1, 1, 1), 0.5), torch.full((1, 1, 1, 1), -0.25)
    assert discriminator_loss("lsgan", real, [fake]).item() == 0.25 + 0.0625
    assert discriminator_loss("hinge", real, [fake]).item() == 0.5 + 0.75
    assert generator_loss("hinge", fake).item() == 0.25
    assert generator_loss("lsgan", fake).item() == 1.25**2


def test_content_loss() -> None:
    """Eq. 4 is the l1 norm of the difference of feature maps, here its mean; l2 is the ablation's."""
    a, b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 4.0, 0.0])
    assert math.isclose(content(a, b).item(), 5 / 3, rel_tol=1e-6)
    assert math.isclose(content(a, b, "l2").item(), 13 / 3, rel_tol=1e-6)


def test_local_contrast_is_how_much_is_drawn_wherever_it_lies() -> None:
    nothing, line, moved, two = torch.zeros(4, 1, 3, 32, 32)
    line[..., 10] = 1
    moved[..., 9] = 1  # in the same windows
    two[..., (9, 14)] = 1
    everywhere = torch.ones(1, 1, 32, 32)
    assert local_contrast(moved, line, everywhere) == 0
    # The line's two steps lie in two of six windows of 8 pixels.
    assert local_contrast(nothing, line, everywhere).item() == pytest.approx(2 / 8 * 2 / 6)
    assert local_contrast(two, line, everywhere) > 0
    assert local_contrast(two, line, 0 * everywhere) == 0


def test_tones_are_means_wherever_the_lines_lie() -> None:
    flat, everywhere = torch.zeros(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    stripes = torch.tensor([-1.0, 1.0]).repeat(16).expand(1, 3, 32, 32)
    assert tones(stripes, flat, everywhere) == 0
    assert tones(stripes + 0.25, flat, everywhere) == 0.25
    assert tones(stripes + 0.25, flat, 0 * everywhere) == 0


def test_part_colours_are_means_under_each_mask_and_weigh_chroma() -> None:
    flat = torch.zeros(1, 3, 32, 32)
    masks = torch.zeros(1, 2, 16, 16)
    masks[:, 0, :8] = masks[:, 1, 8:] = 1
    stripes = torch.tensor([-1.0, 1.0]).repeat(16).expand(1, 3, 32, 32)
    assert part_colours(stripes, flat, masks) == 0
    lighter = flat.clone()
    lighter[:, :, :16] = 0.5
    torch.testing.assert_close(part_colours(lighter, flat, masks), torch.tensor(0.25), atol=1e-3, rtol=0)
    bluer = flat.clone()
    bluer[:, 2, :16] = 0.6  # a chroma of -0.2, -0.2 and 0.4
    expected = torch.tensor((0.6 + 2 * 0.8) / 6)
    torch.testing.assert_close(part_colours(bluer, flat, masks), expected, atol=1e-3, rtol=0)


def test_drawing_and_temporal_consistency() -> None:
    x = torch.zeros(1, 3, 32, 32)
    assert drawing(x, x, torch.ones(1, 1, 32, 32)) == 0
    assert math.isclose(drawing(x + 0.5, x, torch.ones(1, 1, 32, 32)).item(), 0.5)  # a flat shift has no lines
    ramp = torch.arange(32.0).expand(1, 3, 32, 32)
    assert temporal_consistency(shift(ramp, 1, 0), ramp - 1) == 0


def test_colour_and_smoothness() -> None:
    stripes = torch.tensor([0.0, 1.0]).repeat(16).expand(1, 3, 32, 32)
    assert colour(stripes, stripes * 0 + 0.5) == 0  # texture is free
    assert colour(stripes + 0.25, stripes) == 0.25
    assert edge_aware_smoothness(stripes, torch.zeros_like(stripes)) == 1
    assert edge_aware_smoothness(stripes, stripes) < 1e-4  # the photo has these edges
