"""A buffer of generated pictures (Shrivastava et al. 2017), by which a discriminator remembers earlier generators."""

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """The last `size` pictures, (3, side, side) each, or none: a module, so that checkpoints hold them."""

    def __init__(self, size: int, side: int) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, 3, side, side))
        self.register_buffer("held", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def forward(self, made: Tensor) -> Tensor:
        """Store the pictures (N, 3, side, side); return them, half of them exchanged for ones stored earlier."""
        pictures, held = self.get_buffer("pictures"), self.get_buffer("held")
        if not len(pictures):
            return made.detach()
        out = []
        for picture in made.detach():
            count = int(held)
            if count < len(pictures):
                pictures[count] = picture
                held += 1
                out.append(picture)
                continue
            # torch's random numbers, since their state is in every checkpoint
            place = int(torch.randint(0, 2 * len(pictures), ()))
            if place < len(pictures):
                out.append(pictures[place].clone())
                pictures[place] = picture
            else:
                out.append(picture)
        return torch.stack(out)
