"""U-GAT-IT's blocks, which several recipes share: attention by class activation, and the gated norm."""

import pytest
import torch
from toonstream_train.networks.blocks.adalin import LIN, AdaLIN, AdaLINResidual, clip_gates
from toonstream_train.networks.blocks.attention import CAM
from toonstream_train.networks.discriminators.ugatit import Discriminator
from toonstream_train.networks.generators import build
from toonstream_train.networks.generators.ugatit import Generator


def test_attention_weighs_features_by_what_tells_domains_apart() -> None:
    cam = CAM(2, torch.nn.Identity())
    with torch.no_grad():
        cam.by_mean.weight.copy_(torch.tensor([[1.0, -2.0]]))
        cam.by_maximum.weight.copy_(torch.tensor([[0.5, 3.0]]))
        cam.mix.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 1.0]])[:, :, None, None])
        cam.mix.bias.zero_()
    x = torch.tensor([[[[0.0, 4.0]], [[1.0, 3.0]]]])
    attended, logits = cam(x)
    assert logits.tolist() == [[2 - 4, 2 + 9]]  # means 2 and 2, maxima 4 and 3
    assert attended.tolist() == [[[[0.0, 4.0]], [[3.0, 9.0]]]]  # by the mean's 1, by the maximum's 3


@pytest.mark.parametrize(("gate", "of"), [(1.0, (2, 3)), (0.0, (1, 2, 3))])
def test_the_gate_is_between_instance_and_layer_norm(gate: float, of: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2, 3])[:, None, None]
    norm = AdaLIN(3)
    with torch.no_grad():
        norm.rho.fill_(gate)
    variance, mean = torch.var_mean(x, of, correction=0, keepdim=True)
    expected = (x - mean) / (variance + 1e-5).sqrt()
    gamma, beta = torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.tensor([[0.0, 1, 2], [3, 4, 5]])
    torch.testing.assert_close(norm(x, torch.ones(2, 3), torch.zeros(2, 3)), expected, rtol=1e-4, atol=1e-5)
    scaled = expected * gamma[:, :, None, None] + beta[:, :, None, None]
    torch.testing.assert_close(norm(x, gamma, beta), scaled, rtol=1e-4, atol=1e-5)


def test_gates_stay_within_0_and_1_and_come_back_from_a_bound() -> None:
    block, lin = AdaLINResidual(2), LIN(2)
    assert [norm.rho.mean().item() for norm in (*block.norms, lin)] == pytest.approx([0.9, 0.9, 0.0])
    network = torch.nn.ModuleList([block, lin])
    with torch.no_grad():
        block.norms[0].rho.copy_(torch.tensor([1.5, 0.3]))
        lin.rho.copy_(torch.tensor([-0.2, 1.0]))
    clip_gates(network)
    assert block.norms[0].rho.tolist() == pytest.approx([1.0, 0.3])
    assert lin.rho.tolist() == [0.0, 1.0]
    x = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    (block(x, torch.ones(1, 2), torch.zeros(1, 2)) * weight).sum().backward()
    assert block.norms[0].rho.grad is not None
    assert block.norms[0].rho.grad[0] != 0  # at its bound


def test_norms_of_half_floats_do_not_overflow() -> None:
    x = (torch.randn(1, 64, 64, 64, generator=torch.Generator().manual_seed(0)) * 100).half()
    made = LIN(64)(x)
    assert made.dtype == torch.float16
    assert made.detach().float().std().item() == pytest.approx(1, rel=1e-2)


def test_generator_and_discriminator() -> None:
    generator, discriminator = Generator(2, 3), Discriminator(2, 5)
    assert len(generator.residual) == 3
    x = torch.rand(2, 3, 96, 128) * 2 - 1
    attended, logits = generator.encode(x)
    assert attended.shape == (2, 8, 24, 32)
    assert logits.shape == (2, 2)
    toon = generator(x)
    assert torch.equal(generator.decode(attended), toon)
    assert toon.shape == x.shape
    toon.sum().backward()
    assert all(parameter.grad is not None for name, parameter in generator.named_parameters() if "by_" not in name)
    patches, by_attention = discriminator(x)
    assert patches.shape == (2, 1, 1, 2)
    assert by_attention.shape == (2, 2)
    assert isinstance(build(generator.architecture), Generator)
