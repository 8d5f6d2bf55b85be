"""The papers' equations on numbers small enough to do by hand."""

import math

import cv2
import numpy as np
import pytest
import torch
from toonstream_train import losses
from toonstream_train.data.dataset import Faces, Geometry
from toonstream_train.data.degradation import Damage, blur, damage, jpeg, shift
from toonstream_train.data.edge_smoothing import smoothed
from toonstream_train.data.pack import CELL, Pack
from toonstream_train.networks.blocks.face_prior import Mask
from toonstream_train.networks.blocks.tones import LARGEST, Tones
from toonstream_train.networks.blocks.warp_field import Bend
from toonstream_train.networks.cartoongan import Discriminator, Generator
from toonstream_train.networks.generators.small import Small
from toonstream_train.networks.perceptual.vgg import VGG


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
    assert math.isclose(losses.judge("log", c, [g, e]).item(), expected, rel_tol=1e-5)
    assert math.isclose(losses.fool("log", g).item(), -(math.log(0.1) + math.log(0.5)) / 2, rel_tol=1e-5)


def test_other_adversarial_forms() -> None:
    real, fake = torch.full((1, 1, 1, 1), 0.5), torch.full((1, 1, 1, 1), -0.25)
    assert losses.judge("squares", real, [fake]).item() == 0.25 + 0.0625
    assert losses.judge("hinge", real, [fake]).item() == 0.5 + 0.75
    assert losses.fool("hinge", fake).item() == 0.25


def test_content_loss() -> None:
    """Eq. 4 is the l1 norm of the difference of feature maps, here its mean; l2 is the ablation's."""
    a, b = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 4.0, 0.0])
    assert math.isclose(losses.content(a, b).item(), 5 / 3, rel_tol=1e-6)
    assert math.isclose(losses.content(a, b, "l2").item(), 13 / 3, rel_tol=1e-6)


def test_edges_alone_are_smoothed() -> None:
    image = np.zeros((1, 64, 64, 3), np.uint8)
    image[:, :, 32:] = 200
    out = smoothed(image)
    assert 0 < out[0, 32, 31, 0] < 200  # the edge
    assert (out[0, :, :24] == 0).all()
    assert (out[0, :, 40:] == 200).all()


def test_drawing_and_steadiness() -> None:
    x = torch.zeros(1, 3, 32, 32)
    assert losses.drawing(x, x, torch.ones(1, 1, 32, 32)) == 0
    assert math.isclose(losses.drawing(x + 0.5, x, torch.ones(1, 1, 32, 32)).item(), 0.5)  # a flat shift has no lines
    ramp = torch.arange(32.0).expand(1, 3, 32, 32)
    assert losses.steady(shift(ramp, 1, 0), ramp - 1) == 0
    where = losses.features_weight(torch.tensor([[[8.5, 8.5], [24.5, 8.5], [16, 16], [12, 24], [20, 24]]]), 32, 2.0)
    assert where[0, 0, 8, 8] == 3
    assert where[0, 0, 31, 31] < 1.1


def test_parameters_of_the_paper() -> None:
    def count(network: torch.nn.Module) -> int:
        return sum(p.numel() for p in network.parameters())

    assert 11.0e6 < count(Generator()) < 11.2e6
    assert count(Small(16)) < 0.7e6
    with torch.no_grad():
        assert Generator(4, 1)(torch.zeros(1, 3, 64, 96)).shape == (1, 3, 64, 96)
        assert Small(4)(torch.zeros(1, 3, 64, 96)).shape == (1, 3, 64, 96)
        assert Discriminator(4)(torch.zeros(1, 3, 64, 96)).shape == (1, 1, 16, 24)


def test_jpeg_loses_what_jpeg_loses() -> None:
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (64, 64, 3)).astype(np.uint8), (0, 0), 2)
    ours = jpeg(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1, torch.tensor([40.0]))
    _, coded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 40])
    truth = cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1].astype(float)
    made = ((ours[0].permute(1, 2, 0) + 1) * 127.5).numpy()
    assert np.abs(made - truth).mean() < 0.45 * np.abs(picture - truth).mean()


