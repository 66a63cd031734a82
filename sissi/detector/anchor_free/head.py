"""Head of an anchor-free detector: a score, a class and a box at each point (Tian et al., FCOS, ICCV 2019).

A score says whether there is a cell, whatever its class, and the classes of one cell exclude each other: so with
several classes the score is learnt from as many labels as with one.
"""

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
        biases = [-math.log((1 - PRIOR) / PRIOR), *([0.0] * classes if classes > 1 else [])]
        self.classify = nn.ModuleList(_branch(width, depth, biases) for _ in strides)
        self.measure = nn.ModuleList(_branch(width, depth, [math.log(FIRST_DISTANCE)] * 4) for _ in strides)

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Predictions at the points of all levels, in the order of `points_of`.

        Args:
            levels: features of each level, shape (B, C, H, W), finest first.

        Returns:
            Logits of the score, shape (B, N); logits of the classes, shape (B, N, K), or (B, N, 0) if there is one
            class; and distances in px of the left, top, right and bottom side of the box from the point, shape
            (B, N, 4), positive.
        """
        outputs = [_by_point(branch(level)) for branch, level in zip(self.classify, levels, strict=True)]
        distances = [
            _by_point(branch(level)).clamp(max=8).exp() * stride
            for branch, level, stride in zip(self.measure, levels, self.strides, strict=True)
        ]
        predicted = torch.cat(outputs, dim=1)
        return predicted[..., 0], predicted[..., 1:], torch.cat(distances, dim=1)


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


def _branch(width: int, depth: int, biases: Sequence[float]) -> nn.Sequential:
    last = nn.Conv2d(width, len(biases), 1)
    nn.init.normal_(last.weight, std=0.01)
    last.bias = nn.Parameter(torch.tensor(biases))
    return nn.Sequential(*(convolution(width, width) for _ in range(depth)), last)


def _by_point(level: Tensor) -> Tensor:
    """Outputs (B, K, H, W) of a level as (B, H * W, K), row by row."""
    return level.flatten(2).transpose(1, 2)
