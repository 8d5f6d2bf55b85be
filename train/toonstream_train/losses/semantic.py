"""Semantic consistency: what a picture shows is the same before and after translation."""

from torch import Tensor
from torch.nn.functional import l1_loss


def semantic_consistency(embedding: Tensor, again: Tensor) -> Tensor:
    """Between what one generator's encoder makes of a picture and what the other's makes of its translation.

    Embeddings are (B, C, h, w). Face2Anime's L_sem, after XGAN (Royer et al. 2017); as the mean of absolute
    differences, so that its weight means the same for every size and width.
    """
    return l1_loss(again, embedding)
