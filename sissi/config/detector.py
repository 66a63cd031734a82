"""Settings of the detector; pixels are those of the resized image, the input of the detector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, model_validator

from sissi.config.base import Fraction, Settings

PresetName = Literal[
    "small",
    "lite",
    "mobilenet",
    "resnet50",
    "resnet50_v2",
    "retinanet",
    "fcos",
    "rtdetr",
]
AnchorSizes = tuple[tuple[PositiveFloat, ...], ...]


@dataclass(frozen=True)
class Preset:
    """What the settings of a preset can be.

    Attributes:
        weights: names of the pre-trained weights that exist for it, beside `none` and a file.
        anchors: anchor sizes for each pyramid level, finest level first, in multiples of the cell size; None: no
            anchors.
        sizes: anchor sizes in px without a cell size: those that the pre-trained weights were trained with, or for
            `small` those of the demo; None: no anchors.
        two_stage: whether a second stage classifies proposals of a first one.
    """

    weights: tuple[str, ...]
    anchors: AnchorSizes | None
    sizes: AnchorSizes | None
    two_stage: bool


_OCTAVES = (0.25, 0.5, 1.0, 2.0, 4.0)
_THIRDS = tuple(tuple(0.8 * octave * 2 ** (k / 3) for k in range(3)) for octave in _OCTAVES)
_PER_LEVEL = tuple((octave,) for octave in _OCTAVES)
_COCO = ((32,), (64,), (128,), (256,), (512,))

PRESETS: dict[str, Preset] = {
    "small": Preset((), ((0.45, 0.65), (0.95, 1.4)), ((12, 18), (26, 38)), True),
    "lite": Preset(("imagenet",), None, None, False),
    "mobilenet": Preset(("imagenet", "coco"), (_OCTAVES,) * 3, ((32, 64, 128, 256, 512),) * 3, True),
    "resnet50": Preset(("imagenet", "coco"), _PER_LEVEL, _COCO, True),
    "resnet50_v2": Preset(("imagenet", "coco"), _PER_LEVEL, _COCO, True),
    "retinanet": Preset(
        ("imagenet", "coco"), _THIRDS, tuple(tuple(int(s * 2 ** (k / 3)) for k in range(3)) for (s,) in _COCO), False
    ),
    "fcos": Preset(("imagenet", "coco"), None, None, False),
    "rtdetr": Preset(("coco",), None, None, False),
}
"""Presets by name; `sissi.detector.presets` builds their networks."""


def _renamed(name: object) -> object:
    return "resnet50" if name == "paper" else name


class Detector(Settings):
    """Settings of the detector (4.1)."""

    preset: Annotated[PresetName, BeforeValidator(_renamed)]
    """small: Faster R-CNN on a narrow ResNet, for CPUs. lite: an anchor-free one-stage detector on a pre-trained
    EfficientNet-Lite0, for CPUs. Of torchvision: resnet50, the paper's (also named paper), resnet50_v2 and mobilenet,
    which are Faster R-CNN; retinanet and fcos, which have one stage. rtdetr: the detection transformer RT-DETRv2, which
    takes pip install 'sissi[transformers]'. docs/detectors.md compares them."""
    weights: Literal["coco", "imagenet", "none"] | Path = "none"
    """coco: weights of a detector trained on COCO. imagenet: weights of a backbone trained on ImageNet. Both are
    downloaded once; those of lite are installed with sissi. none: random weights. Or a file: a state dict of the same
    network, for rtdetr also a file of safetensors, or a detector of sissi. small has random weights or a file."""
    backbone: str | None = None
    """Backbone of the preset lite: the name of a network of timm, such as resnet18. Default: tf_efficientnet_lite0."""
    batch_norm: Literal["folded", "trained"] | None = None
    """BatchNorm of the backbone of the preset lite. folded: the statistics of its weights become part of the
    convolutions, so that training is faster and does not depend on the batch. trained: they follow the images. Default:
    folded, but trained with random weights."""
    frozen_stages: int = Field(default=0, ge=0, le=4)
    """Number of stages of the backbone of the preset lite that keep their weights; stage k ends at stride 2^k. What
    pre-trained stages see, edges and textures, is of use in every image, and training without them is faster."""
    cell_size: PositiveFloat | None = None
    """Longer side of a typical cell in px at training.image_size. Anchors follow from it."""
    anchor_sizes: AnchorSizes | None = None
    """Anchor sizes in px for each pyramid level, finest level first: 2 levels (small), 3 levels (mobilenet), 5 levels
    (resnet50, resnet50_v2, retinanet); lite, fcos and rtdetr have no anchors. Default: they follow from cell_size."""
    aspect_ratios: tuple[PositiveFloat, ...] = (0.5, 1.0, 2.0)
    """Height / width of the anchors on every level."""
    detections_per_image: PositiveInt = 300
    """Largest number of detections per image; it should exceed the number of cells. It is the number of queries of
    rtdetr."""
    rois_per_image: PositiveInt = 64
    """Number of proposals per image on which the box head of a two-stage detector is trained."""
    proposals: PositiveInt = 300
    """Number of proposals per image that enter the box head of a two-stage detector."""
    score_floor: Fraction = 0.05
    """Lowest score of a detection; the detector drops all others."""
    nms_iou: Fraction = 0.5
    """IoU threshold of the detector's non-maximum suppression."""

    @model_validator(mode="after")
    def _fits_the_preset(self) -> Self:
        preset = PRESETS[self.preset]
        if isinstance(self.weights, str) and self.weights != "none" and self.weights not in preset.weights:
            there_are = ", ".join((*preset.weights, "none"))
            raise ValueError(f"weights: {self.weights} does not exist for preset {self.preset}; there are {there_are}")
        if self.backbone is not None and self.preset != "lite":
            raise ValueError(f"backbone: only preset lite has other backbones; preset {self.preset} has its own")
        for name in ("batch_norm", "frozen_stages"):
            if getattr(self, name) and self.preset != "lite":
                raise ValueError(f"{name}: only preset lite has this setting; leave it out for preset {self.preset}")
        if self.anchor_sizes is None:
            return self
        if preset.anchors is None:
            raise ValueError(f"anchor_sizes: preset {self.preset} has no anchors; leave it out")
        if len(self.anchor_sizes) != len(preset.anchors):
            raise ValueError(
                f"anchor_sizes: preset {self.preset} has {len(preset.anchors)} pyramid levels, "
                f"{len(self.anchor_sizes)} given"
            )
        if len({len(sizes) for sizes in self.anchor_sizes}) != 1 or not self.anchor_sizes[0]:
            raise ValueError("anchor_sizes: each level needs the same number of sizes, at least one")
        return self

    @property
    def folds_batch_norm(self) -> bool:
        """Whether the BatchNorm of the backbone of lite is part of its convolutions."""
        return (self.batch_norm or ("trained" if self.weights == "none" else "folded")) == "folded"

    def without_weights(self) -> Self:
        """Settings of the same network with random weights."""
        form = {"batch_norm": "folded" if self.folds_batch_norm else "trained"} if self.preset == "lite" else {}
        return self.model_copy(update={"weights": "none", **form})

    @property
    def anchors(self) -> AnchorSizes | None:
        """Anchor sizes in px for each pyramid level: as set, from the cell size, or the preset's; None: no anchors."""
        preset = PRESETS[self.preset]
        if self.anchor_sizes is not None or preset.anchors is None:
            return self.anchor_sizes
        if self.cell_size is None:
            return preset.sizes
        return tuple(tuple(factor * self.cell_size for factor in level) for level in preset.anchors)
