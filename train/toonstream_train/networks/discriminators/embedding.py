"""Tells from which domain an embedding comes (Ganin et al.: Domain-Adversarial Training of Neural Networks, 2016)."""

from torch import Tensor, nn


class Discriminator(nn.Module):
    """Two convolutions of stride 2 and one to the logit. (N, channels, h, w) -> logits (N, 1, h / 4, w / 4)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(channels, channels, 3, 2, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(channels, 1, 3, 1, 1),
        )

    def forward(self, embedding: Tensor) -> Tensor:
        logits: Tensor = self.body(embedding)
        return logits