def test_damage_leaves_a_clean_setting_alone() -> None:
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    assert torch.equal(damage(Damage(), x), x)
    assert torch.allclose(blur(x, torch.tensor([0.0, 0.0])), x, atol=1e-5)


def test_patches_keep_points_on_their_features() -> None:
    """A dot at each landmark of the crop is at the landmark of the patch, however it is turned, scaled and mirrored."""
    torch.manual_seed(3)
    points = np.array([[90, 100], [160, 104], [126, 140], [100, 180], [155, 178]], np.float32)
    image = np.zeros((256, 256, 3), np.uint8)
    for (x, y), colour in zip(points, (255, 215, 175, 135, 95), strict=True):
        cv2.circle(image, (int(x), int(y)), 7, (colour,) * 3, -1)
    made = Pack(
        images=image[None],
        inside=np.ones((1, 256, 256), np.uint8),
        landmarks=points[None],
        dense=np.full((1, 478, 2), np.nan, np.float32),
        names=["a"],
        sources=["a"],
    )
    faces = Faces(made, torch.device("cpu"), Geometry(192, (0.9, 1.3), 20, 5), {"again": torch.from_numpy(made.images)})
    batch = faces.sample(12)
    assert torch.equal(batch.pictures, batch.alike["again"])
    plain = Faces(made, torch.device("cpu"), Geometry(mirror=False), {})
    assert torch.equal(plain.sample(8).pictures, plain.sample(8).pictures)
    shown = 0
    for picture, landmarks in zip(batch.pictures, batch.landmarks, strict=True):
        levels = ((picture[0] + 1) * 127.5).round()
        mirrored = landmarks[0, 0] > landmarks[1, 0]
        assert not mirrored  # left stays the picture's left
        for k, (x, y) in enumerate(landmarks.tolist()):
            if 2 < x < 190 and 2 < y < 190:
                shown += 1
                level = levels[int(y), int(x)].item()
                pair = {0: (255, 215), 1: (255, 215), 2: (175,), 3: (135, 95), 4: (135, 95)}[k]
                assert min(abs(level - p) for p in pair) < 3
    assert shown > 20


def test_patches_keep_what_a_drawing_moved_and_where_on_a_face_it_is() -> None:
    """Where every place is taken from the nose in the crop, it is so in the patch."""
    torch.manual_seed(4)
    nose = np.float32([126, 140])
    middles = (np.stack(np.meshgrid(np.arange(32), np.arange(32)), 2) + 0.5) * CELL
    made = Pack(
        images=np.zeros((1, 256, 256, 3), np.uint8),
        inside=np.ones((1, 256, 256), np.uint8),
        landmarks=np.float32([[[90, 100], [160, 104], nose, [100, 180], [155, 178]]]),
        dense=np.full((1, 478, 2), np.nan, np.float32),
        names=["a"],
        sources=["a"],
        shifts=(nose - middles)[None].astype(np.float32),
        charts=((middles - nose) / 128)[None].astype(np.float32),
    )
    batch = Faces(made, torch.device("cpu"), Geometry(128, (0.9, 1.3), 20, 5), {}).sample(12)
    assert batch.shifts is not None
    middles = torch.from_numpy(middles[:16, :16]).permute(2, 0, 1).float()
    found = (middles + batch.shifts)[:, :, 4:12, 4:12]  # beyond the crop its border is repeated
    torch.testing.assert_close(found, batch.landmarks[:, 2, :, None, None].expand(12, 2, 8, 8), atol=1e-3, rtol=0)
    assert losses.displacement(batch.shifts, batch.shifts, torch.ones(12, 1, 128, 128)) < 1e-6
    everywhere = losses.displacement(batch.shifts + 10, batch.shifts, torch.rand(12, 1, 128, 128))
    assert math.isclose(everywhere.item(), 1, rel_tol=1e-4)  # tens of pixels

    assert batch.charts is not None  # of this face every place lies as far from the nose as its chart says
    eyes = batch.landmarks[:, 1] - batch.landmarks[:, 0]
    scale = eyes.norm(dim=1) / math.hypot(70, 4)
    for chart, moved, size in zip(batch.charts, batch.shifts, scale, strict=True):
        lengths = chart.norm(dim=0)[4:12, 4:12] * 128 * size, moved.norm(dim=0)[4:12, 4:12]
        torch.testing.assert_close(*lengths, atol=1e-2, rtol=0)
    left = batch.charts[:, 0, :, 0] < batch.charts[:, 0, :, -1]
    assert left.all()  # in mirrored patches too


