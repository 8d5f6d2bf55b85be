"""The Landmark Deformation Network: CycleGAN on contours (section 3.1.2, equations 1 to 3).

Contours are (B, 17, 2) in shares of the picture's side.
"""

from torch import Tensor, nn
from torch.nn.functional import l1_loss

from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.networks.landmark_deformation import Discriminator, Generator


class LDN:
    """Two generators and two discriminators, and what they minimise."""

    def __init__(self, width: int) -> None:
        self.deform, self.undo = Generator(width=width), Generator(width=width)  # p -> a, a -> p
        self.of_cartoons, self.of_portraits = Discriminator(width=width), Discriminator(width=width)
        self.generators = {"landmark generator": self.deform, "landmark back": self.undo}
        self.discriminators = {
            "cartoon landmark discriminator": self.of_cartoons,
            "portrait landmark discriminator": self.of_portraits,
        }
        self.networks: dict[str, nn.Module] = {**self.generators, **self.discriminators}

    def forward(self, portrait: Tensor, cartoon: Tensor) -> None:
        self.portrait, self.cartoon = portrait, cartoon
        self.made_cartoon, self.made_portrait = self.deform(portrait), self.undo(cartoon)
        self.portrait_again, self.cartoon_again = self.undo(self.made_cartoon), self.deform(self.made_portrait)

    def generator_losses(self, cycle: float, adversarial: float) -> dict[str, Tensor]:
        """Equation 3, with these weights."""
        again = l1_loss(self.portrait_again, self.portrait) + l1_loss(self.cartoon_again, self.cartoon)  # equation 1
        fooled = generator_loss("lsgan", self.of_cartoons(self.made_cartoon))
        fooled = fooled + generator_loss("lsgan", self.of_portraits(self.made_portrait))
        return {"landmark cycle": cycle * again, "landmark generators": adversarial * fooled}

    def discriminator_losses(self, adversarial: float) -> dict[str, Tensor]:
        """Equation 2, real being 1."""
        pairs = (self.cartoon, self.made_cartoon), (self.portrait, self.made_portrait)
        return {
            name: adversarial * discriminator_loss("lsgan", discriminator(real), [discriminator(made.detach())])
            for (name, discriminator), (real, made) in zip(self.discriminators.items(), pairs, strict=True)
        }
