"""Feature pyramid with a path down and a path up (Liu et al., PANet, CVPR 2018), light enough for CPUs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class Pyramid(nn.Module):
    """Levels with an equal number of channels, each of which has seen the levels below and above it."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        """Build the convolutions for levels with these channels, finest level first, and for `width` channels."""
        super().__init__()
        steps = range(len(channels) - 1)
        self.lateral = nn.ModuleList(convolution(wide, width, 1) for wide in channels)
        self.merge_down = nn.ModuleList(convolution(2 * width, width) for _ in steps)
        self.shrink = nn.ModuleList(convolution(width, width, stride=2) for _ in steps)
        self.merge_up = nn.ModuleList(convolution(2 * width, width) for _ in steps)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Features (B, C, H, W) of each level, finest first, with equal channels."""
        levels = [layer(level) for layer, level in zip(self.lateral, features, strict=True)]
        for index in reversed(range(len(levels) - 1)):
            coarse = interpolate(levels[index + 1], size=levels[index].shape[-2:], mode="nearest")
            levels[index] = self.merge_down[index](torch.cat([levels[index], coarse], dim=1))
        for index in range(1, len(levels)):
            fine = self.shrink[index - 1](levels[index - 1])
            levels[index] = self.merge_up[index - 1](torch.cat([levels[index], fine], dim=1))
        return levels


def convolution(channels: int, width: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, BatchNorm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )
