"""Networks of the presets by name, and the contract that each of them keeps.

A network is a torch module with the interface of torchvision's detectors:

- In evaluation mode, `network(images)` returns for each image a dictionary of `boxes` (N, 4) in px, `scores` (N,),
  highest first, and `labels` (N,) from 1 on. It takes only images, float32 in [0, 1], shape (3, H, W) each.
- In training mode, `network(images, targets)` returns a dictionary of losses, each a scalar; see `Target`. BatchNorm in
  evaluation mode and a fixed random state make them a function of the weights.
- The size that it is given is the size that its `backbone` sees. It pads, but never resizes.
- Boxes under `ignored` of a target are neither cell nor background.
- A label whose weight under `box_weights` of a target is 0 is a cell, but has no part in the loss of the boxes.
- Weights and buffers are all of its state, so that a file of tensors restores it.

`tests/detector/test_contract.py` tests this for every preset. No variant of the method needs more of it: neither a
second stage, nor proposals, anchors or pre-trained weights (`tests/ablation/test_presets.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from sissi.config import Detector as DetectorSettings
from sissi.detector.anchor_free.network import anchor_free_network
from sissi.detector.one_stage import fcos_network, retinanet_network
from sissi.detector.rtdetr.network import rtdetr_network
from sissi.detector.small import small_network
from sissi.detector.two_stage import torchvision_faster_rcnn

Target = dict[str, Tensor]
"""Targets of an image: `boxes`, shape (N, 4), float32, in px; `labels`, shape (N,), int64, from 1 on; and, for an image
with ignore regions, `ignored`, shape (M, 4), float32, in px; where labels have unequal weights in the loss of the
boxes, `box_weights`, shape (N,), float32, in [0, 1]; for lite, `background`, shape (5,), float32, the numbers of
`sissi.detector.background`."""

NETWORKS: dict[str, Callable[[DetectorSettings, int], nn.Module]] = {
    "small": small_network,
    "lite": anchor_free_network,
    "mobilenet": torchvision_faster_rcnn,
    "resnet50": torchvision_faster_rcnn,
    "resnet50_v2": torchvision_faster_rcnn,
    "retinanet": retinanet_network,
    "fcos": fcos_network,
    "rtdetr": rtdetr_network,
}
"""Function that builds the network of a preset, from its settings and the number of classes of cells."""
