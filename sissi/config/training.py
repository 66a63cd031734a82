"""Settings of the detector and of early learning; pixels are those of the resized image that the detector sees."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sissi.config.base import Fraction, Interval, OddKernel, Probability, Settings


class Detector(Settings):
    """Faster R-CNN with a feature pyramid (4.1)."""

    preset: Literal["paper", "small"]
    """paper: ResNet-50 FPN; small: a narrow ResNet with a small head, for CPUs."""
    weights: Literal["coco", "none"] | Path = "none"
    """coco: torchvision's COCO_V1 (downloaded once); none: random; or a local file with a state dict (paper only)."""
    anchor_sizes: tuple[tuple[PositiveFloat, ...], ...] = ((12, 18), (26, 38))
    """Anchor sizes in px for each pyramid level, finest first: 2 levels (small), 5 (paper)."""
    aspect_ratios: tuple[PositiveFloat, ...] = (0.5, 1.0, 2.0)
    """Height / width of the anchors, on every level."""
    detections_per_image: PositiveInt = 300
    """Most detections in an image: more than it has cells."""
    rois_per_image: PositiveInt = 64
    """Proposals that the box head is trained on, an image."""
    proposals: PositiveInt = 300
    """Proposals that the box head sees, an image."""
    score_floor: Fraction = 0.05
    """Detections below this score are dropped by the detector itself."""
    nms_iou: Fraction = 0.5
    """Non-maximum suppression of the detector's own boxes."""

    @model_validator(mode="after")
    def _levels(self) -> Self:
        levels = {"paper": 5, "small": 2}[self.preset]
        if len(self.anchor_sizes) != levels:
            raise ValueError(
                f"anchor_sizes: preset {self.preset} has {levels} pyramid levels, {len(self.anchor_sizes)} given"
            )
        if len({len(sizes) for sizes in self.anchor_sizes}) != 1:
            raise ValueError("anchor_sizes: each level needs the same number of sizes")
        if self.preset == "small" and self.weights == "coco":
            raise ValueError("weights: coco exists for preset paper only")
        return self


class Augmentation(Settings):
    """Random changes of the training images (4.1)."""

    channel_shuffle: Probability = 0.5
    gaussian_blur: Probability = 0.2
    blur_kernel: tuple[OddKernel, OddKernel] = (3, 7)
    """Smallest and largest kernel of the Gaussian blur, in px, odd."""
    horizontal_flip: Probability = 0.5
    vertical_flip: Probability = 0.5
    shift_scale_rotate: Probability = 0.5
    shift: Fraction = 0.0625
    """Largest shift, as a fraction of the image's sides."""
    scale: Interval = (0.9, 1.1)
    """Smallest and largest factor."""
    rotate: float = Field(default=45, ge=0, le=180)
    """Largest angle, in degrees."""
    min_visibility: Fraction = 0.3
    """A box of which less than this fraction stays inside the image is dropped, not kept as a sliver."""


class Training(Settings):
    """One epoch of mixed batches is one pass over the target training images (3.2, 4.1)."""

    epochs: int = Field(ge=2)
    """Of every variant, early learning and correction together."""
    image_size: tuple[PositiveInt, PositiveInt] = (512, 512)
    """Height and width to which every image is resized, in px."""
    target_batch: PositiveInt = 4
    """Target images in a batch."""
    source_batch: PositiveInt = 4
    """Source images in a batch."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: PositiveFloat = 0.001
    momentum: Fraction = 0.9
    """Of SGD."""
    weight_decay: float = Field(default=0.0002, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    """Of the learning rate over all epochs; it depends on the epoch alone, so it is the same for every variant."""
    warmup_steps: int = Field(default=0, ge=0)
    """Iterations at the very start over which the learning rate rises linearly."""
    clip_gradient: PositiveFloat | None = None
    """Largest norm of the gradient; left out: no limit."""
    averaging: float | None = Field(default=None, gt=0, lt=1)
    """Decay, an iteration, of the running average of the weights that makes pseudo labels, curves and scores; left
    out, as in the paper: these come from the trained weights themselves."""
    augmentation: Augmentation = Augmentation()
    precision: Literal["float32", "bf16"] = "float32"
    """Of the backbone. bf16 suits GPUs and changes results a little; boxes and losses are float32 in either case."""
    workers: int = Field(default=2, ge=0)
    """Threads that read and augment images ahead of the training; 0: none. They change no result."""


class EarlyLearning(Settings):
    """Phase 1 (3.2, 3.3): the trunk that all variants share."""

    max_epochs: PositiveInt
    """Length of the trunk: correction starts at one of its epochs."""
    min_epoch: PositiveInt = 1
    """The lowest validation loss is searched from this epoch on: a net that predicts nothing yet may have a low one."""


class Deceleration(Settings):
    """ADELE (3.3; Liu et al., CVPR 2022)."""

    threshold: Fraction = 0.9
    """Correction starts at the first epoch whose relative change of the fitted slope exceeds this."""
    min_points: int = Field(default=4, ge=4)
    """Epochs that a fit needs: one more than the curve has parameters."""
    start_epoch: PositiveInt | None = None
    """Start the ADELE rows after this epoch instead of the one that the fit names."""
