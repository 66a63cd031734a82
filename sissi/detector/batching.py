"""Images of several sizes as one batch, for networks that take a tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad


def padded_batch(images: Sequence[Tensor], multiple: int) -> Tensor:
    """Images (3, h, w) as one batch (B, 3, H, W), padded with 0 on the right and bottom to the largest.

    H and W are multiples of `multiple` px.
    """
    # no negative numbers: an exported network rounds their quotient towards 0
    tallest, widest = (max(image.shape[side] for image in images) + multiple - 1 for side in (1, 2))
    height, width = tallest // multiple * multiple, widest // multiple * multiple
    return torch.stack([pad(image, (0, width - image.shape[2], 0, height - image.shape[1])) for image in images])