def test_features_are_in_units_of_their_size_on_photographs() -> None:
    """So that omega means the same whatever weights and layer are at hand."""
    pictures = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for layer in ("conv1_2", "conv3_1"):
        assert float(VGG(layer, "random", pictures)(pictures).abs().mean()) == pytest.approx(1, rel=1e-5)


def test_tones_make_a_ramp_flat_and_pass_gradients() -> None:
    ramp = torch.linspace(-0.6, 0.6, 512).expand(1, 3, 64, 512).clone()
    ramp[:, 0] += 0.1
    ramp.requires_grad_(True)
    flat = Tones()(ramp)
    change = flat - ramp
    torch.testing.assert_close(change[:, 0], change[:, 2])  # the same for all colours: lightness alone
    slope = (flat[0, 1, 32, 1:] - flat[0, 1, 32, :-1]).abs()
    assert float((slope < 1e-6).float().mean()) > 0.6  # the rest is the soft edges
    assert 3 <= len(torch.unique(flat[0, 1, 32, :-1][slope < 1e-6].detach().mul(1e3).round())) <= 15
    assert float(change.detach().abs().max()) < LARGEST / 2 + 1e-5
    assert abs(float(change.detach().mean())) < 0.01
    flat.sum().backward()
    torch.testing.assert_close(ramp.grad, torch.ones_like(ramp))


def test_a_bend_moves_nothing_at_first_and_learns_to() -> None:
    """A spot is to stand six pixels to the right of where it is, and all else where it is."""
    torch.manual_seed(0)
    picture = torch.zeros(1, 3, 64, 96)
    picture[:, :, 24:40, 30:46] = 1
    wanted = torch.roll(picture, 6, 3)
    bend = Bend(4)
    assert torch.allclose(bend(picture, bend.look(picture)), picture, atol=1e-4)
    before = float((picture - wanted).abs().mean())
    optimiser = torch.optim.Adam(bend.parameters(), 5e-3)
    for _ in range(80):
        optimiser.zero_grad()
        (bend(picture, bend.look(picture)) - wanted).abs().mean().backward()
        optimiser.step()
    with torch.no_grad():
        assert float((bend(picture, bend.look(picture)) - wanted).abs().mean()) < 0.3 * before


def test_a_mask_adds_nothing_at_first_and_learns_what_is_where() -> None:
    """Two places that look alike are told apart by where on the face they are; the chart is left alone by that."""
    torch.manual_seed(0)
    plain = Small(4, bend=True)
    masked = Small(4, bend=True, mask=True)
    masked.load_state_dict(masked.state_dict() | plain.state_dict())
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    assert torch.equal(plain(picture), masked(picture))

    mask = Mask(2, 1)
    seen = torch.zeros(1, 2, 4, 4)
    middles = (torch.arange(8) + 0.5) / 4 - 1
    torch.testing.assert_close(mask.charts(seen)[0], torch.stack([middles.expand(8, 8), middles[:, None].expand(8, 8)]))
    wanted = torch.zeros(1, 1, 32, 32)
    wanted[..., 16:24, 8:12] = 1
    optimiser = torch.optim.Adam(mask.parameters(), 1e-2)
    for _ in range(100):
        optimiser.zero_grad()
        (mask(seen) - wanted).square().mean().backward()
        optimiser.step()
    assert mask.offset.weight.grad is None
    with torch.no_grad():
        torch.testing.assert_close(mask(seen), wanted, atol=0.3, rtol=0)
