"""The discriminators that look at parts of a face."""

import torch
from toonstream_train.losses.adversarial import discriminator_loss
from toonstream_train.networks.discriminators.local import EYES, MOUTH, SIDE, LocalDiscriminator
from torch.nn.functional import avg_pool2d


def faces(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Crisp pictures of squares (N, 3, 64, 64), and charts that say where these lie."""
    random = torch.Generator().manual_seed(seed)
    coarse = (torch.rand(count, 1, 8, 8, generator=random) > 0.5).float() * 2 - 1
    return coarse.repeat_interleave(8, 2).repeat_interleave(8, 3).expand(-1, 3, -1, -1), coarse.repeat_interleave(
        4, 2
    ).repeat_interleave(4, 3).expand(-1, 6, -1, -1)


def test_each_looks_at_its_part() -> None:
    torch.manual_seed(0)
    local = LocalDiscriminator(4)
    picture, chart = faces(1, 0)
    picture = picture.clone().requires_grad_()
    corner = (1.0, 0.0)
    windows = (EYES, MOUTH, (1 - SIDE, 1.0, 0.0, SIDE))
    for index, (top, bottom, left, right) in enumerate(windows):
        logits = local(picture, chart, corner)[index]
        (seen,) = torch.autograd.grad(logits.sum(), picture)
        inside = torch.zeros(64, 64, dtype=torch.bool)
        # The means of five pixels reach two beyond.
        rows, columns = (slice(max(round(64 * a) - 2, 0), round(64 * b) + 2) for a, b in ((top, bottom), (left, right)))
        inside[rows, columns] = True
        assert seen[0].abs().sum(0)[~inside].max() == 0
        assert (seen[0].abs().sum(0)[inside] > 0).float().mean() > 0.9


def test_they_learn_to_tell_crisp_from_blurred() -> None:
    torch.manual_seed(0)
    local = LocalDiscriminator(8)
    adam = torch.optim.Adam(local.parameters(), 2e-3, (0.5, 0.99))
    losses = []
    for step in range(30):
        picture, chart = faces(4, step)
        blurred = avg_pool2d(picture, 3, 1, 1, count_include_pad=False)
        corner = (torch.rand(()).item(), torch.rand(()).item())
        pairs = zip(local(picture, chart, corner), local(blurred, chart, corner), strict=True)
        loss = torch.stack([discriminator_loss("hinge", real, [fake]) for real, fake in pairs]).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[0] > 4
    assert sum(losses[-5:]) / 5 < 1.5
