"""The Portrait Stylization Network: CycleGAN with U-GAT-IT's attention (section 3.1.2, equation 6)."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import l1_loss

from toonstream_train.losses.adversarial import discriminator_loss, generator_loss
from toonstream_train.losses.attention import cam_loss
from toonstream_train.losses.total import total
from toonstream_train.networks.blocks.adalin import clip_gates
from toonstream_train.networks.discriminators.ugatit import Discriminator
from toonstream_train.networks.generators.ugatit import Generator


class PSN:
    """Two generators and two discriminators, and what they minimise."""

    def __init__(self, width: int, blocks: int, discriminator_width: int) -> None:
        self.stylize, self.undo = Generator(width, blocks), Generator(width, blocks)  # p -> a, a -> p
        self.of_cartoons, self.of_portraits = Discriminator(discriminator_width), Discriminator(discriminator_width)
        self.generators = {"generator": self.stylize, "back": self.undo}
        self.discriminators = {
            "cartoon discriminator": self.of_cartoons,
            "portrait discriminator": self.of_portraits,
        }
        self.networks: dict[str, nn.Module] = {**self.generators, **self.discriminators}

    def forward(self, portrait: Tensor, cartoon: Tensor) -> None:
        """portrait: as the LDN has warped it."""
        self.portrait, self.cartoon = portrait, cartoon
        attended, self.portrait_cam = self.stylize.encode(portrait)
        self.toon = self.stylize.decode(attended)
        self.portrait_again = self.undo(self.toon)
        attended, self.cartoon_cam = self.undo.encode(cartoon)
        self.made_portrait = self.undo.decode(attended)
        self.cartoon_again = self.stylize(self.made_portrait)

    def generator_losses(
        self, cycle: float, adversarial: float, cam: float, shown: Callable[[Tensor], Tensor]
    ) -> dict[str, Tensor]:
        """The first three terms of equation 6. shown: what a discriminator sees of pictures."""
        again = l1_loss(self.portrait_again, self.portrait) + l1_loss(self.cartoon_again, self.cartoon)
        logits = (*self.of_cartoons(shown(self.toon)), *self.of_portraits(shown(self.made_portrait)))
        fooled = total(generator_loss("lsgan", logit) for logit in logits)
        parts = {"cycle": cycle * again, "generators": adversarial * fooled}
        if cam:  # each generator's attention tells its source from its target
            as_targets = self.stylize.encode(self.cartoon)[1], self.undo.encode(self.portrait)[1]
            parts["cam"] = cam * (
                cam_loss(self.portrait_cam, as_targets[0]) + cam_loss(self.cartoon_cam, as_targets[1])
            )
        return parts

    def discriminator_losses(self, adversarial: float, shown: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """Of their patches, and of their attention."""
        parts = {}
        pairs = (self.cartoon, self.toon), (self.portrait, self.made_portrait)
        for (name, discriminator), pair in zip(self.discriminators.items(), pairs, strict=True):
            real, made = (discriminator(shown(pictures.detach())) for pictures in pair)
            losses = [discriminator_loss("lsgan", a, [b]) for a, b in zip(real, made, strict=True)]
            parts[name] = adversarial * (losses[0] + losses[1])
        return parts

    def clip_gates(self) -> None:
        """After an update of the generators."""
        for generator in self.generators.values():
            clip_gates(generator)
