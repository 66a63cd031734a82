"""Settings of the training and of early learning; pixels are those of the resized image, the input of the detector."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from sissi.config.base import Fraction, Interval, OddKernel, Probability, Settings


class Augmentation(Settings):
    """Random augmentation of the training images (4.1)."""

    library: Literal["albumentations", "torchvision"] = "albumentations"
    """Library that changes the images, with the same distribution of changes; albumentations is no longer kept up."""
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


class Background(Settings):
    """How much the background of weakly labelled target images counts, whose labels may lack cells: weights of examples
    in the loss of the scores, from the first epoch on. Defaults, as in the paper: all count fully. Only preset lite has
    them."""

    border: Fraction | Literal["labels"] = 1.0
    """Weight of boxes at the border of the image. labels: the share of labels that are there of those that uniformly
    placed cells would have, if it is below 1 (docs/method.md)."""
    far: Fraction = 1
    """Weight of boxes that overlap no label, growing to 1 with their IoU (soft sampling, Wu et al. 2019, who take
    0.25)."""
    confident: Fraction = 1
    """Weight of boxes with a score above 0.5 that overlap no label (as background recalibration, Zhang et al. 2020)."""
    soft: Fraction = 0
    """Boxes of score p that overlap no label have the weight 1 - soft * p."""
    completeness: float = Field(default=1, gt=0, le=1)
    """Share of the cells that have a label. Below 1, labelled cells stand for the others: the loss is the non-negative
    risk of learning from positive and unlabelled examples (nnPU, Kiryo et al. 2017)."""


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
    corrected_batch: PositiveInt = 1
    """Number of corrected target images in a batch, beside the others; none without data.target_corrected."""
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
    background: Background = Background()
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
    classes: Literal["mean", "each"] = "mean"
    """With several classes, mean: the curve is the mean of the classes' AP50. each: there is a curve for each class,
    and correction starts after the last of their epochs, when learning has decelerated for every class."""
    start_epoch: PositiveInt | None = None
    """Epoch after which the ADELE rows start, instead of the one that the fit selects."""
