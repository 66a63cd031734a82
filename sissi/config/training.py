"""Settings of the detector and of early learning; pixels are those of the resized image, the input of the detector."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from sissi.config.base import Fraction, Interval, OddKernel, Probability, Settings


class Detector(Settings):
    """Settings of Faster R-CNN with a feature pyramid (4.1)."""

    preset: Literal["paper", "small"]
    """paper: ResNet-50 FPN; small: a narrow ResNet with a small head, for CPUs."""
    weights: Literal["coco", "none"] | Path = "none"
    """coco: torchvision's COCO_V1 (downloaded once); none: random weights; or a local file with a state dict (preset
    paper only)."""
    anchor_sizes: tuple[tuple[PositiveFloat, ...], ...] = ((12, 18), (26, 38))
    """Anchor sizes in px for each pyramid level, finest level first: 2 levels (small), 5 levels (paper)."""
    aspect_ratios: tuple[PositiveFloat, ...] = (0.5, 1.0, 2.0)
    """Height / width of the anchors on every level."""
    detections_per_image: PositiveInt = 300
    """Largest number of detections per image; it should exceed the number of cells."""
    rois_per_image: PositiveInt = 64
    """Number of proposals per image on which the box head is trained."""
    proposals: PositiveInt = 300
    """Number of proposals per image that enter the box head."""
    score_floor: Fraction = 0.05
    """Lowest score of a detection; the detector drops all others."""
    nms_iou: Fraction = 0.5
    """IoU threshold of the detector's non-maximum suppression."""

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
    """Random augmentation of the training images (4.1)."""

    channel_shuffle: Probability = 0.5
    gaussian_blur: Probability = 0.2
    blur_kernel: tuple[OddKernel, OddKernel] = (3, 7)
    """Smallest and largest kernel of the Gaussian blur, in px, odd."""
    horizontal_flip: Probability = 0.5
    vertical_flip: Probability = 0.5
    shift_scale_rotate: Probability = 0.5
    shift: Fraction = 0.0625
    """Largest shift, as a fraction of the image sides."""
    scale: Interval = (0.9, 1.1)
    """Smallest and largest scale factor."""
    rotate: float = Field(default=45, ge=0, le=180)
    """Largest rotation angle, in degrees."""
    min_visibility: Fraction = 0.3
    """Smallest fraction of a box's area inside the image; boxes with a smaller fraction are dropped."""


class Training(Settings):
    """Settings of the training; one epoch of mixed batches is one pass over the target training images (3.2, 4.1)."""

    epochs: int = Field(ge=2)
    """Number of epochs of every variant, early learning and correction together."""
    image_size: tuple[PositiveInt, PositiveInt] = (512, 512)
    """Height and width of the resized images, in px."""
    target_batch: PositiveInt = 4
    """Number of target images in a batch."""
    source_batch: PositiveInt = 4
    """Number of source images in a batch."""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: PositiveFloat = 0.001
    momentum: Fraction = 0.9
    """Momentum of SGD."""
    weight_decay: float = Field(default=0.0002, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    """Schedule of the learning rate over all epochs. It depends only on the epoch, so it is the same for every
    variant."""
    warmup_steps: int = Field(default=0, ge=0)
    """Number of iterations at the start in which the learning rate rises linearly."""
    clip_gradient: PositiveFloat | None = None
    """Largest norm of the gradient; default: no limit."""
    averaging: float | None = Field(default=None, gt=0, lt=1)
    """Decay per iteration of the running average of the weights (the teacher), which predicts pseudo labels, curves and
    scores. Default, as in the paper: the trained weights predict them."""
    augmentation: Augmentation = Augmentation()
    precision: Literal["float32", "bf16"] = "float32"
    """Precision of the backbone. bf16 is for GPUs and changes results slightly; boxes and losses are always float32."""
    workers: int = Field(default=2, ge=0)
    """Number of threads that read and augment images ahead of the training; 0: none. It does not change results."""


class EarlyLearning(Settings):
    """Settings of phase 1 (3.2, 3.3): the trunk that all variants share."""

    max_epochs: PositiveInt
    """Number of epochs of the trunk; correction starts at one of them."""
    min_epoch: PositiveInt = 1
    """First epoch of the search for the lowest validation loss. The loss may be low before, while the network predicts
    nothing."""


class Deceleration(Settings):
    """Settings of ADELE (3.3; Liu et al., CVPR 2022)."""

    threshold: Fraction = 0.9
    """Threshold of the relative change of the fitted slope; correction starts at the first epoch above it."""
    min_points: int = Field(default=4, ge=4)
    """Smallest number of epochs for a fit: one more than the curve has parameters."""
    start_epoch: PositiveInt | None = None
    """Epoch after which the ADELE rows start, instead of the one that the fit selects."""
