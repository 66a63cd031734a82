"""Head of an anchor-free detector: a score for each class and a box at each point (Tian et al., FCOS, ICCV 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sissi.detector.anchor_free.pyramid import convolution

PRIOR = 0.01
"""Score of every point before training, so that the many points of the background do not dominate the first steps."""
FIRST_DISTANCE = 2.0
"""Distance of the sides of a box from its point before training, in strides."""


class Head(nn.Module):
    """For each level two branches of convolutions: one to classify, one to measure the distances to the four sides."""

    def __init__(self, width: int, strides: Sequence[int], classes: int, depth: int = 2) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.classify = nn.ModuleList(_branch(width, depth, classes, -math.log((1 - PRIOR) / PRIOR)) for _ in strides)
        self.measure = nn.ModuleList(_branch(width, depth, 4, math.log(FIRST_DISTANCE)) for _ in strides)

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Predictions at the points of all levels, in the order of `points_of`.

        Args:
            levels: features of each level, shape (B, C, H, W), finest first.

        Returns:
            Logits of the classes, shape (B, N, K), and distances in px of the left, top, right and bottom side of the
            box from the point, shape (B, N, 4), positive.
        """
        logits = [_by_point(branch(level)) for branch, level in zip(self.classify, levels, strict=True)]
        distances = [
            _by_point(branch(level)).clamp(max=8).exp() * stride
            for branch, level, stride in zip(self.measure, levels, self.strides, strict=True)
        ]
        return torch.cat(logits, dim=1), torch.cat(distances, dim=1)


def points_of(levels: Sequence[Tensor], strides: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Coordinates (N, 2) in px and strides (N,) of the points of all levels: the centres of their pixels."""
    points, steps = [], []
    for level, stride in zip(levels, strides, strict=True):
        height, width = level.shape[-2:]
        rows, columns = (torch.arange(side, device=level.device) + 0.5 for side in (height, width))
        grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
        points.append(grid.reshape(-1, 2) * stride)
        steps.append(torch.full((height * width,), float(stride), device=level.device))
    return torch.cat(points), torch.cat(steps)


def _branch(width: int, depth: int, outputs: int, bias: float) -> nn.Sequential:
    last = nn.Conv2d(width, outputs, 1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.constant_(last.bias, bias)  # type: ignore[arg-type]  # it has a bias
    return nn.Sequential(*(convolution(width, width) for _ in range(depth)), last)


def _by_point(level: Tensor) -> Tensor:
    """Outputs (B, K, H, W) of a level as (B, H * W, K), row by row."""
    return level.flatten(2).transpose(1, 2)
